"""When a name is looked up, and what a call does meanwhile."""

import threading
import time

import pytest

from gemstone.client import _lookup
from gemstone.client._chores import Chores
from gemstone.client._lookup import Lookup

URL = "http://127.0.0.1:8000/api"


class Locate:
    """Answers, or raises, `answer`; while `gate` is not set it hangs."""

    def __init__(self):
        self.answer = [URL]
        self.asked = 0
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, name):
        self.asked += 1
        assert self.gate.wait(30)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


@pytest.fixture
def locate():
    locate = Locate()
    yield locate
    locate.gate.set()


@pytest.fixture
def taken():
    return []


@pytest.fixture
def make(locate, taken):
    chores = Chores("users")

    def make(lifetime):
        lookup = Lookup("users", locate, lifetime, chores, taken.append)
        lookup.first()
        return lookup

    yield make
    locate.gate.set()
    chores.close(30)


def eventually(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def later(seconds=60.0):
    return time.monotonic() + seconds


def test_a_lookup_that_failed_is_made_again_though_the_list_lives_long(
    make, locate, taken, monkeypatch
):
    lookup = make(float("inf"))
    locate.answer = OSError("away")
    monkeypatch.setattr(_lookup, "ATTENTION", -1)  # as if nobody called for a long time
    lookup.now()
    assert lookup.is_failing
    eventually(lambda: not lookup._retry_is_due)

    monkeypatch.undo()
    locate.answer = []
    for begin in (lookup.soon, lookup.now):
        taken.clear()
        lookup._asked_at -= 10
        begin()
        eventually(lambda: taken == [[]])
        eventually(lambda: not lookup._under_way)


def test_nobody_waits_for_a_lookup_that_a_close_has_forgotten(make, locate):
    lookup = make(10)
    locate.gate.clear()
    lookup._asked_at -= 60
    waiting = [
        threading.Thread(target=lookup.now),
        threading.Thread(target=lookup.now),
        threading.Thread(target=lookup.keep_fresh, args=(later(),)),
    ]
    for thread in waiting:
        thread.start()
    eventually(lambda: locate.asked == 2)
    lookup.close()
    waiting[1].join(30)
    waiting[2].join(30)
    assert sum(thread.is_alive() for thread in waiting) <= 1  # the one that looks it up
    locate.gate.set()
    waiting[0].join(30)

    for begin in (lookup.now, lookup.soon, lambda: lookup.keep_fresh(later())):
        begin()
    assert locate.asked == 2
    assert not lookup._under_way


@pytest.mark.parametrize("error", [OSError("away"), KeyboardInterrupt(), SystemExit(1)])
def test_nothing_that_locate_raises_leaves_it_stuck(make, locate, taken, error):
    lookup = make(0)
    locate.answer = error
    lookup.keep_fresh(later())
    assert lookup.is_failing
    assert not lookup._under_way
    locate.answer = []
    eventually(lambda: not lookup.is_failing)
    assert taken == [[URL], []]


def test_an_error_without_words_is_no_problem(make, locate, caplog):
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError("no words")

    lookup = make(0)
    locate.answer = Mute()
    lookup.keep_fresh(later())
    locate.answer = [URL]
    eventually(lambda: not lookup.is_failing)


def test_lookups_that_fail_grow_rare(make, locate, monkeypatch):
    put = []
    lookup = make(0)
    monkeypatch.setattr(lookup._chores, "put", lambda chore, delay=0.0: put.append((chore, delay)))
    locate.answer = OSError("away")
    lookup.now()
    for _ in range(6):
        lookup.keep_fresh(later())
        chore, _ = put[-1]
        chore()
    assert [delay for _, delay in put] == [0.5, 1, 2, 4, 5, 5, 5]


def test_nobody_is_looked_up_for_who_does_not_call(make, locate, monkeypatch):
    lookup = make(0)
    locate.answer = OSError("away")
    lookup.now()
    lookup._wanted_at = time.monotonic() - _lookup.ATTENTION - 1
    eventually(lambda: not lookup._retry_is_due)
    assert locate.asked == 2
    lookup.keep_fresh(later())  # begins it again, at once and without waiting
    eventually(lambda: locate.asked == 3)


def test_problems_are_said_once(make, locate, caplog):
    lookup = make(0)
    for bad in ("ftp://a", "ftp://b"):
        locate.answer = [URL, bad]
        for _ in range(3):
            lookup.now()
    assert [
        f"'{bad}'" in record.getMessage()
        for record, bad in zip(caplog.records, ["ftp://a", "ftp://b"], strict=True)
    ] == [True, True]


def test_only_a_full_wait_makes_it_slow(make, locate):
    lookup = make(10)
    locate.gate.clear()
    lookup._asked_at -= 60
    lookup.keep_fresh(later(0.01))
    assert not lookup._is_slow
    lookup.keep_fresh(later())
    assert lookup._is_slow
    started = time.monotonic()
    for _ in range(100):
        lookup.keep_fresh(later())
    assert time.monotonic() - started < 30
    locate.gate.set()
    eventually(lambda: not lookup._under_way)
    assert not lookup._is_slow


def test_nobody_waits_for_the_lookups_of_others_that_follow(make, locate):
    lookup = make(10)
    locate.gate.clear()
    lookup._asked_at -= 60
    waiting = [
        threading.Thread(target=lookup.now),
        threading.Thread(target=lookup.now),
    ]
    for thread in waiting:
        thread.start()
    eventually(lambda: bool(lookup._changed._waiters) and locate.asked == 2)
    with lookup._changed:  # as if it had ended, and the next one had begun at once
        lookup._ended += 1
        lookup._changed.notify_all()
    eventually(lambda: sum(thread.is_alive() for thread in waiting) == 1)
    assert lookup._under_way
    locate.gate.set()
    for thread in waiting:
        thread.join(30)


def test_who_comes_while_it_was_looked_up_does_not_do_it_again(make, locate, monkeypatch):
    lookup = make(10)

    class Changed:
        """Somebody else looks it up between a call's two looks at the list's age."""

        def __enter__(self):
            lookup._asked_at = time.monotonic()

        def __exit__(self, *exc_info):
            pass

    lookup._asked_at -= 60
    monkeypatch.setattr(lookup, "_changed", Changed())
    lookup.keep_fresh(later())
    assert locate.asked == 1
    monkeypatch.undo()
