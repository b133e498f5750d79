"""The hooks of plugins: when each is called and with what, and what it can't do."""

import asyncio
import contextvars
import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import gemstone
from gemstone.errors import RpcError, ShutdownTimeoutError
from gemstone_core._plugins._base import HOOKS
from gemstone_core._plugins._hooks import prepare_hook
from tools.waiting import until

#: Set by a plugin, and read by what the plugin looks at.
TRACE: contextvars.ContextVar[str] = contextvars.ContextVar("trace", default="none")


class Watcher(gemstone.BasePlugin):
    """Writes down every hook that is called, and on which thread."""

    name = "watcher"

    def __init__(self):
        self.seen = []
        self.threads = set()

    def note(self, *what):
        self.threads.add(threading.get_ident())
        self.seen.append(what)

    def on_service_start(self):
        self.note("start")

    def on_service_stop(self):
        self.note("stop")

    def on_method_call(self, jsonrpc_request):
        assert gemstone.current_request() is jsonrpc_request
        self.note("call", jsonrpc_request)

    def on_method_return(self, jsonrpc_request, outcome):
        assert gemstone.current_request() is jsonrpc_request
        self.note("return", jsonrpc_request, outcome)

    def on_internal_error(self, exc_instance):
        self.note("error", exc_instance)

    def on_event(self, event):
        self.note("event", event)

    def of(self, hook):
        return [what[1:] for what in self.seen if what[0] == hook]

    def outcomes(self):
        """What each call came to, by its method; the calls and their returns are pairs."""
        returns = self.of("return")
        calls = [id(request) for (request,) in self.of("call")]
        assert sorted(calls) == sorted(id(request) for request, _ in returns)
        return {request.method: outcome for request, outcome in returns}


class Odd:
    """Nothing that JSON could say."""


class Shop(gemstone.MicroService):
    name = "shop"
    port = 0
    drain_grace = 0
    max_parallel_blocking_tasks = 1
    max_pending_blocking_calls = 1
    plugins = [Watcher]

    def __init__(self):
        super().__init__()
        self.begun = threading.Event()
        self.may_end = threading.Event()
        self.watcher = self.get_plugin("watcher")

    def authenticate_request(self, handler):
        return False

    def on_service_start(self):
        self.loop_thread = threading.get_ident()

    @gemstone.exposed_method()
    def add(self, a, b=0):
        return {"sum": a + b}

    @gemstone.exposed_method()
    async def nothing(self):
        return None

    @gemstone.exposed_method()
    async def refuse(self):
        raise RpcError(7, "No", data=["why"])

    @gemstone.exposed_method()
    async def fail(self):
        raise LookupError("x")

    @gemstone.exposed_method()
    async def odd_result(self):
        return Odd()

    @gemstone.exposed_method()
    async def odd_error(self):
        raise RpcError(7, "No", data=Odd())

    @gemstone.exposed_method(private=True)
    async def hidden(self):
        return "never"

    @gemstone.exposed_method()
    async def endless(self):
        self.begun.set()
        await asyncio.Event().wait()

    @gemstone.exposed_method()
    def stuck(self):
        self.begun.set()
        assert self.may_end.wait(30)

    @gemstone.exposed_method()
    async def trace(self):
        return [TRACE.get(), await asyncio.to_thread(TRACE.get)]

    @gemstone.exposed_method()
    def trace_in_a_thread(self):
        return TRACE.get()


def told(outcome):
    """An outcome as the client is told it, without the reference that is another each time."""
    error = outcome.error
    if error is None:
        return {"result": outcome.result}
    members = {"code": error.code, "message": error.message, "data": error.data}
    return {"error": {name: value for name, value in members.items() if value is not None}}


ENDINGS = [
    ("add", [1], None),
    ("add", {"a": 1, "b": 2}, None),
    ("nothing", [], None),
    ("missing", [], -32601),
    ("add", [], -32602),
    ("add", {"c": 1}, -32602),
    ("hidden", [], -32001),
    ("refuse", [], 7),
    ("fail", [], -32603),
    ("odd_result", [], -32603),
    ("odd_error", [], -32603),
]


@pytest.mark.parametrize(("method", "params", "code"), ENDINGS)
def test_every_call_is_shown_as_it_came_and_as_it_is_answered(serve, method, params, code):
    service = Shop()
    answer = serve(service).call(method, params, id="mine")
    watcher = service.watcher
    assert [what[0] for what in watcher.seen if what[0] != "error"] == ["start", "call", "return"]
    ((request,),) = watcher.of("call")
    assert (request.method, request.params, request.id) == (method, params, "mine")
    ((returned, outcome),) = watcher.of("return")
    assert returned is request
    assert told(outcome) == {
        name: value for name, value in answer.items() if name in ("result", "error")
    }
    assert (outcome.error and outcome.error.code) == code
    assert 0 <= outcome.seconds < 30
    assert len(watcher.of("error")) == (code == -32603)
    assert watcher.threads == {service.loop_thread}


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize(("method", "params", "code"), ENDINGS)
def test_a_notification_is_shown_like_a_call(serve, method, params, code, legacy):
    service = Shop()
    service.legacy_responses = legacy
    caller = serve(service)
    message = {"jsonrpc": "2.0", "method": method, "params": params}
    caller.post(message | ({"id": None} if legacy else {}))
    watcher = service.watcher
    until(lambda: watcher.of("return"), what="the notification has ended")
    (outcome,) = watcher.outcomes().values()
    # Nobody writes its answer, so nobody finds out that the error has none.
    assert (outcome.error and outcome.error.code) == (7 if method == "odd_error" else code)
    ((request,),) = watcher.of("call")
    assert request.is_notification
    assert request.id is None


def test_each_member_of_a_batch_is_shown_and_what_is_no_call_is_not(serve):
    service = Shop()
    caller = serve(service)
    members = [
        {"jsonrpc": "2.0", "method": "add", "params": [1, 2], "id": 1},
        {"jsonrpc": "2.0", "method": "missing", "id": 2},
        {"jsonrpc": "2.0", "method": "nothing"},
        {"jsonrpc": "1.0", "method": "add", "id": 3},
        {"jsonrpc": "2.0", "method": 5, "id": 4},
        {"jsonrpc": "2.0", "method": "add", "params": 5, "id": 5},
        5,
    ]
    assert len(caller.post(members).json) == 6
    for body in (b"", b"{", b"[]", b"5", b'{"jsonrpc": "2.0"}'):
        caller.post(body)
    outcomes = service.watcher.outcomes()
    assert set(outcomes) == {"add", "missing", "nothing"}
    assert outcomes["add"].result == {"sum": 3}


def test_a_call_that_finds_no_free_thread(serve):
    service = Shop()
    caller = serve(service)
    with (
        ThreadPoolExecutor(1) as background,
        gemstone.RemoteService(service.accessible_at) as remote,
    ):
        stuck = background.submit(remote.call_method, "stuck")
        assert service.begun.wait(30)
        assert caller.error("add", [1])["code"] == -32000
        service.may_end.set()
        assert stuck.result().result is None
    outcomes = service.watcher.outcomes()
    assert outcomes["add"].error.code == -32000
    assert outcomes["stuck"].error is None


@pytest.mark.parametrize("milliseconds", [0, 50])
def test_a_call_that_takes_too_long(serve, milliseconds):
    service = Shop()
    caller = serve(service)
    answer = caller.error("endless", Gemstone_Timeout_Ms=str(milliseconds))
    outcome = service.watcher.outcomes()["endless"]
    assert told(outcome) == {"error": answer}
    assert outcome.error.code == -32002
    assert outcome.seconds >= 0.01 * (milliseconds > 0)
    assert service.begun.is_set() == (milliseconds > 0)


@pytest.mark.parametrize("is_notification", [False, True])
def test_a_call_that_the_end_of_the_service_cancels_has_returned_too(is_notification):
    service = Shop()
    service.shutdown_timeout = 0.2
    thread = service.start_in_thread()
    with gemstone.RemoteService(service.accessible_at) as remote:
        if is_notification:
            remote.notify("endless")
        else:
            remote.call_method_async("endless")
        assert service.begun.wait(30)
        with pytest.raises(ShutdownTimeoutError, match="endless"):
            thread.stop()
    outcome = service.watcher.outcomes()["endless"]
    assert (outcome.error.code, outcome.error.message) == (-32603, "Not answered")


def test_a_result_is_the_plugins_own(serve):
    class Meddler(gemstone.BasePlugin):
        name = "meddler"

        def on_method_return(self, jsonrpc_request, outcome):
            outcome.result["sum"] = "mine"
            outcome.error = RpcError(1, "mine")

    service = Shop()
    service.register_plugin(Meddler)
    caller = serve(service)
    assert caller.result("add", [1, 2]) == {"sum": 3}
    (outcome,) = service.watcher.outcomes().values()
    assert outcome.result == {"sum": 3}
    assert outcome.result is not outcome.result
    assert outcome.size == len(b'{"sum":3}')


def test_a_call_can_not_be_made_another_one(serve):
    class Meddler(gemstone.BasePlugin):
        name = "meddler"

        def on_method_call(self, jsonrpc_request):
            jsonrpc_request.method = "missing"
            jsonrpc_request.params = "nonsense"
            jsonrpc_request.deadline = 0.0

    service = Shop()
    service.register_plugin(Meddler)
    assert serve(service).result("add", [1, 2]) == {"sum": 3}


def test_the_hooks_of_start_and_stop(serve):
    order = []

    class Ordered(Watcher):
        def on_service_start(self):
            assert self.microservice.port
            order.append("plugin starts")

        def on_service_stop(self):
            order.append("plugin stops")

    class Service(Shop):
        plugins = [Ordered]

        def on_service_start(self):
            order.append("service starts")

        def on_service_stop(self):
            order.append("service stops")

    service = Service()
    for _ in range(2):
        with service.start_in_thread():
            pass
    assert order == ["plugin starts", "service starts", "service stops", "plugin stops"] * 2


@pytest.mark.parametrize(
    "error", [LookupError("x"), SystemExit(3), asyncio.CancelledError(), StopIteration()], ids=repr
)
def test_a_hook_that_raises_is_logged_and_changes_nothing(serve, caplog, error):
    def broken(self, *arguments):
        raise error

    class Service(Shop):
        plugins = [
            type(
                "Broken", (gemstone.BasePlugin,), {"name": "broken", **dict.fromkeys(HOOKS, broken)}
            ),
            Watcher,
        ]
        event_transports = ["memory://hooks"]

        @gemstone.event_handler("sold")
        def sold(self, body):
            handled.set()

    handled = threading.Event()
    service = Service()
    caller = serve(service)
    assert caller.result("add", [1, 2]) == {"sum": 3}
    assert caller.error("fail")["code"] == -32603
    service.emit_event("sold", 1).wait(30)
    assert handled.wait(30)
    caller.close()
    service.stop()
    for hook in HOOKS:
        assert f"{hook}() of the plugin 'broken' failed" in caplog.text
    assert {what[0] for what in service.watcher.seen} == {
        "start", "call", "return", "error", "event", "stop"
    }  # fmt: skip


def test_only_hooks_that_somebody_has_are_called():
    class OneHook(gemstone.BasePlugin):
        name = "one_hook"

        def on_event(self, event): ...

    class Inherits(OneHook):
        name = "inherits"

    own = gemstone.BasePlugin()
    own.on_event = lambda event: None
    for plugin in (OneHook(), Inherits(), own):
        had = [hook for hook in HOOKS if prepare_hook([plugin], hook, None) is not None]
        assert had == ["on_event"]
    assert prepare_hook([], "on_event", None) is None
    assert sorted(HOOKS) == [
        "on_event", "on_internal_error", "on_method_call", "on_method_return", "on_service_start",
        "on_service_stop",
    ]  # fmt: skip


class Tracer(gemstone.BasePlugin):
    """Writes into the context of what it looks at, if that is still as it should be."""

    name = "tracer"

    def __init__(self):
        self.found = []

    def on_method_call(self, jsonrpc_request):
        self.found.append(TRACE.get())
        TRACE.set(jsonrpc_request.headers.get("X-Trace", "none"))

    def on_method_return(self, jsonrpc_request, outcome):
        self.found.append(TRACE.get())

    def on_event(self, event):
        self.found.append(TRACE.get())
        TRACE.set(event.headers["trace"])


def test_a_context_variable_is_the_call_s_own(serve):
    service = Shop()
    service.register_plugin(Tracer)
    caller = serve(service)
    assert caller.result("trace", X_Trace="a") == ["a", "a"]
    assert caller.result("trace_in_a_thread", X_Trace="b") == "b"
    assert service.get_plugin("tracer").found == ["none", "a", "none", "b"]


def test_a_plugin_of_an_embedded_service(serve):
    service = Shop()
    service.make_tornado_app()
    service.register_plugin(Tracer)
    body = b'{"jsonrpc": "2.0", "method": "nothing", "id": 1}'

    class Exchange:
        headers: dict[str, str] = {}
        peer = timeout = task = None
        came = 0.0

    answer = asyncio.run(service._dispatcher.dispatch(body, Exchange()))
    assert json.loads(answer)["result"] is None
    assert service.get_plugin("tracer").found == ["none", "none"]
    assert set(service.watcher.outcomes()) == {"nothing"}


class Listener(Shop):
    event_transports = ["memory://hooks"]

    def __init__(self):
        super().__init__()
        self.handled = []

    @gemstone.event_handler("sold")
    def first(self, body):
        self.handled.append(("first", body, TRACE.get()))

    @gemstone.event_handler("sold")
    async def second(self, body):
        self.handled.append(("second", body, TRACE.get()))

    @gemstone.event_handler("sold", blocking=True)
    def third(self, body):
        self.handled.append(("third", body, TRACE.get()))


def test_each_event_is_shown_once_before_its_handlers():
    service = Listener()
    with service.start_in_thread():
        service.watcher.seen = service.handled  # so that the order is seen
        for number in range(3):
            del service.handled[:]
            service.emit_event("sold", number).wait(30)
            until(lambda: len(service.handled) >= 4, what="all handlers have run")
            (what, event), *handlers = service.handled
            assert (what, event.name, event.body) == ("event", "sold", number)
            assert sorted(name for name, _, _ in handlers) == ["first", "second", "third"]
        service.emit_event("other", 1).wait(30)
        assert len(service.handled) == 4
    assert service.watcher.threads == {service.loop_thread}


def test_a_context_variable_is_the_event_s_own():
    service = Listener()
    service.register_plugin(Tracer)
    with service.start_in_thread():
        for trace in ("a", "b"):
            service.emit_event("sold", trace, headers={"trace": trace}).wait(30)
        until(lambda: len(service.handled) == 6, what="all handlers have run")
    assert all(body == trace for _, body, trace in service.handled)
    assert service.get_plugin("tracer").found == ["none", "none"]


class UnwritableHandler(logging.Handler):
    """A log whose disk is full, and that says so."""

    def emit(self, record):
        raise OSError("no space left on device")


class Failing(gemstone.BasePlugin):
    name = "failing"

    def on_method_call(self, jsonrpc_request):
        raise LookupError("x")

    on_internal_error = on_method_call


def test_a_log_that_can_not_be_written_costs_nobody_an_answer(serve):
    class Service(Shop):
        plugins = [Failing, Watcher]

    service = Service()
    caller = serve(service)
    service.logger.addHandler(unwritable := UnwritableHandler())
    try:
        assert caller.result("add", [1, 2]) == {"sum": 3}
        assert caller.error("fail")["code"] == -32603
        assert service.watcher.of("error")
    finally:
        service.logger.removeHandler(unwritable)


def test_a_hook_that_gives_a_coroutine_is_logged(serve, caplog):
    class Hidden(gemstone.BasePlugin):
        name = "hidden"

        def on_method_call(self, jsonrpc_request):
            return asyncio.sleep(0)

    class Service(Shop):
        plugins = [Hidden, Watcher]

    assert serve(Service()).result("add", [1, 2]) == {"sum": 3}
    assert "on_method_call() of the plugin 'hidden' failed" in caplog.text
    assert "has returned a coroutine" in caplog.text
