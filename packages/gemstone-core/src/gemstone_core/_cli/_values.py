"""Values that people write as words: JSON where they are JSON, and else text."""

import json
import math
import sys
from collections.abc import Iterable
from typing import Any, Final, NoReturn

import click

STDIN: Final = "-"


def value_of(word: str) -> Any:
    """What a word stands for: the value, if it is JSON, and else the word itself.

    Raises:
        click.UsageError: it has bytes in it that are no text, or a number that is too large.
    """
    try:
        word.encode()
    except UnicodeEncodeError:
        raise click.UsageError(f"{word!r} is no text in UTF-8") from None
    try:
        return _decoded(word)
    except (ValueError, RecursionError):
        return word


def value_or_stdin(word: str) -> Any:
    """What a word stands for; what comes from the standard input, if it is ``-``.

    Raises:
        click.UsageError: what comes is no text, or has a number in it that is too large.
    """
    return value_of(_text_of_stdin() if word == STDIN else word)


def params_of(words: Iterable[str], whole: str | None) -> list[Any] | dict[str, Any] | None:
    """The params of a call, as the words after the method say them.

    Args:
        words: ``name=value``, or values only. What is before the first ``=`` is a name if it could
            be one in Python.
        whole: all of them as JSON, in place of words.

    Raises:
        click.UsageError: some words have names and others have none, a name is there twice, or
            the JSON is none, or beside words.
    """
    words = [*words]
    if whole is not None:
        if words:
            raise click.UsageError("the params are in --params or in words, not in both")
        return _whole(whole)
    named: dict[str, Any] = {}
    unnamed: list[Any] = []
    for word in words:
        name, found, value = word.partition("=")
        if not found or not name.isidentifier():
            unnamed.append(value_of(word))
        elif name in named:
            raise click.UsageError(f"the param {name} is there twice")
        else:
            named[name] = value_of(value)
    if named and unnamed:
        raise click.UsageError(
            f"{next(iter(named))}=… has a name and {unnamed[0]!r} has none: a call has params by "
            "name or by position, not both"
        )
    return named or unnamed or None


def _whole(text: str) -> list[Any] | dict[str, Any]:
    try:
        params = _decoded(_text_of_stdin() if text == STDIN else text)
    except ValueError as error:
        raise click.UsageError(f"--params is no JSON: {error}") from None
    except RecursionError:
        raise click.UsageError("--params is nested too deeply") from None
    if not isinstance(params, list | dict):
        raise click.UsageError("--params is neither an object nor a list")
    return params


def _text_of_stdin() -> str:
    try:
        text = sys.stdin.read()
        text.encode()  # where the locale is C, what is no text does not fail before
    except (UnicodeDecodeError, UnicodeEncodeError) as error:
        raise click.UsageError(
            f"the standard input is no text in UTF-8: look at position {error.start:,}"
        ) from None
    return text.removesuffix("\n")


def _decoded(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):  # which would travel as null
        raise click.UsageError(f'{text} is too large a number; with quotes, "{text}", it is a text')
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
