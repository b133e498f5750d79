"""What came back: read strictly, or refused with an error that quotes it (or not, where it
might repeat a secret of the request).

Read alike are strict answers (either ``result`` or ``error``) and those of gemstone 0.12, which
hold both members, one of them null. JSON-RPC 2.0, sections 5 and 6.
"""

import json
import math
from codecs import BOM_UTF8
from collections.abc import Sequence
from dataclasses import dataclass
from json import JSONDecoder
from typing import Any, Final, NoReturn
from urllib.parse import urljoin, urlsplit

from ..errors import CalledServiceError, MalformedResponseError, RemoteCallError
from ..jsonrpc import VERSION
from ._endpoint import Endpoint, shown_url
from ._shown import NOT_SHOWN, phrase, printable
from .structs import BatchResult, MethodCall, Notification, Result

_QUOTED: Final = 120
_NOTED: Final = (200, 202, 204)  # a notification was taken


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(number: str) -> float:
    value = float(number)
    if math.isinf(value):
        raise ValueError("it holds a number that is too large")
    return value


_decode: Final = JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite).decode

_MISSING: Final = object()


class _Malformed(Exception):
    """What is wrong with an answer.

    Args:
        what: in words that may quote it.
        unquoted: the same in words that don't, if `what` does.
    """

    def __init__(self, what: str, unquoted: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.unquoted = what if unquoted is None else unquoted


def _other(subject: str, came: object, wanted: str) -> _Malformed:
    return _Malformed(f"{subject} is {_short(came)}, not {wanted}", f"{subject} is not {wanted}")


@dataclass(slots=True, repr=False)
class Answer:
    """One HTTP answer, read to its end.

    Args:
        endpoint: who answered.
        status: the HTTP status code.
        reason: what the status line says after it.
        location: the header ``Location``.
        body: the decoded body.
        confidential: whether the request carried credentials. A service may send them back, in
            whichever form, so nothing of the answer is quoted then.
    """

    endpoint: Endpoint
    status: int
    reason: str
    location: str | None
    body: bytes
    confidential: bool

    def read(self, call: MethodCall) -> Result:
        """The result of `call`.

        Raises:
            CalledServiceError: the HTTP status is not 200.
            MalformedResponseError: this is not an answer to `call`.
        """
        reply = self.read_raw(call)
        error = reply.get("error")
        return Result(None if error else reply["result"], error, call.id, call)

    def read_raw(self, call: MethodCall) -> dict[str, Any]:
        """The decoded answer to `call`, checked. Raises as :meth:`read` does."""
        try:
            reply = self._json()
            if not isinstance(reply, dict):
                raise _Malformed(f"it is {_kind(reply)}, not an object")
            _check(reply)
            if not _is_id(reply["id"], call.id) and not _lacks_id_by_error(reply):
                raise _other("its id", reply["id"], _short(call.id))
        except _Malformed as exc:
            raise self._malformed(exc) from exc.__cause__
        return reply

    def read_batch(self, calls: Sequence[MethodCall | Notification]) -> BatchResult:
        """The results of `calls`, in their order.

        Raises:
            CalledServiceError: the HTTP status is not 200.
            RemoteCallError: the batch as a whole was answered with an error.
            MalformedResponseError: this is not an answer to `calls`.
        """
        wanted = {call.id: call for call in calls if isinstance(call, MethodCall)}
        if not wanted:
            self.check_noted()
            return BatchResult()
        results: dict[Any, Result] = {}
        try:
            replies = self._json()
            if isinstance(replies, dict):
                self._raise_for_whole_batch(replies)
            if not isinstance(replies, list):
                raise _Malformed(f"a batch is answered by a list, and it is {_kind(replies)}")
            for reply in replies:
                if not isinstance(reply, dict):
                    raise _Malformed(f"its list holds {_kind(reply)}, not only objects")
                _check(reply)
                call = wanted.get(reply["id"]) if _may_be_id(reply["id"]) else None
                if call is None:
                    raise _other("one of its ids", reply["id"], "that of a call")
                if call.id in results:
                    raise _Malformed(f"it answers the id {_short(call.id)} twice")
                error = reply.get("error")
                results[call.id] = Result(None if error else reply["result"], error, call.id, call)
            missing = [id for id in wanted if id not in results]
            if missing:
                raise _Malformed(
                    f"{len(missing)} of {len(wanted)} calls have no answer; the first has the id "
                    f"{_short(missing[0])}"
                )
        except _Malformed as exc:
            raise self._malformed(exc) from exc.__cause__
        return BatchResult(*(results[id] for id in wanted))

    def check_noted(self) -> None:
        """See that a notification was taken; its answer, if any, is ignored.

        Raises:
            CalledServiceError: the HTTP status says that it was not.
        """
        if self.status not in _NOTED:
            raise self._wrong_status()

    def _json(self) -> Any:
        if self.status != 200:
            raise self._wrong_status()
        if not self.body:
            raise _Malformed("its body is empty")
        try:
            return _decode(self.body.decode())
        except (ValueError, RecursionError) as exc:
            if self.body.startswith(BOM_UTF8):
                raise _Malformed("it begins with a byte order mark (BOM), so is not JSON") from None
            # The cause is shown, but `exc` may hold the whole body.
            why = printable(str(exc), 80)
            raise _Malformed(f"it is not JSON ({why})", "it is not JSON") from None

    def _raise_for_whole_batch(self, reply: dict[str, Any]) -> NoReturn:
        _check(reply)
        if not _lacks_id_by_error(reply):
            raise _Malformed("a batch is answered by a list, and it is an object")
        error = reply["error"]
        raise RemoteCallError(
            f"the whole batch was refused: {printable(error['message'], 1000)}",
            self.endpoint.shown,
            error["code"],
            error.get("data"),
        )

    def _malformed(self, what: _Malformed) -> MalformedResponseError:
        shown = self.endpoint.shown
        why = what.unquoted if self.confidential else what.what
        message = f"{shown} did not answer as JSON-RPC 2.0 asks: {why}"
        return MalformedResponseError(
            f"{message}. {self._quote()}" if self.body else message, shown
        )

    def _wrong_status(self) -> CalledServiceError:
        shown = self.endpoint.shown
        reason = phrase(self.status) if self.confidential else printable(self.reason, 60)
        message = f"{shown} answered HTTP {self.status} {reason}".rstrip()
        error = self._json_rpc_error()
        if 300 <= self.status < 400 and self.location is not None:
            # Seldom right, as calls would go on paying for it; and most redirects lose the body.
            message += f", a redirect to {self._target()}; calls don't follow any: use that URL"
        elif error is not None and not self.confidential:
            message += f": {printable(error['message'], _QUOTED)} ({error['code']})"
        else:
            message += f". {self._quote()}"
        return CalledServiceError(message, shown, self.status)

    def _target(self) -> str:
        try:
            url = urljoin(self.endpoint.shown, self.location or "")
            target, parts = shown_url(url), urlsplit(url)
            own = parts.hostname == urlsplit(self.endpoint.shown).hostname
        except ValueError:
            return "something that is no URL"
        if not self.confidential:
            return repr(printable(target, 200))
        if own and parts.scheme in ("http", "https"):
            return f"{parts.scheme}://{parts.hostname} {NOT_SHOWN}"
        return f"another host {NOT_SHOWN}"

    def _json_rpc_error(self) -> dict[str, Any] | None:
        try:
            reply = _decode(self.body.decode())
            if isinstance(reply, dict):
                _check(reply)
                error = reply.get("error")
                return error if isinstance(error, dict) else None
        except (ValueError, RecursionError, _Malformed):
            pass
        return None

    def _quote(self) -> str:
        if self.confidential:
            return NOT_SHOWN
        if not self.body:
            return "Its body is empty."
        # At most four bytes a character, so that a long body is not decoded as a whole.
        beginning = self.body[: _QUOTED * 4 + 4].decode(errors="replace")
        return f"It begins with: {printable(beginning, _QUOTED)}"


def _check(reply: dict[str, Any]) -> None:
    """See that an answer has the form of one, whatever its id."""
    if reply.get("jsonrpc") != VERSION:
        raise _other('its "jsonrpc"', reply.get("jsonrpc", _MISSING), f'"{VERSION}"')
    error = reply.get("error")
    if error is None:
        if "result" not in reply:
            raise _Malformed('it has neither "result" nor "error"')
    elif reply.get("result") is not None:
        raise _Malformed('it has both "result" and "error"')
    elif not isinstance(error, dict):
        raise _Malformed(f'its "error" is {_kind(error)}, not an object')
    elif not isinstance(error.get("code"), int) or isinstance(error["code"], bool):
        raise _other('the "code" of its error', error.get("code", _MISSING), "an integer")
    elif not isinstance(error.get("message"), str):
        raise _Malformed(f'the "message" of its error is {_kind(error.get("message", _MISSING))}')
    if "id" not in reply:
        raise _Malformed("it has no id")


def _lacks_id_by_error(reply: dict[str, Any]) -> bool:
    """An error may come without an id, where the service could not read that of the call."""
    return reply["id"] is None and reply.get("error") is not None


def _may_be_id(value: object) -> bool:
    return isinstance(value, int | float | str) and not isinstance(value, bool)


def _is_id(came: object, sent: object) -> bool:
    return _may_be_id(came) and came == sent


def _kind(value: object) -> str:
    if value is None or value is _MISSING:
        return "null" if value is None else "missing"
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    return names.get(type(value), "a number")


def _short(value: object) -> str:
    if value is _MISSING:
        return _kind(value)
    try:
        return printable(json.dumps(value, ensure_ascii=False), 40)
    except (RecursionError, ValueError):  # nested too deeply, or a number of too many digits
        return _kind(value)
