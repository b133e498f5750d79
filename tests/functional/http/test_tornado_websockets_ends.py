"""How websockets of Tornado's handlers end, and that nothing of them is left."""

from pathlib import Path

import pytest

from tools.waiting import until

from .conftest import BOTH_LOOPS, Site
from .frames import CLOSE, TEXT, Echo, Frames, frame, handshake
from .wire import call

FILES = Path("/proc/self/fd")


@pytest.fixture
def service(start):
    return start(Site(("/echo", Echo)))


@pytest.fixture
def open_(service, connect):
    """Opens a websocket, of which the test says every byte."""

    def open_(*data):
        wire = connect(service, handshake("/echo"), *data)
        assert wire.answer().status == 101
        return Frames(wire)

    return open_


def test_ends(service, open_):
    """By the client with a code, without one, in the middle of a frame, and by a reset."""
    frames = open_(frame(CLOSE, b"\x0f\xa0bye"))
    assert frames.next() == (CLOSE, b"\x0f\xa0")
    assert frames.wire.is_closed()
    service.until_told(("closed", 4000, "bye"))
    frames = open_(frame(CLOSE, b""))
    assert frames.next()[0] == CLOSE
    assert frames.wire.is_closed()
    for number, end in enumerate(("close", "reset"), 1):
        getattr(open_(frame(TEXT, b"hello")[:4]).wire, end)()
        until(
            lambda number=number: service.told.count(("closed", None, None)) == number + 1,
            what="it is closed",
        )


def test_an_end_by_the_handler(start, connect):
    class Closing(Echo):
        def on_message(self, message):
            self.close(4001, "no more")

    service = start(Site(("/echo", Closing)))
    wire = connect(service, handshake("/echo"), frame(TEXT, b"hello"))
    assert wire.answer().status == 101
    assert Frames(wire).next() == (CLOSE, b"\x0f\xa1no more")
    wire.send(frame(CLOSE, b"\x0f\xa1"))
    assert wire.is_closed()
    service.until_told(("closed", 4001, None))


@BOTH_LOOPS
@pytest.mark.parametrize("data", [b"\xff\xff\0\0\0\0", frame(TEXT, b"\xff")])
def test_frames_that_are_none(service, open_, data):
    frames = open_(data)
    frames.wire.rest()
    until(lambda: any(each[0] == "closed" for each in service.told), what="it is closed")


def test_many_at_once(service, connect, open_):
    open_().wire.close()  # a loop keeps a file of its own from its first one on
    until(lambda: ("closed", None, None) in service.told, what="it is closed")
    service.told.clear()
    before = len([*FILES.iterdir()])
    wires = [connect(service, handshake("/echo")) for _ in range(200)]
    opened = [Frames(wire) for wire in wires if wire.answer().status == 101]
    for number, frames in enumerate(opened):
        frames.wire.send(frame(TEXT, b"%d" % number))
    assert [frames.next() for frames in opened] == [(TEXT, b"%d" % n) for n in range(200)]
    for wire in wires:
        wire.close()
    until(lambda: service.told.count(("closed", None, None)) == 200, what="all are closed")
    until(
        lambda: len([*FILES.iterdir()]) <= before,
        what=f"there are no more than {before} files open",
    )


@pytest.mark.parametrize("grace", [0, 0.2])
def test_the_end_of_the_service(start, connect, grace):
    service = start(Site(("/echo", Echo), drain_grace=grace))
    wires = [connect(service, handshake("/echo"), frame(TEXT, b"x")) for _ in range(3)]
    for wire in wires:
        assert wire.answer().status == 101
        assert Frames(wire).next() == (TEXT, b"x")
    service.stop()
    for wire in wires:
        wire.rest()  # comes to an end
    assert len([each for each in service.told if each[0] == "closed"]) == 3


def test_they_count_as_connections(start, connect):
    service = start(Site(("/echo", Echo), max_connections=2))
    opened = []
    for _ in range(2):
        opened.append(connect(service, handshake("/echo")))
        assert opened[-1].answer().status == 101
    with pytest.raises((OSError, AssertionError)):
        # Over TLS there is not even a handshake.
        assert connect(service, call()).answer().status == 200
    for wire in opened:
        wire.send(frame(TEXT, b"x"))
        assert Frames(wire).next() == (TEXT, b"x")
        wire.close()
    until(lambda: service.told.count(("closed", None, None)) == 2, what="both are closed")
    # Their places are free now, or very soon.
    until(lambda: _is_let_in(connect, service), what="others are let in")


def _is_let_in(connect, service):
    try:
        return connect(service, call()).answer().status == 200
    except OSError:
        return False
