"""Nothing of a call is left when it was answered, and nothing waits for Python to look for it."""

import gc

import pytest

from gemstone_core._http._message import Message
from gemstone_core._request import Request
from tools.waiting import until

from .conftest import BOTH_LOOPS, Site
from .wire import DEADLINE, call, request


def kept():
    return sum(isinstance(each, Message | Request) for each in gc.get_objects())


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
    # What runs the last call may not have ended yet.
    until(lambda: kept() - before < 5, what="nothing of the calls is kept", within=DEADLINE)


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
    until(lambda: kept() - before < 25, what="nothing of the calls is kept", within=DEADLINE)
