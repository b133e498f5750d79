"""``request_log``: a line of JSON for each call."""

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from .._parts import unclaimed_copy
from ._base import BasePlugin

if TYPE_CHECKING:
    from .._request import Request
    from ._outcome import MethodOutcome

_LOGGER: Final = "gemstone.access"
#: How many characters of what a client or a method has chosen go into a line.
_MOST: Final = 200
# ASCII only: some readers take more than "\n" for the end of a line, and terminals obey.
_encode: Final = json.JSONEncoder(separators=(",", ":")).encode


class RequestLog(BasePlugin):
    """Logs each call as one line of JSON, without its params and its result.

    Without arguments the lines go to stderr as they are, or to the handlers of the logger
    ``gemstone.access`` if it has some when the service starts.

    Args:
        logger: the name of a logger. Where its lines go is up to :mod:`logging` then.
    """

    name = "request_log"

    _logger: logging.Logger | None = None

    def __init__(self, logger: str | None = None) -> None:
        if logger is not None and not isinstance(logger, str):
            raise TypeError(f"logger is the name of a logger, not {logger!r}")
        self._name = logger

    def __copy__(self) -> "RequestLog":
        # A class may list an instance, and have several services.
        return unclaimed_copy(self, "_logger")

    def on_service_start(self) -> None:
        """Find out where the lines go."""
        self._logger = _choose(self._name)

    def on_method_return(self, jsonrpc_request: "Request", outcome: "MethodOutcome") -> None:
        """Log a call.

        Args:
            jsonrpc_request: the call.
            outcome: what it came to.
        """
        if self._logger is None:  # the service is embedded, and was never started
            self._logger = _choose(self._name)
        error = outcome.error
        fields: dict[str, Any] = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "service": self.microservice.name,
            "method": _short(jsonrpc_request.method),
            "id": _short(jsonrpc_request.id),
            "notification": jsonrpc_request.is_notification,
            "peer": jsonrpc_request.peer,
            "code": None if error is None else error.code,
            "error": None if error is None else _short(error.message),
            "milliseconds": round(outcome.seconds * 1000, 3),
            "result_bytes": outcome.size,
        }
        self._logger.info(_encode(fields), extra=fields)


def _choose(name: str | None) -> logging.Logger:
    """The logger that the lines go through."""
    known = logging.getLogger(_LOGGER if name is None else name)
    if name is not None or known.handlers:
        return known
    # What start() sets up for the log of the service would write something before the JSON. A
    # logger that nobody else knows leaves it alone, and needs no end.
    own = logging.Logger(_LOGGER, logging.INFO)
    own.addHandler(logging.StreamHandler())
    return own


def _short(value: Any) -> Any:
    """A value as it is, or the beginning of its text if that is long."""
    text = str(value)
    return value if len(text) <= _MOST else f"{text[:_MOST]}…"
