"""What may be shown of values and of what others say, in messages of one line."""

import re
from collections.abc import Mapping
from typing import Final

#: How much of a value is shown, in characters.
_LENGTH: Final = 80
#: A user and a password, up to the last "@": people forget to escape what is in a password.
_CREDENTIALS: Final = re.compile(r"(?<=://)([^:@/?#]*):.*@", re.DOTALL)
#: What values of files are called, where a secret may be in them.
_KINDS: Final[Mapping[type, str]] = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a text",
    list: "a list",
    type(None): "null",
}
_PARAMETER: Final = re.compile(
    r"([?&][^=&#]*(?:pass|secret|token|key)[^=&#]*=)[^&#\s'\"]*", re.IGNORECASE
)
#: A URL up to its query, if it is a good one; and the query, in which an "@" may stand.
_QUERY: Final = re.compile(
    r"(?<=://)((?:[^@/?#\s]*@)?(?:\[[^]\s]*\]|[^:@/?#\s]*)(?::[0-9]*)?(?:/[^@?#\s]*)?)(\?[^#\s]*)"
)


def shown(value: object) -> str:
    """A value, as Python writes it: its start, on one line, without the passwords of URLs."""
    try:
        text = repr(value)
    except Exception:  # a value may be of any class, or nested too deep
        text = f"a value of the type {type(value).__name__}"
    text = one_line(text)
    return text if len(text) <= _LENGTH else f"{text[: _LENGTH - 1]}…"


def kind(value: object) -> str:
    """What a value of a file is, without a word of what is in it."""
    return _KINDS.get(type(value), "a date or a time")


def reason(error: BaseException) -> str:
    """What an exception says, on one line, without the passwords of URLs."""
    try:
        text = one_line(str(error))
    except Exception:
        text = ""
    return text or type(error).__name__


def one_line(text: str) -> str:
    """A text on one line, all of it printable, without the passwords of URLs."""
    masked = _QUERY.sub(_masked_query, text)
    masked = _PARAMETER.sub(r"\1***", _CREDENTIALS.sub(r"\1:***@", masked))
    line = " ".join(masked.split())
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)


def _masked_query(url: re.Match[str]) -> str:
    start, query = url.groups()
    return start + _PARAMETER.sub(r"\1***", query)
