"""JSON-RPC 2.0 to the letter, in both shapes of answers."""

import json

import pytest

import gemstone


class Arithmetic(gemstone.MicroService):
    """The methods of the examples in the specification, section 7."""

    name = "arithmetic"

    def __init__(self) -> None:
        super().__init__()
        self.updates: list[list[int]] = []

    @gemstone.exposed_method()
    def subtract(self, minuend, subtrahend):
        return minuend - subtrahend

    @gemstone.exposed_method()
    async def update(self, *values):
        self.updates.append(list(values))

    @gemstone.exposed_method()
    async def sum(self, *values):
        return sum(values)

    @gemstone.exposed_method()
    def get_data(self):
        return ["hello", 5]


@pytest.fixture
def arithmetic(serve):
    return serve(Arithmetic())


def without_data(answer):
    """An answer without what the specification leaves to the server."""
    if isinstance(answer, list):
        return [without_data(one) for one in answer]
    if "error" in answer:
        answer["error"].pop("data", None)
    return answer


def error(code, message, id=None):
    return {"jsonrpc": "2.0", "error": {"code": code, "message": message}, "id": id}


INVALID = error(-32600, "Invalid Request")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}',
            {"jsonrpc": "2.0", "result": 19, "id": 1},
        ),
        (
            '{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}',
            {"jsonrpc": "2.0", "result": -19, "id": 2},
        ),
        (
            '{"jsonrpc": "2.0", "method": "subtract", '
            '"params": {"subtrahend": 23, "minuend": 42}, "id": 3}',
            {"jsonrpc": "2.0", "result": 19, "id": 3},
        ),
        ('{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}', None),
        ('{"jsonrpc": "2.0", "method": "foobar"}', None),
        (
            '{"jsonrpc": "2.0", "method": "foobar", "id": "1"}',
            error(-32601, "Method not found", "1"),
        ),
        (
            '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]',
            error(-32700, "Parse error"),
        ),
        ('{"jsonrpc": "2.0", "method": 1, "params": "bar"}', INVALID),
        (
            '[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},'
            '{"jsonrpc": "2.0", "method"]',
            error(-32700, "Parse error"),
        ),
        ("[]", INVALID),
        ("[1]", [INVALID]),
        ("[1,2,3]", [INVALID, INVALID, INVALID]),
        (
            """[
            {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
            {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
            {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
            {"foo": "boo"},
            {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
            {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
            ]""",
            [
                {"jsonrpc": "2.0", "result": 7, "id": "1"},
                {"jsonrpc": "2.0", "result": 19, "id": "2"},
                INVALID,
                error(-32601, "Method not found", "5"),
                {"jsonrpc": "2.0", "result": ["hello", 5], "id": "9"},
            ],
        ),
        (
            '[{"jsonrpc": "2.0", "method": "update", "params": [1,2,4]},'
            '{"jsonrpc": "2.0", "method": "update", "params": [7]}]',
            None,
        ),
    ],
)
def test_the_examples_of_the_specification(arithmetic, body, expected):
    answer = arithmetic.post(body.encode())
    assert answer.status == 200
    if expected is None:
        assert answer.body == b""
    else:
        assert answer.headers["Content-Type"] == "application/json"
        assert without_data(answer.json) == expected


def test_a_notification_is_executed_before_it_is_answered(arithmetic):
    arithmetic.post({"jsonrpc": "2.0", "method": "update", "params": [1, 2]})
    assert arithmetic.service.updates == [[1, 2]]


@pytest.mark.parametrize(
    "id", ["0", '""', "null", "1.50e2", "123456789012345678901234567890", '"\\u00e9"', '"é"', "-0"]
)
def test_an_id_comes_back_as_it_came(arithmetic, id):
    body = f'{{"jsonrpc": "2.0", "method": "get_data", "id": {id}}}'.encode()
    assert arithmetic.post(body).body.endswith(f',"id":{id}}}'.encode())


@pytest.mark.parametrize("id", ["true", "false", "[]", "{}", "[1]", '{"a": 1}'])
def test_what_can_be_no_id(arithmetic, id):
    body = f'{{"jsonrpc": "2.0", "method": "get_data", "id": {id}}}'.encode()
    assert without_data(arithmetic.post(body).json) == INVALID


@pytest.mark.parametrize(
    ("member", "value"),
    [
        *(("jsonrpc", value) for value in (None, 2.0, 2, "1.0", "2", True, [], {})),
        *(("method", value) for value in (None, 1, True, [], {})),
        *(("params", value) for value in (None, 1, "x", True, 1.5)),
    ],
)
def test_a_member_of_the_wrong_type(arithmetic, member, value):
    request = {"jsonrpc": "2.0", "method": "get_data", "id": 7, member: value}
    assert without_data(arithmetic.post(request).json) == error(-32600, "Invalid Request", 7)


@pytest.mark.parametrize("member", ["jsonrpc", "method"])
def test_a_member_that_is_missing(arithmetic, member):
    request = {"jsonrpc": "2.0", "method": "get_data", "id": 7}
    del request[member]
    assert without_data(arithmetic.post(request).json) == error(-32600, "Invalid Request", 7)


@pytest.mark.parametrize(
    ("body", "code", "id"),
    [
        (b"", -32700, None),
        (b"   ", -32700, None),
        (b"\xff\xfe", -32700, None),
        (b'{"jsonrpc": "2.0", "method": "get_data", "id": "\xff"}', -32700, None),
        (b'{"jsonrpc": "2.0", "method": "get_data", "id": 1, "more": "\xff"}', -32700, None),
        (b'{"jsonrpc": "2.0", "method": "sum", "params": [NaN], "id": 1}', -32700, None),
        (b'{"jsonrpc": "2.0", "method": "sum", "params": ["\\ud800"], "id": 1}', -32700, None),
        (b"[" * 200_000, -32700, None),
        (b"[" * 200_000 + b"]" * 200_000, -32700, None),
        (b'{"id": 1, "x": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", -32700, None),
        (b'{"jsonrpc": "2.0", "method": "sum", "params": [1e999], "id": 1}', -32602, 1),
        (b'{"jsonrpc": "2.0", "method": "sum", "params": [1e999], "id": tru}', -32700, None),
        (b'{"jsonrpc": "2.0", "method": "sum", "params": [1e999], "id": true}', -32602, None),
        (b'{"jsonrpc": "2.0", "method": 1e999, "id": 1}', -32600, 1),
        (
            b'{"jsonrpc": "2.0", "method": "sum", "params": [' + b"9" * 5_000 + b'], "id": 1}',
            -32602,
            1,
        ),
        (b'"text"', -32600, None),
        (b"null", -32600, None),
        (b"5", -32600, None),
    ],
)
def test_bodies_that_can_be_no_request(arithmetic, body, code, id):
    answer = arithmetic.post(body)
    assert answer.status == 200
    assert answer.json["error"]["code"] == code
    assert answer.json["id"] == id
    assert arithmetic.result("get_data") == ["hello", 5]


def test_a_nested_batch_is_no_request(arithmetic):
    assert without_data(arithmetic.post([[]]).json) == [INVALID]


def test_a_bad_member_of_a_batch_does_not_spoil_the_others(arithmetic):
    good = b'{"jsonrpc": "2.0", "method": "get_data", "id": 1}'
    bad = b'{"jsonrpc": "2.0", "method": "sum", "params": [1e999], "id": 2}'
    first, second = arithmetic.post(b"[%b, %b]" % (bad, good)).json
    assert (first["id"], first["error"]["code"]) == (2, -32602)
    assert second["result"] == ["hello", 5]


def test_the_last_of_duplicate_keys_counts(arithmetic):
    body = b'{"jsonrpc": "2.0", "method": "nope", "method": "get_data", "id": 1}'
    assert arithmetic.post(body).json["result"] == ["hello", 5]


def test_a_batch_has_a_size_limit(serve):
    service = Arithmetic()
    service.max_batch_size = 3
    arithmetic = serve(service)
    call = {"jsonrpc": "2.0", "method": "get_data", "id": 1}
    assert len(arithmetic.post([call] * 3).json) == 3
    answer = arithmetic.post([call] * 4).json
    assert answer["error"]["code"] == -32600
    assert "3" in answer["error"]["data"]


class TestLegacyResponses:
    """What 0.12 answered."""

    @pytest.fixture
    def legacy(self, serve):
        service = Arithmetic()
        service.legacy_responses = True
        return serve(service)

    def test_both_members_are_always_there(self, legacy):
        request = {"jsonrpc": "2.0", "method": "sum", "params": [1, 2], "id": 1}
        assert legacy.post(request).json == {
            "jsonrpc": "2.0",
            "result": 3,
            "error": None,
            "id": 1,
        }
        request["method"] = "nope"
        assert legacy.post(request).json == {
            "jsonrpc": "2.0",
            "result": None,
            "error": {"code": -32601, "message": "Method not found"},
            "id": 1,
        }

    @pytest.mark.parametrize("more", [{}, {"id": None}])
    def test_a_notification(self, legacy, more):
        request = {"jsonrpc": "2.0", "method": "update", "params": [1], **more}
        answer = legacy.post(request)
        assert answer.json == {"jsonrpc": "2.0", "result": None, "error": None}
        assert legacy.post([request, request]).json == []
        assert legacy.service.updates == [[1]] * 3

    def test_null_params_stand_for_none(self, legacy):
        request = {"jsonrpc": "2.0", "method": "get_data", "params": None, "id": 1}
        assert legacy.post(request).json["result"] == ["hello", 5]

    def test_a_body_that_is_no_json(self, legacy):
        answer = legacy.post(b"{").json
        assert answer["result"] is None
        assert answer["error"]["code"] == -32700
        assert answer["id"] is None


def test_bytes_of_an_answer_are_json(arithmetic):
    body = json.dumps({"jsonrpc": "2.0", "method": "sum", "params": [1.5], "id": "é"}).encode()
    assert arithmetic.post(body).json == {"jsonrpc": "2.0", "result": 1.5, "id": "é"}
