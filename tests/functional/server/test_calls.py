"""Exposed methods of every kind, called as a client calls them."""

import asyncio
import dataclasses
import datetime
import decimal
import enum
import logging
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import gemstone
from gemstone.errors import RpcError
from tools.waiting import until


class Kinds(gemstone.MicroService):
    name = "kinds"

    @gemstone.exposed_method()
    def blocking(self, world):
        return [f"hello {world}", threading.current_thread().name]

    @gemstone.exposed_method
    def without_parentheses(self):
        return "here"

    @gemstone.exposed_method()
    async def coroutine(self, world):
        await asyncio.sleep(0)
        return [f"hello {world}", threading.current_thread().name]

    @gemstone.exposed_method(is_coroutine=True)
    def tornado(self, world):
        thread = yield self.get_executor().submit(lambda: threading.current_thread().name)
        return [f"hello {world}", thread]

    @gemstone.exposed_method(is_coroutine=True)
    def inline(self):
        return threading.current_thread().name

    @gemstone.exposed_method("myservice.say_hello")
    def ugly_name(self, world):
        return f"hello {world}"

    @gemstone.exposed_method()
    @staticmethod
    def static(a):
        return a

    @staticmethod
    @gemstone.exposed_method()
    def static_inside(a):
        return a

    @gemstone.exposed_method()
    @classmethod
    def class_method(cls, a):
        return [cls.name, a]

    @classmethod
    @gemstone.exposed_method()
    def class_inside(cls, a):
        return [cls.name, a]

    @gemstone.exposed_method()
    def signature(self, a, /, b, *, c=3, **rest):
        return [a, b, c, rest]

    @gemstone.exposed_method()
    def many(self, *values):
        return list(values)

    def not_exposed(self):
        return "secret"


@pytest.fixture
def kinds(serve):
    return serve(Kinds())


def test_a_blocking_method_runs_in_the_executor(kinds):
    greeting, thread = kinds.result("blocking", {"world": "you"})
    assert greeting == "hello you"
    assert thread.startswith("kinds-blocking")
    assert kinds.result("blocking", ["you"])[0] == "hello you"


def test_coroutines_run_on_the_loop_and_reach_the_executor(kinds):
    loop_thread = kinds.result("inline")
    assert kinds.result("coroutine", ["you"]) == ["hello you", loop_thread]
    assert kinds.result("tornado", ["you"])[1].startswith("kinds-blocking")


def test_names_and_class_attributes_of_all_kinds(kinds):
    assert kinds.result("myservice.say_hello", ["you"]) == "hello you"
    assert kinds.result("without_parentheses") == "here"
    assert kinds.result("static", [1]) == kinds.result("static_inside", [1]) == 1
    assert kinds.result("class_method", [1]) == kinds.result("class_inside", [1]) == ["kinds", 1]


@pytest.mark.parametrize(
    "name", ["ugly_name", "not_exposed", "__init__", "start", "stop", "", "rpc.discover", "a" * 99]
)
def test_what_is_not_exposed_is_not_found(kinds, name):
    assert kinds.error(name) == {"code": -32601, "message": "Method not found"}


@pytest.mark.parametrize(
    ("method", "params", "said"),
    [
        ("blocking", [], "missing: world"),
        ("blocking", {}, "missing: world"),
        ("blocking", [1, 2], "takes at most 1 params, got 2"),
        ("blocking", {"world": 1, "moon": 2}, "unexpected: moon"),
        ("blocking", {"self": 1}, "unexpected: self"),
        ("signature", {"a": 1, "b": 2}, "must be given by position: a"),
        ("signature", [1], "missing: b"),
    ],
)
def test_params_that_do_not_fit(kinds, method, params, said):
    assert kinds.error(method, params) == {
        "code": -32602,
        "message": "Invalid params",
        "data": said,
    }


def test_params_that_fit(kinds):
    assert kinds.result("signature", [1, 2]) == [1, 2, 3, {}]
    assert kinds.result("many", [1, 2, 3]) == [1, 2, 3]
    assert kinds.result("many") == []


class Unprintable(Exception):
    def __str__(self):
        raise LookupError("no text")

    def __repr__(self):
        raise LookupError("no repr")


class BaseError(BaseException):
    pass


LOOP_ERRORS = (
    *("exit", "cancelled", "timeout", "recursion", "base", "generator", "group", "unprintable"),
)


class Failing(gemstone.MicroService):
    name = "failing"

    @gemstone.exposed_method()
    def own_error(self):
        raise RpcError(7, "no such user", {"user": "x"})

    @gemstone.exposed_method()
    async def own_error_without_data(self):
        raise RpcError(-5, "no")

    @gemstone.exposed_method()
    def own_error_that_is_no_json(self):
        raise RpcError(7, "no", object())

    @gemstone.exposed_method()
    def type_error_inside(self):
        return len(5)

    @gemstone.exposed_method()
    def raises(self, kind):
        raise {
            "exit": SystemExit(3),
            "stop": StopIteration(),
            "interrupt": KeyboardInterrupt(),
            "surrogate": ValueError("\ud800"),
            "cancelled": asyncio.CancelledError(),
            "unprintable": Unprintable(),
            "base": BaseError(),
        }[kind]

    @gemstone.exposed_method()
    async def raises_on_loop(self, kind):
        raise {
            "exit": SystemExit(3),
            "cancelled": asyncio.CancelledError(),
            "timeout": TimeoutError("mine"),
            "recursion": RecursionError(),
            "base": BaseError(),
            "generator": GeneratorExit(),
            "group": BaseExceptionGroup("several", [BaseError()]),
            "unprintable": Unprintable(),
        }[kind]

    @gemstone.exposed_method()
    def returns_coroutine(self):
        return asyncio.sleep(0)

    @gemstone.exposed_method()
    async def unencodable(self, kind):
        loop: list[Any] = []
        loop.append(loop)
        return {"object": object(), "cycle": loop, "surrogate": "\ud800", "huge": 10**5000}[kind]

    @gemstone.exposed_method()
    def remote_error(self):
        raise gemstone.errors.RemoteCallError("theirs", "http://x/", 42, None)

    @gemstone.exposed_method()
    def fine(self):
        return 1


def test_a_method_answers_with_its_own_error(serve):
    failing = serve(Failing())
    error = failing.error("own_error")
    assert error == {"code": 7, "message": "no such user", "data": {"user": "x"}}
    assert failing.error("own_error_without_data") == {"code": -5, "message": "no"}


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("type_error_inside", []),
        ("own_error_that_is_no_json", []),
        ("returns_coroutine", []),
        ("remote_error", []),
        *(
            ("raises", [kind])
            for kind in (
                *("exit", "stop", "interrupt", "surrogate", "cancelled", "unprintable", "base"),
            )
        ),
        *(("raises_on_loop", [kind]) for kind in LOOP_ERRORS),
        *(("unencodable", [kind]) for kind in ("object", "cycle", "surrogate", "huge")),
    ],
)
@pytest.mark.parametrize("debug", [False, True])
def test_whatever_else_is_raised_is_an_internal_error(serve, caplog, method, params, debug):
    service = Failing()
    service.debug = debug
    failing = serve(service)
    with caplog.at_level(logging.ERROR, service.logger.name):
        error = failing.error(method, params)
    assert (error["code"], error["message"]) == (-32603, "Internal error")
    assert set(error["data"]) == ({"reference", "class", "info"} if debug else {"reference"})
    [record] = [r for r in caplog.records if r.name == service.logger.name]
    assert error["data"]["reference"] in record.getMessage()
    assert method in record.getMessage()
    assert record.exc_info
    assert failing.result("fine") == 1


@pytest.mark.parametrize("timeout", [None, 20])
def test_an_error_of_any_kind_leaves_the_rest_of_its_batch(serve, timeout):
    service = Failing()
    service.method_timeout = timeout
    failing = serve(service)
    calls = [("fine", []), *(("raises_on_loop", [kind]) for kind in LOOP_ERRORS), ("fine", [])]
    first, *errors, last = failing.post(
        [{"jsonrpc": "2.0", "method": name, "params": p, "id": 1} for name, p in calls]
    ).json
    assert (first["result"], last["result"]) == (1, 1)
    assert {one["error"]["code"] for one in errors} == {-32603}


class Greedy(gemstone.MicroService):
    name = "greedy"

    @gemstone.exposed_method()
    def named(self, **named):
        return sorted(named)

    @gemstone.exposed_method()
    @classmethod
    def of_class(cls, **named):
        return sorted(named)

    @gemstone.exposed_method()
    def positional(self, /, **named):
        return sorted(named)

    @gemstone.exposed_method(requires_handler_reference=True)
    def handled(self, h, **named):
        return sorted(named)


@pytest.mark.parametrize(
    ("method", "name"), [("named", "self"), ("of_class", "cls"), ("handled", "h")]
)
def test_no_client_fills_in_what_is_filled_in_already(serve, method, name):
    greedy = serve(Greedy())
    assert greedy.error(method, {name: 1})["data"] == f"unexpected: {name}"
    assert greedy.result(method, {"other": 1}) == ["other"]
    assert greedy.result("positional", {"self": 1}) == ["self"]


class Noted(gemstone.MicroService):
    name = "noted"
    drain_grace = 0

    def __init__(self):
        super().__init__()
        self.done = []
        self.may_end = threading.Event()

    @gemstone.exposed_method()
    def quick(self):
        time.sleep(0.01)
        self.done.append("quick")

    @gemstone.exposed_method()
    def slow(self):
        assert self.may_end.wait(30)
        self.done.append("slow")

    @gemstone.exposed_method(requires_handler_reference=True)
    def handled(self, handler):
        time.sleep(0.2)
        handler.set_header("X-Done", "yes")


def test_what_a_quick_notification_did_is_there_with_its_answer(serve, monkeypatch):
    # Whatever is quick on this machine.
    monkeypatch.setattr("gemstone_core._rpc._notifications._PATIENCE", 30.0)
    noted = serve(Noted())
    for _ in range(10):
        noted.post({"jsonrpc": "2.0", "method": "quick"})
    assert noted.service.done == ["quick"] * 10


def test_nobody_waits_for_a_slow_notification_but_the_stop_of_its_service(serve):
    noted = serve(Noted())
    notification = {"jsonrpc": "2.0", "method": "slow"}
    assert noted.post(notification).body == b""
    assert noted.post([notification] * 3).body == b""
    assert noted.service.done == []
    noted.close()
    threading.Timer(0.1, noted.service.may_end.set).start()
    noted.service.stop()
    assert noted.service.done == ["slow"] * 4


def test_a_notification_that_needs_a_handler_is_waited_for(serve):
    answer = serve(Noted()).post({"jsonrpc": "2.0", "method": "handled"})
    assert answer.headers["X-Done"] == "yes"


def test_an_unencodable_result_leaves_the_rest_of_its_batch(serve):
    failing = serve(Failing())
    calls = [("fine", []), ("unencodable", ["object"]), ("fine", [])]
    batch = [
        {"jsonrpc": "2.0", "method": method, "params": params, "id": number}
        for number, (method, params) in enumerate(calls)
    ]
    first, second, third = failing.post(batch).json
    assert (first["result"], third["result"]) == (1, 1)
    assert second["error"]["code"] == -32603


@dataclasses.dataclass
class Point:
    x: int
    y: int


class Colour(enum.Enum):
    RED = "red"


class Types(gemstone.MicroService):
    name = "types"

    @gemstone.exposed_method()
    def everything(self):
        return {
            "dataclass": Point(1, 2),
            "datetime": datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC),
            "uuid": uuid.UUID(int=1),
            "decimal": decimal.Decimal("1.50"),
            "enum": Colour.RED,
            "set": {1},
            "bytes": b"abc",
            "nan": float("nan"),
            "infinity": float("inf"),
            "tuple": (1, 2),
            "big": 2**80,
            5: "number",
        }


def test_what_python_values_become(serve):
    assert serve(Types()).result("everything") == {
        "dataclass": {"x": 1, "y": 2},
        "datetime": "2026-01-02T03:04:05Z",
        "uuid": "00000000-0000-0000-0000-000000000001",
        "decimal": "1.50",
        "enum": "red",
        "set": [1],
        "bytes": "YWJj",
        "nan": None,
        "infinity": None,
        "tuple": [1, 2],
        "big": 2**80,
        "5": "number",
    }


class Slow(gemstone.MicroService):
    name = "slow"
    max_parallel_blocking_tasks = 1
    max_pending_blocking_calls = 2
    drain_grace = 0

    def __init__(self) -> None:
        super().__init__()
        self.may_end = threading.Event()
        self.begun = threading.Semaphore(0)
        self.deadlines: list[float | None] = []

    @gemstone.exposed_method()
    def blocking(self):
        self.begun.release()
        self.may_end.wait(30)
        return "done"

    @gemstone.exposed_method()
    async def coroutine(self):
        await asyncio.sleep(30)

    @gemstone.exposed_method()
    async def stubborn(self):
        while not self.may_end.is_set():
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                self.begun.release()

    @gemstone.exposed_method()
    async def deadline(self):
        request = gemstone.current_request()
        return [request.deadline - time.monotonic(), request.remaining()]


def test_too_many_blocking_calls_are_refused_and_not_queued(serve):
    service = Slow()
    slow = serve(service)
    batch = [gemstone.MethodCall("blocking") for _ in range(5)]
    with (
        gemstone.RemoteService(service.accessible_at) as remote,
        ThreadPoolExecutor(1) as background,
    ):
        # All calls of a batch are begun before the next request is read.
        answers = background.submit(remote.call_batch, batch)
        assert service.begun.acquire(timeout=30)
        assert slow.error("blocking")["code"] == -32000
        service.may_end.set()
        results = [(one.result, (one.error or {}).get("code")) for one in answers.result()]
    assert results == [("done", None)] * 2 + [(None, -32000)] * 3
    assert slow.result("blocking") == "done"


def until_begun(service, slow, method):
    """Calls until one has begun: where much goes on, the deadline may pass before it has."""

    def has_begun():
        if service.begun.acquire(timeout=0.1):
            return True
        assert slow.error(method)["code"] == -32002
        return False

    until(has_begun, what=f"a call of {method} has begun")


@pytest.mark.parametrize("method", ["blocking", "coroutine", "stubborn"])
def test_a_call_that_takes_too_long_is_answered_at_its_deadline(serve, method):
    service = Slow()
    service.method_timeout = 0.05
    slow = serve(service)
    began = time.monotonic()
    assert slow.error(method)["code"] == -32002
    assert time.monotonic() - began < 10
    if method != "coroutine":
        until_begun(service, slow, method)
    service.may_end.set()


def test_a_call_whose_deadline_passed_in_the_queue_never_begins(serve):
    service = Slow()
    service.method_timeout = 0.1
    slow = serve(service)
    until_begun(service, slow, "blocking")  # keeps the only thread
    assert slow.error("blocking")["code"] == -32002  # waits for it
    service.may_end.set()
    service.stop()
    assert not service.begun.acquire(blocking=False)


def test_the_request_knows_its_deadline(serve):
    service = Slow()
    service.method_timeout = 20
    left, remaining = serve(service).result("deadline")
    assert 0 < remaining <= left <= 20
