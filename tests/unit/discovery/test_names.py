"""Names of services, patterns of them, and locations."""

import pytest

from gemstone_core._discovery._names import (
    address_of,
    check_location,
    check_name,
    check_registered_name,
    is_pattern,
    matching,
    shown_location,
)


@pytest.mark.parametrize("name", ["users", "project.worker.1", "Größe", "a b", "x" * 200, "🂡", "]"])
def test_a_name_that_can_be_registered(name):
    assert check_registered_name(name) == check_name(name) == name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "empty"),
        ("x" * 201, "at most 200 characters, and 'xxxx.*…' has 201"),
        ("a\nb", r"'a\\nb' has a control character"),
        ("a\x00", "control character"),
        ("\x1b[31m", "control character"),
        ("a\u2028b", "can't be printed"),
        ("a\u202eb", "can't be printed"),
        ("\ud800", "can't be printed"),
    ],
)
def test_a_name_that_nobody_can_have(name, said):
    for check in (check_name, check_registered_name):
        with pytest.raises(ValueError, match=said):
            check(name)


@pytest.mark.parametrize("name", [None, 1, b"users", ["users"]])
def test_a_name_is_a_string(name):
    with pytest.raises(TypeError, match=f"string, not {type(name).__name__}"):
        check_name(name)


@pytest.mark.parametrize("name", ["a.*", "?", "[ab]", "a["])
def test_a_pattern_is_looked_up_and_not_registered(name):
    assert is_pattern(name)
    assert check_name(name) == name
    with pytest.raises(ValueError, match="pattern, which stands for other names"):
        check_registered_name(name)


def test_what_a_pattern_stands_for():
    names = ["p.worker.1", "p.worker.2", "p.Worker.3", "q"]
    assert [*matching("p.worker.*", names)] == names[:2]
    assert [*matching("?", names)] == ["q"]
    assert [*matching("p.[wW]orker.[!1]", names)] == names[1:3]
    assert [*matching("q", names)] == ["q"]
    assert [*matching("p", names)] == []


@pytest.mark.parametrize(
    "location",
    [
        "http://10.0.0.1:8000/api",
        "https://users.example/a/b%20c?d=e",
        "http://user:secret@[::1]/",
        "http://host",
    ],
)
def test_a_location(location):
    assert check_location(location) == location


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("", "does not begin with http"),
        ("10.0.0.1:8000/api", "does not begin with http"),
        ("ftp://host/", "does not begin with http"),
        ("javascript:alert(1)", "does not begin with http"),
        ("file:///etc/passwd", "does not begin with http"),
        ("http://", "has no host"),
        ("http:///api", "has no host"),
        ("http://:8000/api", "has no host"),
        ("http://host:0/", "port 0"),
        ("http://host:99999/", "wrong host or port"),
        ("http://host:x/", "wrong host or port"),
        ("http://[::1/", "wrong host or port"),
        ("http://ho st/", "space or a control character"),
        ("http://host/\r\nX: y", "space or a control character"),
        ("http://host/\u202e", "space or a control character"),
        ("http://host/" + "x" * 2000, "more than 2,000 characters"),
    ],
)
def test_a_location_that_nobody_can_call(location, said):
    with pytest.raises(ValueError, match=said) as caught:
        check_location(location)
    assert str(caught.value).isprintable()


def test_no_password_of_a_location_is_shown():
    for bad in ("ftp://user:secret@host/", "http://user:secret@host:x/", "http://u:secret@ho st/"):
        with pytest.raises(ValueError, match="location of a service") as caught:
            check_location(bad)
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("location", "address"),
    [
        ("http://0.0.0.0:8000/", "0.0.0.0"),
        ("http://0:8000/", "0.0.0.0"),
        ("http://[::]:8000/", "::"),
        ("http://[::ffff:0.0.0.0]/", "0.0.0.0"),
        ("http://127.1/", "127.0.0.1"),
        ("http://[::ffff:127.0.0.1]/", "127.0.0.1"),
        ("http://localhost/", "127.0.0.1"),
        ("http://a.localhost/", "127.0.0.1"),
        ("http://LOCALHOST/", "127.0.0.1"),
        ("http://10.0.0.1/", "10.0.0.1"),
        ("http://users/", "None"),
    ],
)
def test_the_address_in_a_location(location, address):
    assert str(address_of(location)) == address


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("http://10.0.0.1:8000/api", "http://10.0.0.1:8000/api"),
        ("http://secret@h/api", "http://h/api"),
        ("http://u/x:secret@h:0/", "http://h:0/"),
        ("https://h/api?sig=secret", "https://h/api?…"),
        ("ftp://u:secret@h/?token=secret", "ftp://h/?…"),
        ("u:secret@h", "h"),
        (f"http://u:{'secret' * 100}@h", "http://h"),
        ("", ""),
    ],
)
def test_what_is_shown_of_a_location(location, shown):
    assert shown_location(location) == shown
