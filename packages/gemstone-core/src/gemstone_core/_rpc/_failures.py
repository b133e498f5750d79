"""What methods raise that is no answer of their own: the log has it, clients get a reference."""

import logging
import secrets
from collections.abc import Callable
from contextlib import suppress

from gemstone import jsonrpc
from gemstone.errors import RpcError


class InternalErrors:
    """Turns whatever a method raised into an error that can be answered.

    Args:
        logger: where it is told what was raised.
        debug: whether clients are told as well.
        on_internal_error: is given what was raised, too; ``None`` if nobody wants it.
    """

    def __init__(
        self,
        logger: logging.Logger,
        debug: bool,
        on_internal_error: Callable[[BaseException], None] | None,
    ) -> None:
        self._logger = logger
        self._debug = debug
        self._on_internal_error = on_internal_error

    def as_rpc_error(self, method: str, error: BaseException) -> RpcError:
        """Log what was raised, and give the error that answers the call.

        Args:
            method: the name of the method.
            error: what was raised.
        """
        reference = secrets.token_hex(4)
        # The traceback says what was raised; the error's own text may fail to be had.
        with suppress(Exception):  # a log that can't be written costs nobody an answer
            self._logger.error("Internal error %s in method %r", reference, method, exc_info=error)
        if self._on_internal_error is not None:
            self._on_internal_error(error)
        data = {"reference": reference}
        if self._debug:
            data |= {"class": type(error).__name__, "info": _text(error)}
        return RpcError(jsonrpc.INTERNAL_ERROR, "Internal error", data)


def _text(error: BaseException) -> str:
    """What an exception says, as a text that can be encoded, whatever its class does."""
    try:
        return str(error).encode(errors="backslashreplace").decode()
    except BaseException:
        return "(its text can't be had)"
