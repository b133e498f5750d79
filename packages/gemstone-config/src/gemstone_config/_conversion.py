"""Types: what is made of a text, or of a value that has a type already."""

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from ._errors import UnfitError

#: What stands for a truth value in a text, in small letters.
_TRUTHS: Final[Mapping[str, bool]] = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}
_WHOLE_NUMBER: Final = re.compile(r"[+-]?[0-9]+(_[0-9]+)*")


def convert(value: Any, type: Callable[[Any], Any]) -> Any:
    """A value as `type` makes it.

    The types that are known here take less than Python's own: those would make 1 of 1.5, and a
    true value of the text "false".

    Raises:
        UnfitError: the value does not fit a type that is known here.
        Exception: whatever another type raises.
    """
    return _KNOWN.get(type, type)(value)


def _to_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    truth = _TRUTHS.get(value.strip().lower()) if isinstance(value, str) else None
    if truth is None:
        raise UnfitError("is neither true nor false")
    return truth


def _to_int(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value.strip()):
        try:
            return int(value)
        except ValueError:  # Python reads no number of more than 4,300 digits
            raise UnfitError("is too large a number") from None
    raise UnfitError("is no whole number")


def _to_float(value: Any) -> float:
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            number = float(value)
        except ValueError:
            raise UnfitError("is no number") from None
        except OverflowError:
            raise UnfitError("is too large a number") from None
        if not math.isnan(number):
            return number
    raise UnfitError("is no number")


def _to_str(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise UnfitError("is no text: put it in quotes")


def _to_path(value: Any) -> Path:
    if isinstance(value, str) and value:
        return Path(value)
    raise UnfitError("is no path")


_KNOWN: Final[Mapping[Any, Callable[[Any], Any]]] = {
    bool: _to_bool,
    int: _to_int,
    float: _to_float,
    str: _to_str,
    Path: _to_path,
}
