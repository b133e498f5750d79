"""Nothing of a call is left when it was answered, and nothing waits for Python to look for it."""

import asyncio
import gc
import logging

import pytest

import gemstone
from gemstone.deadlines import TIMEOUT_HEADER
from gemstone_core._http._message import Message
from gemstone_core._request import Request
from tools.waiting import until

from .conftest import BOTH_LOOPS, Site
from .wire import DEADLINE, call, request


class Watching(gemstone.BasePlugin):
    """A plugin that is told what becomes of calls."""

    name = "watching"

    def on_method_return(self, jsonrpc_request, outcome):
        pass


class Failing(Site):
    """Methods that are called in vain. What is raised knows the frames that it has left."""

    @gemstone.exposed_method()
    async def fails(self):
        raise ValueError("no")

    @gemstone.exposed_method()
    async def fails_later(self):
        await asyncio.sleep(0)
        raise ValueError("no")

    @gemstone.exposed_method()
    def fails_in_a_thread(self):
        raise ValueError("no")

    @gemstone.exposed_method()
    async def refuses(self):
        raise gemstone.RpcError(1, "no")

    @gemstone.exposed_method()
    async def gives_no_json(self):
        return object()

    @gemstone.exposed_method()
    async def never_ends(self):
        await asyncio.Event().wait()


IN_VAIN = {
    "an unknown method": call(1, "nothing"),
    "wrong params": call(1, "fails", [1]),
    "a failure": call(1, "fails"),
    "a failure after a wait": call(1, "fails_later"),
    "a failure in a thread": call(1, "fails_in_a_thread"),
    "an error on purpose": call(1, "refuses"),
    "a result that is no JSON": call(1, "gives_no_json"),
    "what was late before it began": call(1, "never_ends", [], f"{TIMEOUT_HEADER}: 0"),
    "what did not end in time": call(1, "never_ends", [], f"{TIMEOUT_HEADER}: 1"),
}


@pytest.fixture(params=["plain", "timed", "watched"])
def failing(start, caplog, request):
    caplog.set_level(logging.CRITICAL, "gemstone")  # pytest keeps what is logged, and so the errors
    service = Failing()
    if request.param == "watched":
        service.register_plugin(Watching())
    if request.param == "timed":
        # asyncio keeps a timer that is cancelled, and its context, until it would have been due.
        service.method_timeout = 0.2
    return start(service)


def kept():
    return sum(isinstance(each, Message | Request) for each in gc.get_objects())


def until_gone(before, few=5, of="the calls"):
    # What runs the last call may not have ended yet.
    what = f"hardly more than {before} objects are kept, so nothing of {of}"
    until(lambda: kept() - before < few, what=what, within=DEADLINE)


@pytest.fixture
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@BOTH_LOOPS
@pytest.mark.parametrize("method", ["echo", "blocking", "nothing"])
def test_calls(start, connect, no_collector, method):
    before = kept()
    wire = connect(start(Site()))
    for number in range(200):
        wire.send(call(number, method, []))
        assert wire.answer().json["id"] == number
    until_gone(before)


@BOTH_LOOPS
def test_calls_in_vain(failing, connect, no_collector):
    wire = connect(failing)
    for what, sent in IN_VAIN.items():
        before = kept()
        for _ in range(10):
            wire.send(sent)
            assert "error" in wire.answer().json
        until_gone(before, of=what)


@BOTH_LOOPS
@pytest.mark.parametrize(
    "method", ["nothing", "fails", "fails_later", "fails_in_a_thread", "refuses"]
)
def test_batches_in_vain(failing, connect, no_collector, method):
    before = kept()
    wire = connect(failing)
    lines = "Content-Type: application/json"
    one = b'{"jsonrpc": "2.0", "method": "%b", "id": 1}' % method.encode()
    for _ in range(5):
        wire.send(request("POST", "/api", lines, body=b"[%b]" % b",".join([one] * 20)))
        assert len(wire.answer().json) == 20
    until_gone(before, few=25)


@BOTH_LOOPS
def test_batches_and_notifications(start, connect, no_collector):
    before = kept()
    wire = connect(start(Site()))
    lines = "Content-Type: application/json"
    one = b'{"jsonrpc": "2.0", "method": "echo", "id": 1}'
    note = b'{"jsonrpc": "2.0", "method": "echo"}'
    for _ in range(50):
        wire.send(request("POST", "/api", lines, body=b"[%b]" % b",".join([one] * 20)))
        assert len(wire.answer().json) == 20
        wire.send(request("POST", "/api", lines, body=note))
        assert wire.answer().body == b""
    until_gone(before, few=25)
