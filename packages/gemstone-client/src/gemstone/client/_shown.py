"""What may be shown of what came from the other side."""

from http import HTTPStatus
from typing import Final

NOT_SHOWN: Final = "(what came is not shown, because the request carried credentials)"


def printable(text: str, length: int) -> str:
    """The start of `text`, at most `length` characters, all of them printable."""
    shown = "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[:length]
    )
    return shown if len(text) <= length else f"{shown[: length - 1]}…"


def phrase(status: int) -> str:
    """What the standard calls an HTTP status, whatever the other side says; empty if unknown."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
