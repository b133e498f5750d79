"""The outbox: where events wait, and how their receipts are decided."""

import asyncio
import logging
import threading
import time

import pytest

from gemstone.errors import (
    EventBufferFullError,
    EventExpiredError,
    EventRefusedError,
    EventUnconfirmedError,
    ServiceStateError,
)
from gemstone.event import Emission, Outbox
from tools.waiting import until

LOGGER = logging.getLogger("gemstone.test.outbox")


def make_outbox(capacity=10, timeout=30.0):
    return Outbox("fake://", capacity, timeout, LOGGER)


def emission(name="a", expires_in=30.0):
    return Emission(name, b"1", {}, None, time.monotonic() + expires_in)


def put(outbox, *names, expires_in=30.0):
    emissions = [emission(name, expires_in) for name in names]
    for each in emissions:
        outbox.put(each)
    return emissions


def names(emissions):
    return "".join(each.name for each in emissions)


def in_thread(function, *arguments):
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    return thread


@pytest.fixture
def losses(caplog):
    """What was logged of losses."""
    caplog.set_level(logging.ERROR, LOGGER.name)
    return lambda: [record.message for record in caplog.records if record.name == LOGGER.name]


def test_the_oldest_are_taken_first():
    outbox = make_outbox()
    put(outbox, *"abcde")

    assert names(outbox.take(2)) == "ab"
    assert names(outbox.take()) == "cde"
    assert outbox.take(timeout=0) == []
    assert outbox.take(timeout=0.01) == []


def test_done_and_failed_are_counted_and_told():
    outbox = make_outbox()
    first, second, third = put(outbox, *"abc")
    outbox.take()
    assert outbox.waiting == 3

    outbox.done([first])
    outbox.fail([second], OSError("no route"))
    own = EventRefusedError("too odd")
    outbox.fail([third], own)
    outbox.fail([], OSError("nothing of it"))

    assert first.receipt.result(0) is None
    error = second.receipt.exception(0)
    assert isinstance(error, EventRefusedError)
    assert str(error) == "fake:// could not emit it: no route"
    assert isinstance(error.__cause__, OSError)
    assert third.receipt.exception(0) is own
    assert (outbox.emitted, outbox.failed, outbox.waiting) == (1, 2, 0)


def test_what_was_put_back_comes_first_again():
    outbox = make_outbox()
    put(outbox, *"abcd")
    taken = outbox.take(3)
    outbox.put_back(taken[1:])

    assert names(outbox.take()) == "bcd"


def test_what_is_put_back_wakes_whoever_waits():
    outbox = make_outbox()
    put(outbox, "a")
    taken = outbox.take()
    found = []
    thread = in_thread(lambda: found.extend(outbox.take(timeout=30)))
    until(lambda: outbox._takers == 1, what="somebody waits")
    outbox.put_back(taken)
    thread.join(10)

    assert names(found) == "a"
    called = threading.Event()
    outbox.call_when_ready(called.set)
    outbox.put_back(found)
    assert called.is_set()


def test_what_is_put_back_too_late_fails():
    outbox = make_outbox()
    [only] = put(outbox, "a")
    taken = outbox.take()
    outbox.flush(time.monotonic())
    assert outbox.is_given_up
    outbox.put_back(taken)

    assert isinstance(only.receipt.exception(0), EventExpiredError)
    assert outbox.is_finished
    assert outbox.waiting == 0


def test_a_taker_waits_until_there_is_something():
    outbox = make_outbox()
    found = []
    thread = in_thread(lambda: found.extend(outbox.take()))
    until(lambda: outbox._takers == 1, what="somebody waits")
    put(outbox, "a")
    thread.join(10)

    assert names(found) == "a"


def test_a_taker_learns_of_the_close():
    outbox = make_outbox()
    found = [None]
    thread = in_thread(lambda: found.append(outbox.take()))
    until(lambda: outbox._takers == 1, what="somebody waits")
    outbox.close()
    thread.join(10)

    assert found == [None, []]
    assert outbox.is_finished
    with pytest.raises(ServiceStateError, match="fake:// is closed"):
        outbox.put(emission())


def test_what_waits_can_be_taken_after_the_close():
    outbox = make_outbox()
    put(outbox, *"ab")
    outbox.close()

    assert not outbox.is_finished
    assert names(outbox.take()) == "ab"
    assert outbox.is_finished


def test_a_callback_is_called_once():
    outbox = make_outbox()
    calls = []
    outbox.call_when_ready(lambda: calls.append("put"))
    assert calls == []
    put(outbox, *"ab")
    assert calls == ["put"]
    outbox.call_when_ready(lambda: calls.append("there already"))
    assert calls == ["put", "there already"]
    outbox.take()
    outbox.call_when_ready(lambda: calls.append("close"))
    outbox.close()
    outbox.flush(time.monotonic())
    assert calls == ["put", "there already", "close"]


def test_what_is_in_flight_at_a_disconnection_is_unconfirmed():
    outbox = make_outbox()
    first, second, third = put(outbox, *"abc")
    outbox.done([outbox.take(1)[0]])
    outbox.take(1)
    outbox.disconnected(OSError("broken pipe"))

    assert first.receipt.result(0) is None
    error = second.receipt.exception(0)
    assert isinstance(error, EventUnconfirmedError)
    assert isinstance(error, ConnectionError)
    assert "broken pipe" in str(error)
    assert not third.receipt.done()
    assert outbox.take() == [third]


def test_those_that_wait_too_long_expire():
    outbox = make_outbox(timeout=0.5)
    late, _ = [*put(outbox, "a", expires_in=0), *put(outbox, "b")]
    outbox.expire()

    error = late.receipt.exception(0)
    assert isinstance(error, EventExpiredError)
    assert "0.5 s (emit_timeout)" in str(error)
    assert names(outbox.take()) == "b"


@pytest.mark.parametrize("how", ["take", "connected"])
def test_nothing_expired_is_sent(how):
    outbox = make_outbox()
    [late] = put(outbox, "a", expires_in=0)
    if how == "connected":
        outbox.connected()

    assert outbox.take(timeout=0) == []
    assert isinstance(late.receipt.exception(0), EventExpiredError)


def test_a_full_buffer_on_the_loop_fails_at_once():
    outbox = make_outbox(capacity=2)
    put(outbox, *"ab")

    async def main():
        [over] = put(outbox, "c")
        return over.receipt.exception(0)

    error = asyncio.run(main())
    assert isinstance(error, EventBufferFullError)
    assert "2 events waiting already (emit_buffer_size)" in str(error)
    assert names(outbox.take()) == "ab"


def test_a_thread_waits_for_a_place():
    outbox = make_outbox(capacity=1)
    put(outbox, "a")
    thread = in_thread(put, outbox, "b")
    thread.join(0.05)
    assert thread.is_alive()
    assert names(outbox.take()) == "a"
    thread.join(10)

    assert names(outbox.take(timeout=10)) == "b"


def test_a_thread_waits_no_longer_than_its_event():
    outbox = make_outbox(capacity=1)
    put(outbox, "a")
    [over] = put(outbox, "b", expires_in=0.05)

    assert isinstance(over.receipt.exception(0), EventBufferFullError)


@pytest.mark.parametrize("what", ["away", "close"])
def test_nobody_waits_for_a_place_that_will_not_come(what):
    outbox = make_outbox(capacity=1)
    put(outbox, "a")
    over = emission("b")
    thread = in_thread(outbox.put, over)
    thread.join(0.05)
    assert thread.is_alive()
    getattr(outbox, what)()
    thread.join(10)

    assert isinstance(over.receipt.exception(10), EventBufferFullError)


def test_a_flush_waits_for_all_receipts():
    outbox = make_outbox()
    emissions = put(outbox, *"abc")

    def work():
        while not outbox.is_finished:
            for each in outbox.take(1):
                outbox.done([each])

    in_thread(work)
    outbox.flush(time.monotonic() + 30)
    assert all(each.receipt.done() for each in emissions)
    assert outbox.emitted == 3


def test_a_flush_gives_up_in_time(losses):
    outbox = make_outbox()
    first, second = put(outbox, *"ab")
    outbox.take(1)
    outbox.flush(time.monotonic() + 0.05)

    assert outbox.is_given_up
    assert outbox.is_finished
    assert "was closed before" in str(second.receipt.exception(0))
    assert not first.receipt.done()  # its transport has it, and has to say
    outbox.disconnected(RuntimeError("the transport has ended"))
    assert isinstance(first.receipt.exception(0), EventUnconfirmedError)
    assert len(losses()) == 2


def test_a_loss_is_told_at_once_and_then_of_the_outage_only_its_sum(losses):
    outbox = make_outbox(capacity=2)
    outbox.connected()
    outbox.away()
    for _ in range(7):
        put(outbox, "a")
    assert len(losses()) == 1
    outbox.take()
    outbox.connected()

    first, second = losses()
    assert "fake:// did not emit 1 event (1 EventBufferFullError)" in first
    assert "fake:// did not emit 4 events (4 EventBufferFullError)" in second
    outbox.connected()
    assert len(losses()) == 2


def test_a_refusal_is_told_though_nothing_follows(losses):
    outbox = make_outbox()
    [only] = put(outbox, "a")
    outbox.fail(outbox.take(), OSError("no route"))

    assert only.receipt.done()
    [told] = losses()
    assert "no route" in told


def test_nothing_is_lost_between_threads():
    outbox = make_outbox(capacity=50)
    outbox.connected()
    emissions = [[emission() for _ in range(500)] for _ in range(4)]

    def emit(those):
        for each in those:
            outbox.put(each)

    def work():
        while not outbox.is_finished:
            taken = outbox.take(7)
            outbox.put_back(taken[5:])
            outbox.done(taken[:5])

    workers = [in_thread(work) for _ in range(2)]
    emitters = [in_thread(emit, those) for those in emissions]
    for thread in emitters:
        thread.join(60)
    outbox.flush(time.monotonic() + 60)
    for thread in workers:
        thread.join(60)

    assert all(each.receipt.result(0) is None for those in emissions for each in those)
    assert (outbox.emitted, outbox.failed, outbox.waiting) == (2000, 0, 0)


def held(outbox, seconds):
    """As if it were connected again, while others may need so many seconds more."""
    outbox.on_connected(lambda: seconds)
    outbox.away()
    outbox.connected()


def test_after_an_outage_nothing_goes_out_before_others_had_their_time():
    outbox = make_outbox()
    put(outbox, "a")
    held(outbox, 0.2)
    begun = time.monotonic()

    called = threading.Event()
    assert outbox.take(timeout=0) == []
    outbox.call_when_ready(called.set)
    put(outbox, "b")
    assert outbox.take(timeout=0) == []
    assert not called.is_set()

    assert names(outbox.take(timeout=30)) == "ab"
    assert time.monotonic() - begun >= 0.19
    assert called.wait(30)


def test_an_outbox_that_is_closed_holds_nothing_back():
    outbox = make_outbox()
    put(outbox, "a")
    held(outbox, 600)
    threads = threading.active_count()

    outbox.close()

    assert names(outbox.take(timeout=0)) == "a"
    until(lambda: threading.active_count() < threads, what="nobody waits for the end of the hold")


def test_it_is_held_back_for_half_of_its_time_at_most():
    outbox = make_outbox(timeout=0.2)
    put(outbox, "a", expires_in=30)
    held(outbox, 600)

    assert names(outbox.take(timeout=30)) == "a"


def test_a_second_outage_holds_it_back_anew():
    outbox = make_outbox()
    put(outbox, "a")
    held(outbox, 600)
    held(outbox, 0.05)

    assert names(outbox.take(timeout=30)) == "a"


def test_what_was_perhaps_sent_is_sent_again_and_never_denied():
    outbox = make_outbox()
    first, second = put(outbox, *"ab")
    assert outbox.take() == [first, second]
    outbox.put_back([first], unconfirmed=True)
    outbox.put_back([second])
    assert {*outbox.take()} == {first, second}
    outbox.put_back([first, second])
    outbox.flush(0)
    assert type(first.receipt.exception(0)) is EventUnconfirmedError
    assert "the broker may have it" in str(first.receipt.exception(0))
    assert type(second.receipt.exception(0)) is EventExpiredError
    assert outbox.failed == 2
