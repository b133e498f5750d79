"""Calls, notifications and batches, over real sockets."""

import json

import pytest

from gemstone.client import BatchResult, MethodCall, Notification, RemoteService, Result
from gemstone.errors import CalledServiceError, MalformedResponseError, RemoteCallError


def test_a_call_is_a_strict_json_rpc_request(peer, service):
    call = MethodCall("say_hello", ("world",), id=7)

    result = service.call_method(call)

    assert result == Result(["world"], None, 7, call)
    [request] = peer.requests
    assert request.line == "POST /api HTTP/1.1"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept"] == "application/json"
    assert request.json == {"jsonrpc": "2.0", "method": "say_hello", "params": ["world"], "id": 7}


@pytest.mark.parametrize("params", [["world"], ("a", 1, None), {"name": "world"}, [], {}, ()])
def test_params_go_by_position_or_by_name(service, params):
    expected = list(params) if isinstance(params, tuple) else params

    assert service.call_method("echo", params).result == expected


def test_a_call_without_params_sends_none(peer, service):
    service.call_method("ping")

    assert "params" not in peer.requests[0].json


@pytest.mark.parametrize("id", [0, "", "1", -1, 1.5, 2**70])
def test_ids_of_all_kinds_come_back(service, id):
    assert service.call_method(MethodCall("x", id=id)).id == id


def test_a_whole_number_may_come_back_as_a_float(peer, service):
    peer.replies('{"jsonrpc": "2.0", "result": 1, "id": 5.0}')

    assert service.call_method(MethodCall("x", id=5)).id == 5


@pytest.mark.parametrize(
    "error",
    [
        {"code": -32601, "message": "Method not found"},
        {"code": 1, "message": "", "data": {"why": [1, 2]}},
        {"code": 0, "message": "zero", "data": None, "extra": True},
    ],
)
@pytest.mark.parametrize("legacy", [False, True])
def test_a_remote_error_is_returned_as_it_came(peer, service, error, legacy):
    peer.replies(
        {"jsonrpc": "2.0", "error": error, "id": "ID"} | ({"result": None} if legacy else {})
    )

    result = service.call_method("x")

    assert result.error == error
    assert result.result is None


def test_an_error_answer_may_have_no_id(peer, service):
    peer.replies(
        {"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": None}
    )
    call = MethodCall("x")

    assert service.call_method(call) == Result(
        None, {"code": -32700, "message": "Parse error"}, call.id, call
    )


@pytest.mark.parametrize("value", ["hello", None, 0, False, [], {}])
def test_legacy_and_strict_results_are_read_alike(peer, service, value):
    peer.replies({"jsonrpc": "2.0", "result": value, "id": "ID"})
    strict = service.call_method("x")
    peer.replies({"jsonrpc": "2.0", "result": value, "error": None, "id": "ID"})
    legacy = service.call_method("x")

    assert strict.result == legacy.result == value
    assert strict.error is legacy.error is None


def test_handle_single_request_gives_the_answer_as_it_came(peer, service):
    peer.replies({"jsonrpc": "2.0", "result": 1, "error": None, "id": "ID", "more": 2})
    call = MethodCall("x")

    assert service.handle_single_request(call) == {
        "jsonrpc": "2.0",
        "result": 1,
        "error": None,
        "id": call.id,
        "more": 2,
    }
    assert service.handle_single_request(Notification("x")) is None
    with pytest.raises(TypeError, match=r"a MethodCall or a Notification, not dict"):
        service.handle_single_request({"method": "x"})


def test_methods_give_values(peer, service):
    assert service.methods.say_hello("world") == ["world"]
    assert service.methods.users.register(name="x", age=3) == {"name": "x", "age": 3}
    assert service.methods.ping() is None
    assert [request.json["method"] for request in peer.requests] == [
        "say_hello",
        "users.register",
        "ping",
    ]


def test_methods_raise_remote_errors(peer, service):
    error = {"code": 42, "message": "no such user", "data": [1]}
    peer.replies({"jsonrpc": "2.0", "error": error, "id": "ID"})

    with pytest.raises(RemoteCallError, match=r"^no such user \(42\)$") as caught:
        service.methods.users.find("x")

    assert (caught.value.code, caught.value.data, caught.value.url) == (42, [1], peer.url)


def test_methods_are_used_wrongly(service):
    with pytest.raises(TypeError, match="by position and by name"):
        service.methods.x(1, a=2)
    with pytest.raises(TypeError, match="name a method"):
        service.methods()
    with pytest.raises(AttributeError):
        _ = service.methods.__deepcopy__
    assert "say_hello" in repr(service.methods.say_hello)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("200 OK", ""),
        ("202 Accepted", ""),
        ("204 No Content", ""),
        ("200 OK", '{"jsonrpc": "2.0", "result": null, "error": null}'),
        ("200 OK", '{"jsonrpc": "2.0", "error": {"code": 1, "message": "x"}, "id": null}'),
        ("200 OK", "[]"),
        ("200 OK", "<html>"),
    ],
)
def test_a_notification_is_taken_whatever_the_answer_says(peer, service, status, body):
    peer.replies(body, status)

    assert service.notify("log", {"line": "x"}) is None
    assert service.call_batch(Notification("log"), Notification("log")) == BatchResult()
    assert peer.requests[0].json == {"jsonrpc": "2.0", "method": "log", "params": {"line": "x"}}


def test_a_refused_notification_is_an_error(peer, service):
    peer.replies("busy", "503 Service Unavailable")

    with pytest.raises(CalledServiceError, match="HTTP 503 Service Unavailable") as caught:
        service.notify(Notification("log"))
    assert caught.value.status == 503


def test_a_batch_is_sorted_back(peer, service):
    def answer(request):
        replies = [
            {"jsonrpc": "2.0", "result": call["params"], "id": call["id"]}
            for call in request.json
            if "id" in call
        ]
        replies[1] = {
            "jsonrpc": "2.0",
            "error": {"code": 1, "message": "no"},
            "result": None,
            "id": replies[1]["id"],
        }
        return peer.http(json.dumps(replies[::-1]))

    peer.answer = answer
    calls = [MethodCall("echo", [number]) for number in range(5)]
    note = Notification("log")

    results = service.call_batch(*calls[:2], note, *calls[2:])

    assert len(results) == 5
    assert [result.method_call for result in results] == calls
    assert [result.result for result in results] == [[0], None, [2], [3], [4]]
    assert results[1].error == {"code": 1, "message": "no"}
    assert results[-1].result == [4]
    assert results.get_response_for_call(calls[3]) is results[3]
    assert results.get_response_for_call(note) is None
    assert results.get_response_for_call(MethodCall("echo")) is None
    assert service.call_batch(call for call in calls) == results


def test_an_empty_batch_is_not_sent(peer, service):
    assert service.call_batch() == service.call_batch([]) == BatchResult()
    assert peer.requests == []


def test_a_batch_that_is_refused_as_a_whole(peer, service):
    peer.replies({"jsonrpc": "2.0", "error": {"code": -32600, "message": "Too large"}, "id": None})

    with pytest.raises(RemoteCallError, match="the whole batch was refused: Too large") as caught:
        service.call_batch(MethodCall("a"), MethodCall("b"))
    assert caught.value.code == -32600


OK = '{"jsonrpc": "2.0", "result": 1, "id": 1}'


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (f"[{OK}]", '1 of 2 calls have no answer; the first has the id "b"'),
        ("[]", "2 of 2 calls have no answer"),
        (f"[{OK}, {OK}]", "it answers the id 1 twice"),
        (f"[{OK}, {OK.replace('1}', '9}')}]", "one of its ids is 9, not that of a call"),
        (f"[{OK}, {OK.replace('1}', 'true}')}]", "one of its ids is true, not"),
        (f"[{OK}, {OK.replace('1}', '[]}')}]", "one of its ids is [], not"),
        (f"[{OK}, null]", "its list holds null"),
        (f'[{OK}, {{"jsonrpc": "2.0", "error": {{"code": 1, "message": ""}}, "id": null}}]', "id"),
        (OK, "answered by a list, and it is an object"),
        ('"x"', "answered by a list, and it is a string"),
        ("", "its body is empty"),
    ],
)
def test_a_malformed_batch_answer(peer, service, body, why):
    peer.replies(body)

    with pytest.raises(MalformedResponseError) as caught:
        service.call_batch(MethodCall("a", id=1), MethodCall("b", id="b"))
    assert why in str(caught.value)


def test_a_batch_of_wrong_things(service):
    with pytest.raises(ValueError, match="two calls of the batch have the id 1"):
        service.call_batch(MethodCall("a", id=1), MethodCall("b", id=1.0))
    with pytest.raises(TypeError, match="not str"):
        service.call_batch(MethodCall("a"), "b")
    with pytest.raises(TypeError, match="not int"):
        service.call_batch(3)


@pytest.mark.parametrize(
    "function",
    [RemoteService.call_method, RemoteService.call_method_async, RemoteService.notify],
)
def test_what_can_not_be_called(service, function):
    with pytest.raises(
        TypeError, match=r"the params of 'x' are a list, a tuple or a dict, not str"
    ):
        function(service, "x", "world")
    with pytest.raises(TypeError, match=r"the params of 'x' have the name 1"):
        function(service, "x", {1: 2})
    with pytest.raises(TypeError, match=r"the params of 'x' can't be encoded.* set "):
        function(service, "x", [{1}])
    with pytest.raises(ValueError, match=r"the params of 'x' can't be encoded"):
        function(service, "x", [float("nan")])
    loop: list = []
    loop.append(loop)
    with pytest.raises(ValueError, match=r"the params of 'x' can't be encoded"):
        function(service, "x", loop)
    with pytest.raises(ValueError, match="can't be empty"):
        function(service, "")
    with pytest.raises(TypeError, match=r"not (by )?int"):
        function(service, 3)


def test_calls_and_notifications_are_not_confused(service):
    with pytest.raises(TypeError, match="notify"):
        service.call_method(Notification("x"))
    with pytest.raises(TypeError, match="call_method"):
        service.notify(MethodCall("x"))
    with pytest.raises(TypeError, match="holds its params already"):
        service.call_method(MethodCall("x"), [1])
    with pytest.raises(TypeError, match="holds its params already"):
        service.notify(Notification("x"), [1])
