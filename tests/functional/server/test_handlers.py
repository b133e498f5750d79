"""Handler references, private methods, and the request in hand."""

import asyncio
import threading

import pytest

import gemstone
from gemstone.errors import ServiceConfigurationError, ServiceStateError


class Referring(gemstone.MicroService):
    name = "referring"

    @gemstone.exposed_method(requires_handler_reference=True)
    def first(self, request_handler, a):
        request_handler.set_header("X-First", a)
        request_handler.set_cookie("flavour", "sweet")
        request_handler.set_status(202)
        return request_handler.request.headers["X-Sent"]

    @gemstone.exposed_method(requires_handler_reference=True)
    async def keyword(self, a, *, handler, b=2):
        handler.set_header("X-Keyword", a)
        return [a, b]

    @gemstone.exposed_method(requires_handler_reference=True)
    async def everything(self, *values, handler, **named):
        return [values, sorted(named), type(handler).__name__]

    @gemstone.exposed_method(requires_handler_reference=True, is_coroutine=True)
    def forbidden(self, handler, name, arguments):
        getattr(handler, name)(*arguments)

    @gemstone.exposed_method()
    def plain(self):
        return "plain"


@pytest.fixture
def referring(serve):
    return serve(Referring())


def test_a_handler_shapes_the_headers_of_the_answer(referring):
    request = {"jsonrpc": "2.0", "method": "first", "params": {"a": "value"}, "id": 1}
    answer = referring.post(request, X_Sent="sent")
    assert answer.status == 202
    assert answer.json["result"] == "sent"
    assert answer.headers["X-First"] == "value"
    assert answer.headers["Set-Cookie"].startswith("flavour=sweet")
    assert answer.headers["Content-Type"] == "application/json"
    # Nothing of it is left for the next call on the connection.
    answer = referring.post({"jsonrpc": "2.0", "method": "plain", "id": 1})
    assert answer.status == 200
    assert answer.headers["X-First"] is None


@pytest.mark.parametrize("status", [100, 204, 304])
def test_a_method_can_not_ask_for_an_answer_without_a_body(referring, caplog, status):
    assert referring.error("forbidden", ["set_status", [status]])["code"] == -32603
    assert f"can't be a {status}" in caplog.text


@pytest.mark.parametrize("header", ["Content-Length", "Transfer-Encoding"])
def test_a_method_can_not_spoil_the_framing(referring, header):
    assert referring.result("forbidden", ["set_header", [header, "5"]]) is None
    assert referring.result("plain") == "plain"


@pytest.mark.parametrize("params", [["x"], {"a": "x"}])
def test_a_handler_by_keyword(referring, params):
    assert referring.result("keyword", params) == ["x", 2]


def test_a_handler_beside_any_params(referring):
    assert referring.result("everything", [1, 2]) == [[1, 2], [], "TornadoJsonRpcHandler"]
    assert referring.result("everything", {"a": 1}) == [[], ["a"], "TornadoJsonRpcHandler"]


@pytest.mark.parametrize("method", ["first", "keyword", "everything"])
def test_no_client_passes_a_handler(referring, method):
    error = referring.error(method, {"a": "x", "handler": "mine"})
    assert error["code"] == -32602
    assert error["data"] == "unexpected: handler"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("write", ["x"]),
        ("finish", []),
        ("flush", []),
        ("redirect", ["/elsewhere"]),
        ("send_error", [404]),
    ],
)
def test_a_method_can_not_write_the_answer_itself(referring, caplog, name, arguments):
    assert referring.error("forbidden", [name, arguments])["code"] == -32603
    assert f"{name}() on the handler of a call" in caplog.text
    assert referring.result("plain") == "plain"


def test_calls_of_one_batch_share_the_handler(referring):
    batch = [
        {"jsonrpc": "2.0", "method": "first", "params": ["a"], "id": 1},
        {"jsonrpc": "2.0", "method": "keyword", "params": ["b"], "id": 2},
        {"jsonrpc": "2.0", "method": "plain", "id": 3},
    ]
    answer = referring.post(batch, X_Sent="sent")
    assert [one["result"] for one in answer.json] == ["sent", ["b", 2], "plain"]
    assert (answer.headers["X-First"], answer.headers["X-Keyword"]) == ("a", "b")


def test_a_notification_may_set_headers_too(referring):
    notification = {"jsonrpc": "2.0", "method": "first", "params": ["a"]}
    answer = referring.post(notification, X_Sent="sent")
    assert (answer.status, answer.body, answer.headers["X-First"]) == (202, b"", "a")


def test_a_method_without_a_place_for_the_handler():
    class Placeless(gemstone.MicroService):
        name = "placeless"

        @gemstone.exposed_method(requires_handler_reference=True)
        def method(self):
            return 1

    with pytest.raises(ServiceConfigurationError, match=r"Placeless\.method"):
        Placeless()


BROKEN = {
    "broken": LookupError("the token service is away"),
    "exit": SystemExit(3),
    "cancelled": asyncio.CancelledError(),
    "own": gemstone.RpcError(401, "Token expired"),
}


class Guarded(gemstone.MicroService):
    name = "guarded"
    drain_grace = 0

    def __init__(self):
        super().__init__()
        self.asked = 0

    def authenticate_request(self, handler):
        self.asked += 1
        self.asked_on = threading.current_thread()
        if (kind := handler.request.headers.get("X-Token")) in BROKEN:
            raise BROKEN[kind]
        handler.set_header("X-Asked", "yes")
        return handler.request.headers.get("X-Token") == "right"

    @gemstone.exposed_method(private=True)
    def secret(self, a=None):
        return "secret"

    @gemstone.exposed_method()
    def public(self):
        return "public"


class GuardedByCoroutine(Guarded):
    async def authenticate_request(self, handler):
        await asyncio.sleep(0)
        return super().authenticate_request(handler)


@pytest.fixture(params=[Guarded, GuardedByCoroutine])
def guarded(request, serve):
    return serve(request.param())


def test_who_may_call_private_methods(guarded):
    assert guarded.result("secret", X_Token="right") == "secret"
    assert guarded.error("secret") == {"code": -32001, "message": "Access denied"}
    assert guarded.service.asked == 2
    assert guarded.service.asked_on.name == "guarded"


def test_nobody_is_asked_for_public_methods(guarded):
    assert guarded.result("public") == "public"
    assert guarded.service.asked == 0


def test_strangers_learn_nothing_of_params(guarded):
    assert guarded.error("secret", [1, 2, 3])["code"] == -32001
    assert guarded.error("secret", [1, 2, 3], X_Token="right")["code"] == -32602


def test_it_is_asked_once_for_a_whole_batch(guarded):
    batch = [
        {"jsonrpc": "2.0", "method": method, "id": number}
        for number, method in enumerate(["secret", "public", "secret", "secret"])
    ]
    answers = guarded.post(batch).json
    assert [one.get("error", {}).get("code") for one in answers] == [-32001, None, -32001, -32001]
    assert guarded.service.asked == 1
    answers = guarded.post(batch, X_Token="right").json
    assert [one["result"] for one in answers] == ["secret", "public", "secret", "secret"]
    assert guarded.service.asked == 2


@pytest.mark.parametrize("token", ["broken", "exit", "cancelled"])
def test_an_authentication_that_fails_lets_nobody_in(guarded, caplog, token):
    assert guarded.error("secret", X_Token=token)["code"] == -32603
    assert type(BROKEN[token]).__name__ in caplog.text
    assert guarded.result("public") == "public"


def test_an_authentication_may_answer_with_its_own_error(guarded):
    assert guarded.error("secret", X_Token="own") == {"code": 401, "message": "Token expired"}


def test_a_denied_notification_is_not_executed(guarded):
    assert guarded.post({"jsonrpc": "2.0", "method": "secret"}).body == b""
    assert guarded.service.asked == 1


def test_private_methods_need_a_guard():
    class Careless(gemstone.MicroService):
        name = "careless"
        port = 0

        @gemstone.exposed_method(private=True)
        def secret(self):
            return 1

    service = Careless()
    with pytest.raises(ServiceConfigurationError, match=r"Careless\.secret.*authenticate_request"):
        service.start_in_thread()


class Knowing(gemstone.MicroService):
    name = "knowing"

    @gemstone.exposed_method()
    def blocking(self):
        return self.known()

    @gemstone.exposed_method()
    async def coroutine(self):
        return self.known()

    @gemstone.exposed_method(is_coroutine=True)
    def in_executor(self):
        known = yield self.get_executor().submit(self.known)
        return known

    @gemstone.exposed_method(is_coroutine=True)
    def tornado(self):
        yield asyncio.sleep(0)
        known = self.known()
        return known

    @staticmethod
    def known():
        request = gemstone.current_request()
        assert request.remaining() is None
        return [
            request.headers["x-sent"],
            request.peer,
            request.method,
            request.id,
            request.is_notification,
            request.deadline,
        ]


@pytest.mark.parametrize("method", ["blocking", "coroutine", "tornado", "in_executor"])
def test_the_request_is_known_in_every_kind_of_method(serve, method):
    known = serve(Knowing()).result(method, X_Sent="sent")
    assert known == ["sent", "127.0.0.1", method, 1, False, None]


@pytest.mark.parametrize("coroutine", [False, True])
def test_the_request_is_known_to_who_authenticates(serve, coroutine):
    class Signed(gemstone.MicroService):
        name = "signed"

        def authenticate_request(self, handler):
            assert gemstone.current_request().method == "signed"
            return b'"method": "signed"' in handler.request.body

        @gemstone.exposed_method(private=True, is_coroutine=coroutine)
        def signed(self):
            return "let in"

    assert serve(Signed()).result("signed") == "let in"


def generator(self, handler):
    yield False


async def async_generator(self, handler):
    yield False


@pytest.mark.parametrize("guard", [generator, async_generator, None, 5])
def test_a_guard_that_says_nothing_is_refused(guard):
    attributes = {"port": 0, "authenticate_request": guard}
    with pytest.raises(ServiceConfigurationError, match=r"authenticate_request|generator"):
        type("Careless", (Guarded,), attributes)().start_in_thread()


def test_a_guard_that_returns_a_generator_lets_nobody_in(serve):
    class Careless(Guarded):
        def authenticate_request(self, handler):
            return generator(self, handler)

    assert serve(Careless()).error("secret")["code"] == -32603


def test_the_endpoint_is_no_pattern(serve):
    service = Knowing()
    service.endpoint = "/api.v1(+)"
    caller = serve(service)
    assert caller.result("blocking", X_Sent="x")[0] == "x"
    assert caller.request("POST", "/apiXv1(+)", b"{}").status == 404
    assert len(service.make_tornado_app().wildcard_router.rules) == 3  # and the health


def test_there_is_no_request_outside_of_a_call():
    with pytest.raises(ServiceStateError, match="outside of a call"):
        gemstone.current_request()
