"""What goes over the wire: requests are read here, and answers written.

Ids are never decoded: a client gets back the very bytes that it sent.

.. seealso:: JSON-RPC 2.0, sections 4 "Request object" and 5 "Response object".
"""

import re
from collections.abc import Callable
from typing import Any, Final, Literal

from msgspec import UNSET, DecodeError, Raw, Struct, ValidationError, json

from gemstone import jsonrpc

NULL: Final = b"null"
# Parsers that recurse say so; a body that is nested that deep is nothing a service wants.
_UNREADABLE: Final = (DecodeError, UnicodeDecodeError, RecursionError, ValueError)
_ID_BEGINNINGS: Final = frozenset(b'"-0123456789n')
#: Among ids in lines of their own: null, none at all, and what is none.
_is_uncommon: Final = re.compile(rb"\n[n\n\[{tf]").search


class Call(Struct, gc=False):
    """A request object as the specification has it: a call, or a notification without an id."""

    jsonrpc: Literal["2.0"]
    method: str
    params: list[Any] | dict[str, Any] = []
    id: Raw = Raw()


class _Loose(Struct):
    """A request object whose members may be anything."""

    jsonrpc: Any = UNSET
    method: Any = UNSET
    params: Any = UNSET
    id: Raw = Raw()


class _Envelope(Struct):
    """A request object into whose members nobody has looked."""

    jsonrpc: Raw = Raw()
    method: Raw = Raw()
    params: Raw = Raw()
    id: Raw = Raw()


class BadMessage(Exception):
    """A request that can't be executed, with the error that answers it.

    Without an id (empty; not null) it is a notification, and nobody is to hear of it.
    """

    def __init__(self, code: int, message: str, data: str, id: bytes = NULL) -> None:
        super().__init__(code, message, data)
        self.code = code
        self.message = message
        self.data = data
        self.id = id


_decode_body: Final[Callable[[bytes], Call | list[Call]]] = json.Decoder(Call | list[Call]).decode
_decode_loosely: Final[Callable[[bytes], _Loose | list[Raw]]] = json.Decoder(
    _Loose | list[Raw]
).decode
_decode_member: Final = json.Decoder(_Loose).decode
_decode_envelope: Final = json.Decoder(_Envelope).decode
_skim: Final = json.Decoder(Raw).decode
encode: Final = json.Encoder().encode


def read_body(body: bytes, *, null_params: bool) -> Call | list[Call] | list[Raw]:
    """The request object that a body holds, or the members of the batch.

    Args:
        body: what came.
        null_params: whether ``"params": null`` stands for no params.

    Returns:
        A call, or several if all members of the batch are calls. Otherwise the members as they
        are, for :func:`read_member`.

    Raises:
        BadMessage: the body is not JSON, or neither a request object nor an array.
    """
    try:
        # msgspec does not look into strings that it skips, and skips the ids.
        if not body.isascii():
            body.decode()
        return _decode_body(body)
    except UnicodeDecodeError as error:
        raise _explain(body, error) from None
    except _UNREADABLE:
        pass
    # Something is wrong with it: a second look says what.
    try:
        message = _decode_loosely(body)
    except _UNREADABLE as error:
        raise _explain(body, error) from None
    return message if isinstance(message, list) else _checked(message, null_params)


def read_member(member: Raw, *, null_params: bool) -> Call:
    """The request object that is one member of a batch.

    Args:
        member: its JSON.
        null_params: whether ``"params": null`` stands for no params.

    Raises:
        BadMessage: it is no request object.
    """
    try:
        message = _decode_member(member)
    except _UNREADABLE as error:
        raise _explain(bytes(member), error) from None
    return _checked(message, null_params)


def id_of(call: Call) -> bytes:
    """The id of a call as it came; empty for a notification.

    Raises:
        BadMessage: it is neither a string nor a number nor null.
    """
    id = bytes(call.id)
    if id and id[0] not in _ID_BEGINNINGS:
        raise _invalid("id must be a string, a number or null")
    return id


def ids_of(calls: list[Call]) -> list[bytes] | None:
    """The ids of calls, as :func:`id_of` gives them, if all are strings and numbers; else ``None``.

    To look at each by itself would take as long as to encode the results.
    """
    lines = b"\n".join([b"", *[call.id for call in calls], b""])
    ids = lines.split(b"\n")[1:-1]
    # No string and no number has a line end in it.
    return ids if len(ids) == len(calls) and not _is_uncommon(lines) else None


def _checked(message: _Loose, null_params: bool) -> Call:
    """The call that a request object is.

    Raises:
        BadMessage: a member is missing or of a wrong type.
    """
    id = bytes(message.id)
    if id and not _is_id(id):
        raise _invalid("id must be a string, a number or null")
    if message.jsonrpc != jsonrpc.VERSION:
        raise _invalid('jsonrpc must be "2.0"', id)
    if not isinstance(message.method, str):
        raise _invalid("method must be a string", id)
    params = message.params
    if params is UNSET or (null_params and params is None):
        params = []
    elif not isinstance(params, list | dict):
        raise _invalid("params must be an array or an object", id)
    return Call("2.0", message.method, params, message.id)


def _invalid(data: str, id: bytes = NULL) -> BadMessage:
    return BadMessage(jsonrpc.INVALID_REQUEST, "Invalid Request", data, id or NULL)


def _explain(text: bytes, error: Exception) -> BadMessage:
    """What is wrong with something that could not be read."""
    if isinstance(error, ValidationError):
        # It came before the end was reached: what follows may be no JSON at all.
        try:
            _skim(text)
        except _UNREADABLE as worse:
            error = worse
    if not isinstance(error, ValidationError):
        return BadMessage(jsonrpc.PARSE_ERROR, "Parse error", _reason(error))
    # It is JSON, but no object, or it holds a number that Python can't.
    try:
        envelope = _decode_envelope(text)
    except ValidationError:
        return _invalid("a request must be an object")
    id = bytes(envelope.id)
    id = id if _is_id(id) else NULL
    try:
        json.decode(envelope.params or NULL)
    except ValidationError:
        if not envelope.id and _looks_like_a_call(envelope):
            id = b""
        return BadMessage(jsonrpc.INVALID_PARAMS, "Invalid params", str(error), id)
    return _invalid(str(error), id)


def _looks_like_a_call(envelope: _Envelope) -> bool:
    return (
        bytes(envelope.jsonrpc) == b'"2.0"'
        and bytes(envelope.method).startswith(b'"')
        and bytes(envelope.params).startswith((b"[", b"{"))
    )


def _is_id(raw: bytes) -> bool:
    return bool(raw) and raw[0] in _ID_BEGINNINGS


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"the body is not UTF-8: {error.reason} at byte {error.start}"
    if isinstance(error, RecursionError):
        return "the body is nested too deeply"
    return str(error)


class Answers:
    """Writes answers as the specification has them: a result or an error, never both."""

    #: What answers a notification, and a batch that holds nothing else; ``None``: nothing.
    to_notification: bytes | None = None
    to_notifications: bytes | None = None
    #: The ids of requests that want no answer: those that have none.
    ids_of_notifications: frozenset[bytes] = frozenset({b""})
    #: Whether ``"params": null`` stands for no params, as clients of that time write it.
    null_params: bool = False

    _before_result = b'{"jsonrpc":"2.0","result":'
    _after_result = b',"id":'
    _before_error = b'{"jsonrpc":"2.0","error":'

    def __init__(self) -> None:
        #: What stands before a result, between it and the id, and behind that. What an object has
        #: itself is found much faster than what its class has.
        self.around_result = (self._before_result, self._after_result, b"}")

    def result(self, id: bytes, encoded: bytes) -> bytes:
        """The answer of a call that succeeded, with its result as JSON."""
        before, between, after = self.around_result
        return b"".join((before, encoded, between, id, after))

    def error(self, id: bytes, code: int, message: str, data: Any = None) -> bytes:
        """The answer of a call that failed. `data` of ``None`` is left out.

        Raises:
            Exception: whatever `data` raises that can't be encoded.
        """
        error = {"code": code, "message": message}
        if data is not None:
            error["data"] = data
        return b"".join((self._before_error, encode(error), b',"id":', id, b"}"))


class LegacyAnswers(Answers):
    """Writes answers as gemstone 0.12 did: both members, always."""

    to_notification = b'{"jsonrpc":"2.0","result":null,"error":null}'
    to_notifications = b"[]"
    ids_of_notifications = frozenset({b"", NULL})
    null_params = True

    _after_result = b',"error":null,"id":'
    _before_error = b'{"jsonrpc":"2.0","result":null,"error":'
