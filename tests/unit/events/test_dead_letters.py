"""Dead letters: which are chosen, replayed and purged, whatever keeps them."""

import pytest

from gemstone.errors import InvalidEventError, ServiceConfigurationError
from gemstone.event import DeadLetter, DeadLetters, dead_letters, forget_service


def letter(id, service="mailer", event_name="a", data=b"1"):
    return DeadLetter(id, service, event_name, data, "e1", {}, 5, "ValueError()", 1.0)


class Kept(DeadLetters):
    """Those of a list."""

    def __init__(self, *letters):
        self.kept = [*letters]
        self.replayed = []
        self.was_read = 0
        self.is_closed = False

    def read(self):
        for each in [*self.kept]:
            self.was_read += 1
            yield each

    def replay_one(self, letter):
        self.kept.remove(letter)
        self.replayed.append(letter)

    def purge_one(self, letter):
        self.kept.remove(letter)

    def close(self):
        self.is_closed = True


@pytest.fixture
def kept():
    return Kept(letter("1"), letter("2", event_name="b"), letter("3", service="stock"), letter("4"))


@pytest.mark.parametrize(
    ("ids", "chosen", "expected"),
    [
        ((), {}, "1234"),
        ((), {"service": "mailer"}, "124"),
        ((), {"event_name": "a"}, "134"),
        ((), {"service": "mailer", "event_name": "a"}, "14"),
        ("24", {}, "24"),
        ("34", {"service": "mailer"}, "4"),
        ("7", {}, ""),
    ],
)
def test_some_are_chosen(kept, ids, chosen, expected):
    assert "".join(each.id for each in kept.list([*ids], **chosen)) == expected
    assert len(kept.kept) == 4
    assert kept.replay([*ids], **chosen) == len(expected)
    assert "".join(each.id for each in kept.replayed) == expected
    assert not {*expected} & {each.id for each in kept.kept}


def test_they_are_purged(kept):
    assert kept.purge(service="mailer") == 3
    assert [each.id for each in kept.kept] == ["3"]
    assert kept.purge() == 1
    assert kept.purge() == 0
    assert not kept.replayed


def test_no_more_is_read_than_is_wanted(kept):
    assert [each.id for each in kept.list(limit=2)] == ["1", "2"]
    assert kept.was_read == 2
    assert kept.list(limit=0) == []
    kept.list(["3"])
    assert kept.was_read == 5


def test_it_is_closed_at_the_end(kept):
    with kept as same:
        assert same is kept
    assert kept.is_closed


def test_a_body_is_decoded_if_it_can_be():
    assert letter("1", data=b'{"a": [1]}').body == {"a": [1]}
    with pytest.raises(InvalidEventError, match="it is not JSON"):
        _ = letter("1", data=b"{").body


@pytest.mark.parametrize("ask", [dead_letters, lambda url: forget_service(url, "mailer")])
def test_a_transport_that_keeps_nothing_has_none(ask):
    with pytest.raises(ServiceConfigurationError, match="memory:// keeps no events"):
        ask("memory://")
