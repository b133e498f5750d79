"""What travels: events, their bodies, names and headers."""

import datetime
import sys

import pytest

from gemstone.errors import GemstoneError, InvalidEventError
from gemstone.event import Event
from gemstone_core._events._event import check_event_name, check_headers, decode_body, encode_body


@pytest.mark.parametrize(
    "body",
    [
        None,
        True,
        0,
        -1,
        2**64,
        10**30,
        0.1,
        "",
        "\u00fc\u2028\U0001f48e\x00",
        [],
        {"a": [{"": None}]},
    ],
)
def test_a_body_survives(body):
    assert decode_body(encode_body(body)) == body


@pytest.mark.parametrize(
    ("body", "arrives"),
    [
        ((1, 2), [1, 2]),
        ({1: "a"}, {"1": "a"}),
        (float("nan"), None),  # JSON has none; json-rpc results go the same way
        (datetime.date(2017, 4, 22), "2017-04-22"),
    ],
)
def test_what_json_has_no_word_for_arrives_as_something_near(body, arrives):
    assert decode_body(encode_body(body)) == arrives


def deep(levels):
    body = []
    for _ in range(levels):
        body = [body]
    return body


def endless():
    body = []
    body.append(body)
    return body


@pytest.mark.parametrize(
    "body",
    [
        object(),
        print,
        1j,
        {"a": object()},
        {None: 1},
        {(1, 2): 3},
        "\ud800",
        {"\udfff": 1},
        deep(100_000),
        endless(),
        10**5000,
    ],
    ids=lambda body: type(body).__name__,
)
def test_a_body_that_is_no_json_is_refused(body):
    with pytest.raises(InvalidEventError, match="the event's body can't be encoded") as caught:
        encode_body(body)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, GemstoneError)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"NaN", "not JSON"),
        (b"1 2", "not JSON"),
        (b"1e999", "not JSON"),
        (b"1" * 5000, "not JSON"),
        (b'"\\ud800"', "not JSON"),
        (b"\x80\x04K\x01.", "not UTF-8"),
        (b'"\xff"', "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_bytes_that_are_no_json(data, why):
    event = Event.from_json("a", data)
    assert event.size == len(data)
    with pytest.raises(InvalidEventError, match=why):
        _ = event.body
    with pytest.raises(InvalidEventError, match=why):  # again the same
        _ = event.body


def test_what_an_event_has():
    event = Event("users.created", {"name": "ada"})
    assert (event.name, event.body, event.id, event.attempt) == (
        "users.created",
        {"name": "ada"},
        None,
        1,
    )
    assert dict(event.headers) == {}
    assert event.transport is None
    assert event.size is None
    assert repr(event) == "<Event 'users.created'>"

    event = Event.from_json("a", b"[1]", id="77", headers={"b": "c"}, attempt=2)
    assert (event.body, event.id, event.headers, event.attempt) == ([1], "77", {"b": "c"}, 2)
    assert repr(event) == "<Event 'a' 77>"


@pytest.mark.parametrize(
    "event",
    [
        Event("a", {"list": [1]}, id="1", headers={"b": "c"}, attempt=3),
        Event.from_json("a", b'{"list": [1]}', id="1", headers={"b": "c"}, attempt=3),
    ],
    ids=["decoded", "from-json"],
)
def test_copies_share_nothing(event):
    copies = event.copies(3)
    assert copies[0] is event
    for each in copies:
        assert (each.name, each.body, each.id, each.attempt) == ("a", {"list": [1]}, "1", 3)
        assert each.headers == {"b": "c"}
    for number, each in enumerate(copies):
        each.body["list"].append(number)
        each.headers["d"] = str(number)
    assert [each.body["list"] for each in copies] == [[1, 0], [1, 1], [1, 2]]
    assert [each.headers["d"] for each in copies] == ["0", "1", "2"]
    assert event.copies(0) == []
    assert event.copies(1) == [event]


def test_copies_of_a_deep_body():
    """What can be decoded can be copied: copy.deepcopy() gives up much earlier."""
    levels = sys.getrecursionlimit() - 200
    event = Event.from_json("a", b"[" * levels + b"]" * levels)
    _, copy = event.copies(2)
    assert copy.body is not event.body
    assert isinstance(copy.body, list)


@pytest.mark.parametrize("name", ["a", "users.created", "A-z_0.9", "." * 200, "-"])
def test_good_names(name):
    check_event_name(name)


@pytest.mark.parametrize(
    "name", ["", "a" * 201, "a b", "a/b", "a:b", "a*", "\u00fcber", "a\n", None, 7, b"a", ("a",)]
)
def test_bad_names(name):
    with pytest.raises(InvalidEventError, match="is no name of an event") as caught:
        check_event_name(name)
    assert repr(name) in str(caught.value)


def test_headers_are_copied():
    headers = {"a": "b", "n" * 128: ""}
    checked = check_headers(headers)
    assert checked == headers
    assert checked is not headers


@pytest.mark.parametrize(
    "headers",
    [
        {"": "a"},
        {"n" * 129: "a"},
        {"\u00fc" * 65: "a"},
        {1: "a"},
        {"a": 1},
        {"a": None},
        {"a": b"b"},
        {"a": "\ud800"},
        {"\udfff": "a"},
    ],
)
def test_bad_headers(headers):
    with pytest.raises(InvalidEventError, match="can't travel with an event"):
        check_headers(headers)
