"""What every discovery strategy must do."""

import copy
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final
from unittest import SkipTest

from gemstone.errors import DiscoveryError

from ._discovery_bench import Greeter, StrategyBench
from ._listening import until

#: URLs that must be located as they were pinged.
_LOCATIONS: Final[Sequence[str]] = (
    "http://127.0.0.1:8000/api",
    "https://users.example/a/b%20c?d=e&f=%2F",
    "http://[2001:db8::1]:1/",
    "http://users-0.users.default.svc.cluster.local:8080/api",
)


class DiscoveryStrategyContract(StrategyBench):
    """What every discovery strategy must do: inherit it in a class whose name begins with ``Test``.

    Say by the attributes what the strategy can do, and by :meth:`make_strategy` how to make one.
    Some tests need one more method; they are skipped, and say so, where it is left out. Each test
    uses names of services that nobody else uses, so that one registry may serve all.
    """

    def test_what_is_pinged_is_located(self) -> None:
        """Each location of a service is found, as it was pinged."""
        strategy = self._make()
        for location in _LOCATIONS:
            strategy.ping(self._name("users"), location)
        assert self._located(strategy, "users") == sorted(_LOCATIONS)

    def test_an_unknown_name(self) -> None:
        """Nobody is found under a name that nobody has, and that is no error."""
        assert self._located(self._make(), "unknown") == []

    def test_names_are_told_apart(self) -> None:
        """A name is found by itself, and not by what is like it."""
        strategy = self._make()
        words = ["users", "Users", "users.admin", "user", "\u00fcsers", "u\u0308sers"]
        for number, word in enumerate(words):
            strategy.ping(self._name(word), f"http://127.0.0.1:{1000 + number}/api")
        for number, word in enumerate(words):
            assert self._located(strategy, word) == [f"http://127.0.0.1:{1000 + number}/api"]

    def test_names_of_all_characters(self) -> None:
        """Names have up to 200 printable characters."""
        strategy = self._make()
        for begin in ("a:b/c{d}e]f'g\"h&i=j%k#l", "\u00fc\u540d\U0001f48e", "-.!~"):
            name = self._name(begin).ljust(200, "x")
            strategy.ping(name, _LOCATIONS[0])
            assert [*strategy.locate(name)] == [_LOCATIONS[0]]

    def test_an_answer_is_the_callers_own(self) -> None:
        """What is done to an answer changes nothing."""
        strategy = self._make()
        strategy.ping(self._name("users"), _LOCATIONS[0])
        answer: Any = strategy.locate(self._name("users"))
        assert not isinstance(answer, str)
        assert all(type(each) is str for each in answer)
        if isinstance(answer, list):
            answer.clear()
        assert self._located(strategy, "users") == [_LOCATIONS[0]]

    def test_two_strategies_see_each_other(self) -> None:
        """What one of them was told, the other one knows at once."""
        one, other = self._make(), self._make()
        one.ping(self._name("users"), _LOCATIONS[0])
        assert self._located(other, "users") == [_LOCATIONS[0]]
        other.ping(self._name("users"), _LOCATIONS[1])
        assert self._located(one, "users") == sorted(_LOCATIONS[:2])

    def test_pinging_again_is_no_second_entry(self) -> None:
        """A location is found once, however often it is pinged, and by whom."""
        one, other = self._make(), self._make()
        for strategy in (one, one, other):
            strategy.ping(self._name("users"), _LOCATIONS[0])
        assert self._located(one, "users") == [_LOCATIONS[0]]

    def test_unregister(self) -> None:
        """A location is not found any more; what else there is stays, and it may come back."""
        self._needs(can_unregister=self.can_unregister)
        one, other = self._make(), self._make()
        for word in ("users", "mails"):
            for location in _LOCATIONS[:2]:
                one.ping(self._name(word), location)
        one.unregister(self._name("users"), _LOCATIONS[0])
        assert self._located(one, "users") == [_LOCATIONS[1]]
        other.unregister(self._name("users"), _LOCATIONS[1])
        assert self._located(one, "users") == []
        assert self._located(other, "mails") == sorted(_LOCATIONS[:2])
        one.ping(self._name("users"), _LOCATIONS[0])
        assert self._located(other, "users") == [_LOCATIONS[0]]

    def test_to_unregister_what_is_not_there(self) -> None:
        """That is no error, and changes nothing."""
        strategy = self._make()
        strategy.unregister(self._name("users"), _LOCATIONS[0])
        strategy.ping(self._name("users"), _LOCATIONS[1])
        strategy.unregister(self._name("users"), _LOCATIONS[0])
        strategy.unregister(self._name("mails"), _LOCATIONS[1])
        assert self._located(strategy, "users") == [_LOCATIONS[1]]

    def test_patterns(self) -> None:
        """``*``, ``?`` and ``[…]`` stand for what ``fnmatch.fnmatchcase`` says."""
        self._needs(knows_patterns=self.knows_patterns)
        strategy = self._make()
        where = {
            word: f"http://127.0.0.1:{1000 + number}/api"
            for number, word in enumerate(("p.worker.1", "p.worker.2", "p.Worker.3", "q.worker.12"))
        }
        for word, location in where.items():
            strategy.ping(self._name(word), location)
        for pattern, words in [
            ("p.worker.*", ["p.worker.1", "p.worker.2"]),
            ("?.worker.?", ["p.worker.1", "p.worker.2"]),
            ("*.worker.1*", ["p.worker.1", "q.worker.12"]),
            ("p.[wW]orker.[!12]", ["p.Worker.3"]),
            ("*", [*where]),
            ("p.worker", []),
            ("p.worker.??", []),
            ("r*", []),
        ]:
            assert self._located(strategy, pattern) == sorted(where[word] for word in words)
        assert {*where.values()} <= {*strategy.locate("*")}

    def test_a_pattern_finds_a_location_once(self) -> None:
        """Also if services of several names are there."""
        self._needs(knows_patterns=self.knows_patterns)
        strategy = self._make()
        for word in ("p.one", "p.two"):
            strategy.ping(self._name(word), _LOCATIONS[0])
        assert self._located(strategy, "p.*") == [_LOCATIONS[0]]

    def test_patterns_forget_who_unregistered(self) -> None:
        """A pattern finds who is there now."""
        self._needs(can_unregister=self.can_unregister, knows_patterns=self.knows_patterns)
        strategy = self._make()
        for location in _LOCATIONS[:2]:
            strategy.ping(self._name("p.one"), location)
        strategy.ping(self._name("p.two"), _LOCATIONS[2])
        strategy.unregister(self._name("p.one"), _LOCATIONS[0])
        assert self._located(strategy, "p.*") == sorted(_LOCATIONS[1:3])
        strategy.unregister(self._name("p.one"), _LOCATIONS[1])
        assert self._located(strategy, "p.*") == [_LOCATIONS[2]]

    def test_all_services(self) -> None:
        """All services are listed, each location once, and not any more who has gone."""
        self._needs(can_list=self.can_list)
        one, other = self._make(), self._make()
        assert self._listed(one) == {}
        for word, location in [
            ("users", _LOCATIONS[0]),
            ("users", _LOCATIONS[1]),
            ("mails", _LOCATIONS[2]),
            ("mails", _LOCATIONS[2]),
        ]:
            one.ping(self._name(word), location)
        expected = {"users": sorted(_LOCATIONS[:2]), "mails": [_LOCATIONS[2]]}
        assert self._listed(one) == self._listed(other) == expected
        if self.can_unregister:
            one.unregister(self._name("users"), _LOCATIONS[0])
            one.unregister(self._name("mails"), _LOCATIONS[2])
            assert self._listed(other) == {"users": [_LOCATIONS[1]]}

    def test_it_says_that_it_can_t_list_services(self) -> None:
        """A strategy that can't list services raises: nothing listed would mean nobody there."""
        if self.can_list:
            raise SkipTest("can_list is True")
        with suppress(DiscoveryError):
            answer = self._make().services()
            raise AssertionError(f"can_list is False, and services() gives {answer!r}")

    def test_entries_expire(self) -> None:
        """Who does not ping any more is not found after a while; who does is."""
        short = self.make_short_lived_strategy()
        self._stack.callback(short.close)

        def appears(word: str, location: str) -> bool:
            short.ping(self._name(word), location)
            return self._located(short, word) == [location]

        def only_one_lives() -> bool:
            is_there = appears("p.lives", _LOCATIONS[1])
            if self.knows_patterns:
                is_there = is_there and self._located(short, "p.*") == [_LOCATIONS[1]]
            if self.can_list:
                is_there = is_there and self._listed(short) == {"p.lives": [_LOCATIONS[1]]}
            return is_there and not self._located(short, "p.dies")

        until(lambda: appears("p.dies", _LOCATIONS[0]), "it is there", self.deadline)
        until(only_one_lives, "it has expired", self.deadline)
        until(lambda: appears("p.dies", _LOCATIONS[2]), "it is there again", self.deadline)

    def test_many_threads_use_it(self) -> None:
        """Several threads may ping and locate at once."""
        strategy = self._make()
        failed: list[BaseException] = []

        def use(number: int) -> None:
            word, location = f"p.{number}", f"http://127.0.0.1:{1000 + number}/api"
            try:
                for _ in range(10):
                    strategy.ping(self._name(word), location)
                    assert self._located(strategy, word) == [location]
            except BaseException as error:
                failed.append(error)

        self._in_threads(20, use)
        assert not failed, failed[0]
        if self.knows_patterns:
            assert len(self._located(strategy, "p.*")) == 20

    def test_it_may_be_closed(self) -> None:
        """It may be closed more than once, and used again; others are not concerned."""
        one, other = self._make(), self._make()
        one.close()
        one.ping(self._name("users"), _LOCATIONS[0])
        for _ in range(2):
            one.close()
            assert self._located(other, "users") == [_LOCATIONS[0]]
        assert self._located(one, "users") == [_LOCATIONS[0]]
        one.ping(self._name("users"), _LOCATIONS[1])
        assert self._located(other, "users") == sorted(_LOCATIONS[:2])

    def test_a_constructor_only_remembers(self) -> None:
        """No thread is started before there is something to do; close() is harmless then."""
        before = threading.active_count()
        strategy = self.make_strategy()
        strategy.close()
        strategy.close()
        assert threading.active_count() == before

    def test_a_copy_is_another_strategy(self) -> None:
        """It asks the same registry, and is closed by itself."""
        strategy = self._make()
        if not hasattr(type(strategy), "__copy__"):
            raise SkipTest("it has no __copy__")
        strategy.ping(self._name("users"), _LOCATIONS[0])
        copied = copy.copy(strategy)
        assert type(copied) is type(strategy)
        assert self._located(copied, "users") == [_LOCATIONS[0]]
        copied.close()
        assert self._located(strategy, "users") == [_LOCATIONS[0]]

    def test_from_url(self) -> None:
        """A URL makes one that asks the same registry."""
        if self.url is None:
            raise SkipTest("url is not set")
        strategy = self._make()
        made = type(strategy).from_url(self.url)
        self._stack.callback(made.close)
        assert type(made) is type(strategy)
        made.ping(self._name("users"), _LOCATIONS[0])
        assert self._located(strategy, "users") == [_LOCATIONS[0]]

    def test_a_registry_that_is_away(self) -> None:
        """That is an error, soon; and no answer that nobody is there."""
        strategy = self.make_unreachable_strategy()
        self._stack.callback(strategy.close)
        name, location = self._name("users"), _LOCATIONS[0]
        questions: list[Callable[[], object]] = [
            lambda: strategy.ping(name, location),
            lambda: strategy.locate(name),
        ]
        if self.knows_patterns:
            questions.append(lambda: strategy.locate(f"{name}*"))
        if self.can_unregister:
            questions.append(lambda: strategy.unregister(name, location))
        if self.can_list:
            questions.append(strategy.services)
        for question in questions:
            began = time.monotonic()
            with suppress(DiscoveryError):
                answer = question()
                raise AssertionError(f"there is no registry, and it answers {answer!r}")
            assert time.monotonic() - began < self.gives_up_within

    def test_services_find_each_other(self) -> None:
        """A service is found and called while it runs, and not any more when it has stopped."""
        finder = self._start(self._make(), "finder")
        name = self._name("greeter")
        assert finder.get_service(name) is None
        with Greeter.named(name, self._make()).start_in_thread():
            self._calls(finder, name)
        if self.can_unregister:
            until(lambda: finder.get_service(name) is None, "it is not found", self.deadline)

    def test_services_that_list_its_url(self) -> None:
        """A URL stands for it in ``discovery_strategies``."""
        if self.url is None:
            raise SkipTest("url is not set")
        self._start(self.url, "greeter")
        self._calls(self._start(self.url, "finder"), self._name("greeter"))
