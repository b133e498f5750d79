"""What waits in an outbox: an event, and the receipt that its emitter has."""

import secrets
import time
from collections.abc import Mapping
from typing import Any

from ._event import decode_body, encode_body
from ._receipt import Receipt


class Emission:
    """An event on its way out through one transport.

    Attributes:
        name: its name.
        data: its body, as JSON.
        headers: what the emitter said about it.
        expires_at: when it is too late to send it, in seconds of :func:`time.monotonic`.
        emitted_at: when it was emitted, in seconds of :func:`time.time`.
        may_be_emitted: whether it was sent already, and nobody knows what has become of it.
        receipt: what the emitter was given.
    """

    __slots__ = (
        "_id",
        "data",
        "emitted_at",
        "expires_at",
        "headers",
        "may_be_emitted",
        "name",
        "receipt",
    )

    def __init__(
        self,
        name: str,
        data: bytes,
        headers: Mapping[str, str],
        id: str | None,
        expires_at: float,
    ) -> None:
        self.name = name
        self.data = data
        self.headers = headers
        self.expires_at = expires_at
        self.emitted_at = time.time()
        self.may_be_emitted = False
        self.receipt = Receipt()
        self._id = id

    @classmethod
    def of_body(cls, name: str, body: Any) -> "Emission":
        """An event that waits in no outbox: for a transport that is to emit it now.

        Raises:
            InvalidEventError: the body can't be encoded as JSON.
        """
        return cls(name, encode_body(body), {}, None, 0.0)

    @property
    def id(self) -> str:
        """What tells the event from all others. Made when it is first asked for."""
        if self._id is None:
            self._id = secrets.token_hex(16)
        return self._id

    @property
    def body(self) -> Any:
        """A copy of what was emitted."""
        return decode_body(self.data)
