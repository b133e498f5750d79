"""What a registry answers, checked before anything is called."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemstone.client._connections import Connections
from gemstone.client._endpoint import parse_endpoint
from gemstone.client._locations import checked_locations, checked_service_name
from gemstone.errors import DiscoveryError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
HOSTS = st.text(alphabet="ab.*-_%[]:@0 é\u0138?#/\\\n", max_size=12)
URLS = st.builds("{}://{}{}".format, st.sampled_from(["http", "https", "ftp", ""]), HOSTS, HOSTS)


@settings(deadline=None)
@given(JSON | st.binary() | st.sets(st.text()))
def test_any_answer_is_a_list_of_urls_or_refused(answer):
    try:
        good, problems = checked_locations(answer, "users")
    except DiscoveryError as exc:
        shown = str(exc)
    else:
        assert list(answer or []) == good == problems == []  # hypothesis does not know any URL
        shown = ""
    assert shown.isprintable()


@settings(deadline=None)
@given(st.lists(URLS | st.text(), max_size=6))
def test_what_is_good_can_be_called_and_all_else_is_named(answer):
    answer = [*answer, "http://127.0.0.1/"]
    good, problems = checked_locations(answer, "users")

    assert good == [each for each in dict.fromkeys(answer) if each in good]
    assert "http://127.0.0.1/" in good
    for url in good:
        Connections(parse_endpoint(url), True, None, 1).prepare({}, None)
    for problem in problems:
        assert problem.isprintable()
        assert problem.startswith("the location ")
    assert bool(problems) == (len(good) < len(set(answer)))


@settings(deadline=None)
@given(st.text(min_size=1, max_size=20))
def test_a_password_is_never_shown(path):
    for url in (f"http://root:hunter2@{path}", f"http://root:hunter2@*.x/{path}?key=hunter2"):
        try:
            _, problems = checked_locations([url, "http://127.0.0.1/"], "users")
        except DiscoveryError as exc:
            problems = [str(exc)]
        assert "hunter2" not in "".join(problems)


def test_an_answer_that_is_nested_deeply():
    answer = [[]]
    for _ in range(100_000):
        answer = [answer]
    with pytest.raises(DiscoveryError, match="lists list: it must be"):
        checked_locations(answer, "users")


def test_a_long_answer_is_not_quoted_as_a_whole():
    with pytest.raises(DiscoveryError) as caught:
        checked_locations([{"x": "y" * 10_000}], "users")
    assert len(str(caught.value)) < 200


@settings(deadline=None)
@given(st.text())
def test_any_name_is_good_or_refused_in_printable_words(name):
    try:
        shown = checked_service_name(name)
        assert shown is name
    except ValueError as exc:
        shown = str(exc)
    assert shown.isprintable()
