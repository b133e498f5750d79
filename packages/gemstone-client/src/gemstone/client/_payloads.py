"""What is sent: calls as JSON text."""

from collections.abc import Sequence
from json import JSONEncoder
from typing import Any, Final

from ..jsonrpc import VERSION
from .structs import MethodCall, Notification

# NaN and Infinity are not JSON: JSON-RPC services refuse them, some without telling why.
_encode: Final = JSONEncoder(allow_nan=False, separators=(",", ":")).encode


def encode_call(call: MethodCall | Notification) -> bytes:
    """The body of a request that makes one call.

    Raises:
        TypeError: the params hold something that JSON has no form for.
        ValueError: they hold a number that is not finite, or themselves.
    """
    return _encoded(call).encode()


def encode_batch(calls: Sequence[MethodCall | Notification]) -> bytes:
    """The body of a request that makes several calls. Raises as :func:`encode_call` does."""
    return f"[{','.join(map(_encoded, calls))}]".encode()


def _encoded(call: MethodCall | Notification) -> str:
    request: dict[str, Any] = {"jsonrpc": VERSION, "method": call.method_name}
    if call.params is not None:
        request["params"] = call.params
    if isinstance(call, MethodCall):
        request["id"] = call.id
    try:
        return _encode(request)
    except (TypeError, ValueError, RecursionError) as exc:
        kind = TypeError if isinstance(exc, TypeError) else ValueError
        raise kind(f"the params of {call.method_name!r} can't be encoded as JSON: {exc}") from exc
