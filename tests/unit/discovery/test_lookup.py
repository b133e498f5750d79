"""Asking all strategies of a service at once."""

import logging
import threading

import pytest

from gemstone.discovery import BaseDiscoveryStrategy
from gemstone.errors import DiscoveryError
from gemstone_core._discovery import _lookup
from gemstone_core._discovery._lookup import Lookups
from tools.waiting import until

A, B, C = (f"http://10.0.0.{number}/api" for number in (1, 2, 3))
LOGGER = logging.getLogger("tests.lookup")


class Says(BaseDiscoveryStrategy):
    """Answers what a test says: a value, or an error to raise, or what a function gives."""

    def __init__(self, answer, name="says"):
        self.answer = answer
        self.name = name
        self.asked = 0

    def ping(self, name, location): ...

    def locate(self, name):
        self.asked += 1
        answer = self.answer(name) if callable(self.answer) else self.answer
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def __str__(self):
        return self.name


class Hanging(Says):
    def __init__(self, name="hanging"):
        super().__init__([C], name)
        self.goes_on = threading.Event()

    def locate(self, name):
        self.asked += 1
        self.goes_on.wait(30)
        return self.answer


@pytest.fixture
def hanging():
    strategy = Hanging()
    yield strategy
    strategy.goes_on.set()
    until(
        lambda: all("hanging" not in each.name for each in threading.enumerate()),
        what="no lookup is left",
    )


def lookups(*strategies):
    return Lookups(strategies, LOGGER)


def test_the_union_without_duplicates_in_order():
    assert lookups(Says([B, A]), Says((C, B)), Says({A})).locate("users") == [B, A, C]
    assert lookups(Says([]), Says(frozenset())).locate("users") == []
    assert lookups(Says([A, A])).locate("users") == [A]


def test_they_are_asked_at_the_same_time():
    both = threading.Barrier(2, timeout=30)

    def meet(name):
        both.wait()
        return [A]

    assert lookups(Says(meet), Says(meet)).locate("users") == [A]


def test_one_that_fails_is_stood_in_for_by_its_last_answer():
    one, other = Says([A]), Says([B])
    asked = lookups(one, other)
    assert asked.locate("users") == [A, B]
    one.answer = ConnectionError("away")
    other.answer = [C]
    assert asked.locate("users") == [A, C]
    assert asked.locate("unknown") == [C]
    one.answer = []
    assert asked.locate("users") == [C]
    one.answer = ConnectionError("away")
    assert asked.locate("users") == [C]


def test_all_fail():
    asked = lookups(
        Says(ConnectionError("redis://user:secret@host is away")), Says(DiscoveryError("no"))
    )
    with pytest.raises(DiscoveryError) as caught:
        asked.locate("users")
    assert str(caught.value) == (
        "'users' can't be looked up: ConnectionError: redis://user:***@host is away; no"
    )
    assert isinstance(caught.value.__cause__, ConnectionError)


def test_a_failure_of_a_strategy_known_before_is_one_all_the_same():
    one = Says([A])
    asked = lookups(one)
    asked.locate("users")
    one.answer = ConnectionError("away")
    with pytest.raises(DiscoveryError, match="ConnectionError: away"):
        asked.locate("users")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (A, "returned str: it must"),
        (b"x", "returned bytes"),
        ({A: 1}, "returned dict"),
        (42, "returned int: it must"),
        ([A, None], "a list with NoneType in it"),
        ([[A]], "a list with list"),
        ([b"x"], "a list with bytes"),
        (iter([A]), "returned list_iterator"),
    ],
)
def test_an_answer_of_the_wrong_shape(answer, said):
    with pytest.raises(DiscoveryError, match=said) as caught:
        lookups(Says(answer)).locate("users")
    assert "locate() of says" in str(caught.value)
    assert lookups(Says(answer), Says([B])).locate("users") == [B]
    assert "http" not in str(caught.value)  # a password may be in it


def test_nothing_is_an_empty_answer_as_0_12_had_it():
    assert lookups(Says(None)).locate("users") == []


def test_a_coroutine_is_no_answer():
    async def answer():
        return [A]

    with pytest.raises(DiscoveryError, match="returned coroutine"):
        lookups(Says(lambda name: answer())).locate("users")


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), GeneratorExit()])
def test_whatever_it_raises_is_its_own_failure(error):
    with pytest.raises(DiscoveryError, match=type(error).__name__):
        lookups(Says(error)).locate("users")


def test_one_that_hangs_holds_up_nobody_for_long(hanging, monkeypatch):
    monkeypatch.setattr(_lookup, "_GRACE", 0.05)
    assert lookups(hanging, Says([B])).locate("users") == [B]


def test_one_that_is_known_to_hang_is_not_waited_for(hanging, monkeypatch):
    monkeypatch.setattr(_lookup, "_PATIENCE", 0.02)
    asked = lookups(hanging, Says([]))
    assert [asked.locate("users") for _ in range(3)] == [[]] * 3
    assert not asked._asked[0].works
    monkeypatch.setattr(_lookup, "_PATIENCE", 1000)
    monkeypatch.setattr(_lookup, "_GRACE", 0.02)
    assert asked.locate("users") == []


def test_all_that_hang_are_given_up(hanging, monkeypatch):
    monkeypatch.setattr(_lookup, "_PATIENCE", 0.05)
    with pytest.raises(DiscoveryError, match="hanging did not answer in time"):
        lookups(hanging).locate("users")


def test_where_one_says_there_is_nobody_the_others_get_their_time(monkeypatch):
    monkeypatch.setattr(_lookup, "_GRACE", 0.0)
    asked = threading.Event()

    def late(name):
        asked.wait(30)
        return [A]

    def nobody(name):
        threading.Timer(0.05, asked.set).start()
        return []

    assert lookups(Says(late), Says(nobody)).locate("users") == [A]


def test_one_that_hangs_holds_few_threads_and_comes_back(hanging, monkeypatch, caplog):
    monkeypatch.setattr(_lookup, "_PATIENCE", 0.02)
    caplog.set_level("INFO", LOGGER.name)
    asked = lookups(hanging)
    for number in range(3 * _lookup._AT_ONCE):
        with pytest.raises(DiscoveryError, match=r"in time|has 16 lookups to answer already"):
            asked.locate(f"users.{number}")
    assert hanging.asked == _lookup._AT_ONCE
    assert [each.levelname for each in caplog.records] == ["WARNING"]
    hanging.goes_on.set()
    until(lambda: not asked._asked[0]._under_way, what="all lookups have ended")
    monkeypatch.setattr(_lookup, "_PATIENCE", 30)
    assert asked.locate("users") == [C]


def test_changes_are_logged_once(caplog):
    caplog.set_level("INFO", LOGGER.name)
    one, other = Says([A]), Says([B])
    asked = lookups(one, other)
    asked.locate("users")
    one.answer = ConnectionError("http://u:secret@host\nsays no")
    for _ in range(3):
        asked.locate("users")
    one.answer = [A]
    for _ in range(3):
        asked.locate("users")
    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        (
            "WARNING",
            "says: services can't be looked up now, trying again: ConnectionError: "
            "http://u:***@host\N{REPLACEMENT CHARACTER}says no",
        ),
        ("INFO", "says: services can be looked up again"),
    ]


def test_only_so_many_answers_are_remembered(monkeypatch):
    monkeypatch.setattr(_lookup, "_REMEMBERED", 2)
    one, other = Says([A]), Says([B])
    asked = lookups(one, other)
    for name in ("a", "b", "a", "c"):
        asked.locate(name)
    one.answer = ConnectionError("away")
    assert [asked.locate(name) for name in "abc"] == [[A, B], [B], [A, B]]
