"""The supervisor: what holds a connection is run again and again, until it is stopped."""

import logging
import threading
import time

import pytest

from gemstone_core._events import _supervisor
from gemstone_core._events._supervisor import Supervisor
from tools.waiting import until

LOGGER = logging.getLogger("gemstone.test.supervisor")


class Connection:
    """Work for a supervisor: each try is as the test says."""

    def __init__(self, *tries):
        self.tries = list(tries)
        self.count = 0
        self.stopped = threading.Event()
        self.broken = threading.Event()
        self.supervisor = None

    def __call__(self):
        self.count += 1
        said = self.tries.pop(0) if self.tries else "live"
        if isinstance(said, BaseException):
            raise said
        if said == "return":
            return
        self.supervisor.connected()
        while not self.stopped.is_set():
            if self.broken.wait(0.005):
                self.broken.clear()
                raise ConnectionError("broken")


@pytest.fixture
def supervise(monkeypatch):
    monkeypatch.setattr(_supervisor, "_FIRST_DELAY", 0.001)
    started = []

    def start(connection, may_return=False, **options):
        supervisor = Supervisor(
            "test-connection", "fake://", connection, lambda: may_return, LOGGER, **options
        )
        connection.supervisor = supervisor
        started.append((supervisor, connection))
        supervisor.start()
        return supervisor

    yield start
    for supervisor, connection in started:
        assert supervisor.stop(connection.stopped.set, time.monotonic() + 30)
        assert not supervisor.is_running()


@pytest.fixture
def told(caplog):
    caplog.set_level(logging.INFO, LOGGER.name)
    return lambda: [record.message for record in caplog.records if record.name == LOGGER.name]


def connected(supervisor):
    until(lambda: supervisor.connected_since, what="it is connected")


def test_it_says_that_it_is_connected(supervise, told):
    supervisor = supervise(Connection())
    assert supervisor.decided.wait(30)
    connected(supervisor)

    assert supervisor.error is None
    assert supervisor.reconnects == 0
    assert told() == ["fake://: connected"]


def test_an_outage_is_told_once_and_its_end(supervise, told):
    tries = [OSError("refused")] * 3 + [OSError("no host")] + [OSError("refused")] * 3
    connection = Connection(*tries)
    supervisor = supervise(connection)
    connected(supervisor)

    assert connection.count == 8
    first, second, third = told()
    assert first == "fake://: there is no connection, trying again: OSError: refused"
    assert second == "fake://: there is no connection, trying again: OSError: no host"
    assert third.startswith("fake://: connected again, after 0.")
    assert supervisor.reconnects == 0  # it was never there before


def test_a_broken_connection_is_made_again(supervise, told):
    connection = Connection()
    supervisor = supervise(connection)
    for count in (1, 2, 3):
        connected(supervisor)
        connection.broken.set()
        until(lambda count=count: supervisor.reconnects == count, what="it is there again")
    assert supervisor.error is None
    assert len(told()) == 1 + 3 * 2


@pytest.mark.parametrize(
    "error", [SystemExit(3), GeneratorExit(), KeyboardInterrupt(), MemoryError()]
)
def test_nothing_ends_it_but_a_stop(supervise, error):
    supervisor = supervise(Connection(error, error))
    connected(supervisor)


def test_work_that_ends_unasked_is_begun_again(supervise, told):
    connection = Connection("return", "return")
    supervisor = supervise(connection)
    connected(supervisor)

    assert connection.count == 3
    assert "it ended, and nobody had asked it to" in told()[0]


def test_work_that_may_return_is_not_begun_again(supervise, told):
    connection = Connection("return")
    supervisor = supervise(connection, may_return=True)
    until(lambda: not supervisor.is_running(), what="its thread has ended")

    assert connection.count == 1
    assert told() == []


def test_somebody_looks_after_what_waits_during_an_outage(supervise):
    looks = []
    supervisor = supervise(Connection(*[OSError("refused")] * 4), on_outage=lambda: looks.append(1))
    connected(supervisor)

    assert len(looks) >= 4


def test_why_it_is_not_connected_is_known(supervise, monkeypatch):
    monkeypatch.setattr(_supervisor, "_FIRST_DELAY", 60)
    supervisor = supervise(Connection(TimeoutError()))
    assert supervisor.decided.wait(30)

    assert supervisor.error == "TimeoutError"
    assert supervisor.connected_since is None


def test_a_stop_does_not_wait_for_the_next_try(supervise, monkeypatch):
    monkeypatch.setattr(_supervisor, "_FIRST_DELAY", 600)
    connection = Connection(OSError("refused"))
    supervisor = supervise(connection)
    assert supervisor.decided.wait(30)

    assert supervisor.stop(connection.stopped.set, time.monotonic() + 30)
    assert connection.count == 1


def test_a_stop_before_the_start(told):
    connection = Connection()
    supervisor = connection.supervisor = Supervisor(
        "test-connection", "fake://", connection, lambda: False, LOGGER
    )
    assert supervisor.stop(connection.stopped.set, time.monotonic() + 30)
    supervisor.start()
    until(lambda: not supervisor.is_running(), what="its thread has ended")

    assert connection.count == 0
    assert supervisor.decided.is_set()
    assert told() == []


def test_start_and_stop_twice():
    connection = Connection()
    supervisor = connection.supervisor = Supervisor(
        "test-connection", "fake://", connection, lambda: False, LOGGER
    )
    for _ in range(2):
        supervisor.start()
        connected(supervisor)
    for _ in range(2):
        assert supervisor.stop(connection.stopped.set, time.monotonic() + 30)
    supervisor.start()
    assert not supervisor.is_running()
    assert connection.count == 1


def test_it_is_interrupted_until_it_hears_it():
    """One that begins anew just when it is interrupted has not heard it."""
    deaf = iter([True, True, False])
    stopped = threading.Event()

    def interrupt():
        if not next(deaf, False):
            stopped.set()

    supervisor = Supervisor("test", "fake://", lambda: stopped.wait(30), lambda: False, LOGGER)
    supervisor.start()
    assert supervisor.stop(interrupt, time.monotonic() + 30)


def test_a_stop_that_is_in_vain_ends_in_time():
    released = threading.Event()
    supervisor = Supervisor("test", "fake://", lambda: released.wait(60), lambda: False, LOGGER)
    supervisor.start()
    try:
        assert not supervisor.stop(lambda: None, time.monotonic() + 0.05)
        assert supervisor.is_running()
    finally:
        released.set()
        assert supervisor.stop(lambda: None, time.monotonic() + 30)


def test_the_delays_grow_up_to_a_cap(monkeypatch):
    """As measured by a clock of the test: nothing waits."""
    now = [1000.0]
    delays = []

    class Clock:
        time = staticmethod(time.time)

        @staticmethod
        def monotonic():
            return now[0]

    def fail():
        raise OSError("refused")

    supervisor = Supervisor("test", "fake://", fail, lambda: False, LOGGER)

    def wait(seconds):
        delays[-1] += seconds
        now[0] += seconds
        return False

    def lost():
        delays.append(0.0)
        if len(delays) > 120:
            supervisor._stopping.set()
            raise SystemExit

    monkeypatch.setattr(_supervisor, "time", Clock)
    monkeypatch.setattr(supervisor._stopping, "wait", wait)
    work = supervisor._work
    supervisor._work = lambda: (lost(), work())
    supervisor._keep_up()

    assert 0.05 <= delays[0] <= 0.1
    assert 0.1 <= delays[1] <= 0.2
    in_first_minute = [delay for index, delay in enumerate(delays[:-1]) if sum(delays[:index]) < 60]
    later = delays[len(in_first_minute) : -1]
    assert max(in_first_minute) <= 1.0 + 1e-6
    assert all(delay >= 0.5 - 1e-6 for delay in in_first_minute[6:])
    assert later
    assert all(2.0 - 1e-6 <= delay <= 4.0 + 1e-6 for delay in later)


def test_who_is_connected_again_learns_how_long_others_may_need():
    supervisor = Supervisor("test", "fake://", lambda: None, lambda: True, LOGGER)

    assert supervisor.connected() == 0.0
    supervisor._lost(ConnectionError("broken"))
    assert supervisor.connected() == 1.5
    assert supervisor.connected() == 0.0
    supervisor._lost(ConnectionError("broken"))
    supervisor._lost_at -= 60
    assert supervisor.connected() == 4.5
