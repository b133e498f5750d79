"""The end of a service: what is under way is answered, and connections learn of it."""

import contextlib
import socket
import threading
import time

import pytest

import gemstone
from tools.waiting import until

from .conftest import BOTH_LOOPS, Site
from .wire import DEADLINE, Truncated, call, request


class Page(gemstone.GemstoneCustomHandler):
    async def get(self, how=""):
        if how == "streamed":
            self.write("begun ")
            await self.flush()
        if how:
            self.microservice.told.append("slow")
            await self.microservice.may_go_on()
        self.write("page")


@pytest.fixture
def stop():
    """Stops a service on a thread of its own, and gives that when nobody is let in any more."""
    threads = []

    def stop(service):
        thread = threading.Thread(target=service.stop)
        threads.append(thread)
        thread.start()
        until(lambda: _is_refused(service), what="nobody is let in any more")
        return thread

    yield stop
    for thread in threads:
        thread.join(DEADLINE)
        assert not thread.is_alive()


def _is_refused(service):
    try:
        socket.create_connection((service.host, service.port), DEADLINE).close()
    except ConnectionRefusedError:
        return True
    except ConnectionError:
        pass  # it was accepted by the kernel, and then there was no listener any more
    return False


def ends(wire, answer):
    """Looks that a connection ends with this answer, or with the next one at the latest."""
    if not answer.closes:  # its headers were sent before the end began
        wire.send_if_open(call(2))
        with contextlib.suppress(Truncated):
            assert wire.answer().closes
    assert wire.is_closed()


SLOW = {
    "blocking": call(1, "slow", ["page"]),
    "coroutine": call(1, "slow_coroutine", ["page"]),
    "page": request("GET", "/page/whole"),
    "streamed page": request("GET", "/page/streamed"),
}


@pytest.mark.parametrize("slow", SLOW.values(), ids=SLOW)
@pytest.mark.parametrize("grace", [0, 5])
def test_what_is_under_way_is_answered(start, connect, stop, slow, grace):
    service = start(Site((r"/page/(\w+)", Page), drain_grace=grace))
    wire = connect(service, slow)
    service.until_told("slow")
    stopping = stop(service)
    service.may_go.set()
    answer = wire.answer()
    assert answer.status == 200
    assert b"page" in answer.body
    assert answer.closes == (answer.framing == "length")
    ends(wire, answer)
    stopping.join(DEADLINE)
    assert not service.is_running


@pytest.mark.parametrize("last", ["call", "page", "refused"])
def test_an_idle_connection_is_told_with_its_next_answer(start, connect, stop, last):
    service = start(Site((r"/page", Page), drain_grace=20))
    wire = connect(service, call(1))
    assert not wire.answer().closes
    stopping = stop(service)
    data = {"call": call(2), "page": request("GET", "/page"), "refused": request("GET", "/api")}
    began = time.monotonic()
    wire.send(data[last])
    answer = wire.answer()
    assert (answer.status in (200, 405), answer.closes) == (True, True)
    assert wire.is_closed()
    stopping.join(DEADLINE)
    assert time.monotonic() - began < 10  # it does not wait for the rest of the grace


@pytest.mark.parametrize("grace", [0, 0.2])
def test_idle_connections_are_closed_after_the_grace(start, connect, grace):
    service = start(Site(drain_grace=grace))
    wires = [connect(service, call(1)), connect(service), connect(service, b"POST /api HT")]
    assert wires[0].answer().status == 200
    began = time.monotonic()
    service.stop()
    assert grace <= time.monotonic() - began < 10
    assert all(wire.is_closed() for wire in wires)


def test_a_call_that_does_not_come_to_its_end_holds_up_nothing(start, connect):
    service = start(Site(drain_grace=0.1))
    wires = [
        connect(service, call(1)[:-5]),
        connect(service, call(1), call(2)[:-5]),
        connect(service, request("POST", "/api", "Transfer-Encoding: chunked") + b"5\r\n12"),
    ]
    assert wires[1].answer().status == 200
    began = time.monotonic()
    service.stop()
    assert time.monotonic() - began < 10
    for wire in wires:
        wire.rest()


def test_a_pipeline_at_the_end(start, connect, stop):
    """What was sent behind a call that is under way is answered, or visibly not."""
    service = start(Site(drain_grace=5))
    wire = connect(service, call(1, "slow_coroutine") + call(2) + call(3))
    service.until_told("slow")
    stop(service)
    service.may_go.set()
    first = wire.answer()
    assert first.json["id"] == 1
    answers = [first]
    with contextlib.suppress(Truncated):
        while not answers[-1].closes:
            answers.append(wire.answer())
    assert [each.json["id"] for each in answers] == [1, 2, 3][: len(answers)]
    assert answers[-1].closes
    assert wire.is_closed()


@BOTH_LOOPS
def test_who_waits_to_be_let_in_is_answered(start, connect):
    """The kernel has let them in, while the loop could not."""
    entered, may_end = threading.Event(), threading.Event()

    class Blocking(Site):
        @gemstone.exposed_method()
        async def block_the_loop(self):
            entered.set()
            assert may_end.wait(DEADLINE)
            self.stop()

    service = start(Blocking(("/page", Page), drain_grace=5))
    first = connect(service, call(1, "block_the_loop"))
    assert entered.wait(DEADLINE)
    later = [
        connect(service, request("GET", "/page") if number % 2 else call(number))
        for number in range(20)
    ]
    may_end.set()
    assert first.answer().json["id"] == 1
    for number, wire in enumerate(later):
        answer = wire.answer()
        assert answer.status == 200
        assert (answer.body == b"page") if number % 2 else (answer.json["id"] == number)
        ends(wire, answer)  # some may have been let in just before


def test_a_large_answer_is_taken_to_its_end(start, connect, stop):
    service = start(Site(max_body_size=20_000_000, drain_grace=0))
    large = "x" * 15_000_000
    wire = connect(service, call(1, "echo", [large]), buffer=65_536)
    assert wire.socket.recv(1) == b"H"  # it has begun
    stop(service)
    rest = wire.rest()
    assert large.encode() in rest


def test_a_service_starts_again(start, connect):
    service = Site(("/page", Page))
    start(service)
    for number in range(3):
        wire = connect(service, call(number), request("GET", "/page"))
        assert wire.answer().json["id"] == number
        assert wire.answer().body == b"page"
        wire.close()
        service.stop()
        assert not service.is_running
        if number < 2:
            service.port = 0
            start(service)
