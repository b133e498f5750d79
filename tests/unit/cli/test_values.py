"""What people write as words."""

import io
import re

import click
import pytest

from gemstone_core._cli._values import params_of, value_of, value_or_stdin


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("1", 1),
        ("-1.5", -1.5),
        ("true", True),
        ("null", None),
        ('"1"', "1"),
        ('{"a": [1, 2]}', {"a": [1, 2]}),
        ("two", "two"),
        ("", ""),
        ("True", "True"),
        ("NaN", "NaN"),
        ("[Infinity]", "[Infinity]"),
        ("'1'", "'1'"),
        ("[1,", "[1,"),
        ("[" * 100_000, "[" * 100_000),
        ("9" * 5_000, "9" * 5_000),
        ('"1e400"', "1e400"),
    ],
)
def test_a_value_is_json_where_it_is_json(word, value):
    assert value_of(word) == value
    assert type(value_of(word)) is type(value)


@pytest.mark.parametrize(
    ("words", "params"),
    [
        ([], None),
        (["a=1"], {"a": 1}),
        (["a=1", "b=two", "_c='3'", "é="], {"a": 1, "b": "two", "_c": "'3'", "é": ""}),
        (["a=b=c"], {"a": "b=c"}),
        (["1", "two"], [1, "two"]),
        (['"a=1"'], ["a=1"]),
        (["http://host/?a=1", "a-b=1", "=1", "1=1", "a b=1"],) * 2,
    ],
)
def test_params(words, params):
    assert params_of(words, None) == params


@pytest.mark.parametrize(
    ("words", "whole", "said"),
    [
        (["a=1", "2"], None, "a=… has a name and 2 has none"),
        (["2", "a=1"], None, "a=… has a name and 2 has none"),
        (["a=1", "a=2"], None, "the param a is there twice"),
        (["1"], "[1]", "in --params or in words, not in both"),
        (["1e400"], None, '1e400 is too large a number; with quotes, "1e400", it is a text'),
        (["a=[-1e400]"], None, "-1e400 is too large a number"),
        ([], "[1e400]", "1e400 is too large a number"),
        (["\udcff"], None, r"'\udcff' is no text in UTF-8"),
        (['a=["\udcff"]'], None, "is no text in UTF-8"),
        ([], "{", "--params is no JSON"),
        ([], "[NaN]", "--params is no JSON: NaN is not JSON"),
        ([], "7", "neither an object nor a list"),
        ([], "[" * 100_000, "nested too deeply"),
    ],
)
def test_params_that_are_none(words, whole, said):
    with pytest.raises(click.UsageError, match=re.escape(said)):
        params_of(words, whole)


def test_all_params_at_once():
    assert params_of([], '{"a-b": 1}') == {"a-b": 1}
    assert params_of([], "[]") == []


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_a_standard_input_that_is_no_text(monkeypatch, errors):
    def come(data: bytes) -> None:
        stdin = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", errors=errors)
        monkeypatch.setattr("sys.stdin", stdin)

    come(b"hunter2\xff")
    with pytest.raises(click.UsageError, match="the standard input is no text in UTF-8") as caught:
        value_or_stdin("-")
    assert "hunter2" not in caught.value.message
    come(b'["hunter2\xff"]')
    with pytest.raises(click.UsageError, match="the standard input is no text in UTF-8"):
        params_of([], "-")
    come("é\n".encode())
    assert value_or_stdin("-") == "é"
