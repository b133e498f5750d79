"""What was handled lately is remembered, and not for ever."""

from gemstone_rabbitmq import _recent
from gemstone_rabbitmq._recent import Recent


def test_the_last_ones_are_remembered(monkeypatch):
    monkeypatch.setattr(_recent, "_MOST", 3)
    recent = Recent()
    for number in range(5):
        recent.add("a", str(number))
    assert [number for number in range(5) if recent.has("a", str(number))] == [2, 3, 4]
    assert not recent.has("b", "4")


def test_what_has_no_id_is_not():
    recent = Recent()
    recent.add("a", None)
    assert not recent.has("a", None)
