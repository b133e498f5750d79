"""What a call came to, as plugins are told it."""

from typing import Any

import msgspec

from gemstone.errors import RpcError


class MethodOutcome:
    """What a call came to: the result or the error that its client is told.

    Args:
        outcome: the encoded result, or the error.
        seconds: how long the call took.

    Attributes:
        error: what the client is told, or ``None`` where it is told a result. Of a
            notification: what its client would have been told.
        seconds: how long it took until the answer was known, from just before the hook
            ``on_method_call``. Waiting for a free thread counts.
    """

    __slots__ = ("_encoded", "error", "seconds")

    def __init__(self, outcome: bytes | RpcError, seconds: float) -> None:
        self.error: RpcError | None = None
        self.seconds = seconds
        self._encoded = b""
        if isinstance(outcome, RpcError):
            self.error = outcome
        else:
            self._encoded = outcome

    @property
    def result(self) -> Any:
        """The result as the client gets it, decoded anew each time; ``None`` for an error."""
        return msgspec.json.decode(self._encoded) if self._encoded else None

    @property
    def size(self) -> int:
        """How many bytes of JSON the result has, 0 for an error."""
        return len(self._encoded)

    def __repr__(self) -> str:
        what = f"{self.size} bytes" if self.error is None else repr(self.error)
        return f"<MethodOutcome {what} after {self.seconds:.6f} s>"
