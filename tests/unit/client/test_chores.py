"""What is done in the background: when, in which order, and in how many threads."""

import threading
import time

import pytest

from gemstone.client import _chores
from gemstone.client._chores import Chores


@pytest.fixture
def chores():
    chores = Chores("tests")
    yield chores
    chores.close(30)


def eventually(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def threads():
    return [each for each in threading.enumerate() if each.name == "gemstone-client tests"]


def test_nothing_runs_before_there_is_something_to_do(chores):
    assert threads() == []


def test_chores_are_done_when_they_are_due_and_in_order(chores):
    done = []
    started = time.monotonic()
    for delay in (0.3, 0.1, 0.2):
        chores.put(lambda delay=delay: done.append((delay, time.monotonic() - started)), delay)
    eventually(lambda: len(done) == 3)
    assert [delay for delay, _ in done] == [0.1, 0.2, 0.3]
    assert all(after >= delay for delay, after in done)


def test_one_that_is_due_sooner_is_done_while_another_one_is_waited_for(chores):
    done = threading.Event()
    chores.put(lambda: None, 3600)
    eventually(lambda: chores._waits)
    chores.put(done.set)
    assert done.wait(30)
    assert len(threads()) <= 2


def test_those_that_are_due_at_once_go_first_in_first_out(chores):
    gate, done = threading.Event(), []
    for _ in range(_chores._THREADS):
        chores.put(lambda: gate.wait(30))
    for number in range(100):
        chores.put(lambda number=number: done.append(number))
    with chores._lock:
        assert [due[1] for due in sorted(chores._due)] == sorted(due[1] for due in chores._due)
    gate.set()
    eventually(lambda: len(done) == 100)


def test_a_chore_that_hangs_holds_no_other_one_up(chores):
    gate, done = threading.Event(), threading.Event()
    for _ in range(_chores._THREADS - 1):
        chores.put(lambda: gate.wait(30))
    chores.put(done.set)
    assert done.wait(30)
    assert len(threads()) == _chores._THREADS
    gate.set()


def test_there_are_not_more_threads_than_allowed(chores):
    gate, lock, now, most, done = threading.Event(), threading.Lock(), [0], [0], [0]

    def work():
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        gate.wait(0.01)
        with lock:
            now[0] -= 1
            done[0] += 1

    for _ in range(200):
        chores.put(work)
        assert len(threads()) <= _chores._THREADS
    eventually(lambda: done == [200])
    assert most[0] <= _chores._THREADS
    gate.set()


def test_puts_of_many_threads_are_all_done(chores):
    done = []

    def put():
        for number in range(200):
            chores.put(lambda: done.append(1), 0.001 * (number % 3))

    putting = [threading.Thread(target=put) for _ in range(8)]
    for thread in putting:
        thread.start()
    for thread in putting:
        thread.join(30)
    eventually(lambda: len(done) == 1600)
    eventually(lambda: len(threads()) <= 1)


def test_threads_end_when_there_is_nothing_left(chores, monkeypatch):
    monkeypatch.setattr(_chores, "_LINGER", 0.01)
    for _ in range(20):
        chores.put(lambda: None)
    eventually(lambda: threads() == [])
    assert chores._threads == set()
    done = threading.Event()
    chores.put(done.set)
    assert done.wait(30)


def test_they_keep_no_interpreter_alive(chores):
    gate = threading.Event()
    chores.put(lambda: gate.wait(30))
    assert all(thread.daemon for thread in threads())
    gate.set()


def test_one_that_fails_is_logged_and_the_others_are_done(chores, caplog):
    done = threading.Event()

    def fail():
        raise LookupError("the reason")

    chores.put(fail)
    eventually(lambda: bool(caplog.records))
    chores.put(done.set)
    assert done.wait(30)
    assert "What tests does in the background has failed" in caplog.text
    assert "the reason" in caplog.text


def test_one_that_raises_what_nobody_should_costs_no_thread_for_ever(chores, caplog):
    def leave():
        raise SystemExit

    done = []
    for _ in range(2 * _chores._THREADS):
        chores.put(leave)
    chores.put(lambda: done.append(1))
    eventually(lambda: done == [1])


def test_closing_forgets_what_has_not_begun(chores):
    gate, begun, done = threading.Event(), threading.Event(), []
    chores.put(lambda: begun.set() or gate.wait(30))
    chores.put(lambda: done.append(1), 0.05)
    assert begun.wait(30)
    started = time.monotonic()
    chores.close(0.05)
    assert time.monotonic() - started < 20
    assert len(threads()) == 1
    chores.put(lambda: done.append(2))
    gate.set()
    eventually(lambda: threads() == [])
    assert done == []


def test_closing_ends_a_thread_that_waits(chores):
    chores.put(lambda: None, 3600)
    eventually(lambda: chores._waits)
    chores.close(30)
    assert threads() == []


def test_closing_within_a_chore_waits_for_nobody(chores):
    done = threading.Event()
    chores.put(lambda: chores.close(3600) or done.set())
    assert done.wait(30)
    eventually(lambda: threads() == [])


def test_a_chore_is_not_kept_when_it_is_done(chores):
    import weakref

    class Chore:
        def __call__(self):
            pass

    chore = Chore()
    kept = weakref.ref(chore)
    chores.put(chore)
    del chore
    eventually(lambda: kept() is None)


def test_a_child_begins_anew(chores):
    begun, done = [], threading.Event()
    chores._due.append((0.0, 0, lambda: begun.append(1)))
    chores._waits = True  # a thread that the child does not have
    chores._threads.update(threading.Thread() for _ in range(_chores._THREADS))
    with chores._lock:  # by another one
        chores.restart_in_child()
    chores.put(done.set)
    assert done.wait(30)
    assert begun == []


def test_a_thread_that_can_not_be_started_is_tried_again(chores, monkeypatch):
    def start(thread):
        raise RuntimeError("can't start new thread")

    done = []
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        chores.put(lambda: done.append(1))
    chores.put(lambda: done.append(2))
    eventually(lambda: sorted(done) == [1, 2])
