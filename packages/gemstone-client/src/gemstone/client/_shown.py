"""What may be shown of requests and answers, and what never."""

from collections.abc import Iterator, Mapping
from typing import Final

from ._endpoint import Endpoint

# Headers that are no secret. Of all others the values are taken for one.
_OPEN: Final = frozenset(
    (
        "accept",
        "accept-encoding",
        "accept-language",
        "connection",
        "content-length",
        "content-type",
        "host",
        "user-agent",
    )
)
_SHORTEST: Final = 4  # a header's value of "1" is no secret, and would be found everywhere


def printable(text: str, length: int) -> str:
    """The start of `text`, at most `length` characters, all of them printable."""
    shown = "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[:length]
    )
    return shown if len(text) <= length else f"{shown[: length - 1]}…"


class Secrets:
    """The secrets of one request. Made only where something went wrong.

    Args:
        endpoint: where it went.
        headers: its headers.
    """

    def __init__(self, endpoint: Endpoint, headers: Mapping[str, str | bytes]) -> None:
        values = {*endpoint.secrets, *_values(headers)}
        # An exception's text may hold them as repr() writes them.
        self._values = values | {repr(value)[1:-1] for value in values}

    def are_in(self, text: str) -> bool:
        """Whether `text` shows one of them."""
        return any(value in text for value in self._values)

    def are_in_exception(self, exc: BaseException) -> bool:
        """Whether the traceback of `exc` shows one of them, with all exceptions behind it."""
        seen: set[int] = set()
        waiting: list[BaseException | None] = [exc]
        while waiting:
            exc_ = waiting.pop()
            if exc_ is None or id(exc_) in seen:
                continue
            seen.add(id(exc_))
            if self.are_in(f"{exc_} {exc_!r}"):
                return True
            waiting += [exc_.__cause__, exc_.__context__]
        return False


def _values(headers: Mapping[str, str | bytes]) -> Iterator[str]:
    for name, value in headers.items():
        if name.lower() in _OPEN:
            continue
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        # "Bearer …": the part behind the scheme alone is as secret.
        yield from (part for part in (text, text.partition(" ")[2]) if len(part) >= _SHORTEST)
