"""Reads files of values: TOML and JSON, and says what is wrong with one."""

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn

from ._errors import ConfigurationError
from ._shown import kind, one_line, shown

_PLACE_IN_TOML: Final = re.compile(r" \(at line (\d+), column \d+\)$")
#: A text, or what Python's json takes for a number and JSON does not know.
_TEXT_OR_CONSTANT: Final = re.compile(r'"(?:[^"\\]|\\.)*"|(NaN|-?Infinity)')


class _SyntaxError(Exception):
    """What is wrong with a text, and in which line, if that is known."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem)
        self.line = line


def read(path: Path, name: str, *, optional: bool) -> Mapping[str, Any]:
    """What is in a file, as a table of tables.

    Args:
        path: the file.
        name: what it is called in messages.
        optional: whether it is fine if there is no such file; then it is empty.

    Raises:
        ConfigurationError: it can't be read, or not understood.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
        content = READERS[path.suffix.lower()](text)
    except FileNotFoundError:
        if optional:
            return {}
        raise ConfigurationError(
            f"{name} is not there ({_absolute(path)}): make the file, or say that it need not be "
            "there, optional=True"
        ) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{name}, line {line}: the file is not in UTF-8") from None
    except _SyntaxError as error:
        place = name if error.line is None else f"{name}, line {error.line}"
        raise ConfigurationError(f"{place}: {one_line(str(error))}") from None
    except OSError as error:
        raise ConfigurationError(f"{name} can't be read: {error.strerror}") from error
    except ValueError as error:  # a path, or a number, beyond what Python takes
        problem, _, _ = str(error).partition(";")  # then it says how to have more digits
        raise ConfigurationError(f"{name} can't be read: {one_line(problem)}") from None
    except RecursionError:
        raise ConfigurationError(f"{name} can't be read: it is nested too deep") from None
    if not isinstance(content, dict):
        raise ConfigurationError(
            f"{name} holds {kind(content)}: it must be an object, with one object for each service"
        )
    return content


def _absolute(path: Path) -> str:
    try:
        return one_line(str(path.absolute()))
    except OSError:  # the folder that the program runs in has been removed
        return one_line(str(path))


def _read_toml(text: str) -> Any:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problem = str(error)
        place = _PLACE_IN_TOML.search(problem)
        if place is None:  # at the end of the document
            raise _SyntaxError(problem, text.count("\n") + 1) from None
        raise _SyntaxError(problem[: place.start()], int(place[1])) from None


def _read_json(text: str) -> Any:
    try:
        return json.loads(
            text,
            object_pairs_hook=_without_duplicates,
            parse_constant=partial(_refuse_constant, text),
            parse_int=_to_int,
        )
    except json.JSONDecodeError as error:
        problem = error.msg.removesuffix(" at").removesuffix(" starting")
        raise _SyntaxError(problem, error.lineno) from None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise _SyntaxError(f"{shown(key)} is there twice")
        made[key] = value
    return made


def _to_int(text: str) -> int:
    try:
        return int(text)
    except ValueError:  # Python reads no number of more than 4,300 digits
        raise _SyntaxError(f"a number of {len(text)} digits is too large") from None


def _refuse_constant(text: str, constant: str) -> NoReturn:
    # The first one is refused, and json does not say where it is.
    place = next(found.start() for found in _TEXT_OR_CONSTANT.finditer(text) if found[1])
    raise _SyntaxError(f"{constant} is no value of JSON", text.count("\n", 0, place) + 1)


#: How files are read, by the end of their names.
READERS: Final[Mapping[str, Callable[[str], Any]]] = {".toml": _read_toml, ".json": _read_json}
