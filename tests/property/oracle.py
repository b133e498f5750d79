"""What JSON-RPC 2.0 says that a body is answered with, written without looking at gemstone.

It knows the specification, Python's own ``json``, and the methods of :mod:`.playground`.
"""

import json
import math
import re
from dataclasses import dataclass, field
from typing import Any

from .playground import METHODS, PRIVATE, OwnError, WrongParams

PARSE_ERROR, INVALID, NOT_FOUND, BAD_PARAMS, INTERNAL = -32700, -32600, -32601, -32602, -32603
DENIED = -32001
MESSAGES = {
    PARSE_ERROR: "Parse error",
    INVALID: "Invalid Request",
    NOT_FOUND: "Method not found",
    BAD_PARAMS: "Invalid params",
    INTERNAL: "Internal error",
    DENIED: "Access denied",
}
SURROGATES = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
LONE_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class Literal(str):
    """A number as it was written: two ids are the same only if they look the same."""


class NotJson(Exception):
    """Nobody may take this for JSON."""


class Unspecified(Exception):
    """It is JSON, but no two parsers agree about it; any answer of the right shape will do."""


class Unreadable(Exception):
    """It is JSON, and a number that Python has no place for."""


def parse(text: bytes) -> Any:
    """JSON, with numbers as :class:`Literal`.

    Raises:
        NotJson: it is none (RFC 8259, in UTF-8).
        Unspecified: it is too deep for Python, or has lone surrogates, or an unreadable number
            and twice the same name in it.
    """
    numbers: list[Literal] = []
    repeats: list[bool] = []

    def refuse(constant: str) -> Any:
        raise NotJson(constant)

    def keep(literal: str) -> Literal:
        numbers.append(Literal(literal))
        return numbers[-1]

    def to_dict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        repeats.append(len(dict(pairs)) < len(pairs))
        return dict(pairs)

    try:
        value = json.loads(
            text.decode("utf-8"),
            parse_constant=refuse,
            parse_float=keep,
            parse_int=keep,
            object_pairs_hook=to_dict,
        )
    except RecursionError as error:
        raise Unspecified("too deep") from error
    except ValueError as error:
        raise NotJson(str(error)) from error
    if LONE_SURROGATE.search(SURROGATES.sub(b"", text.replace(rb"\\", b""))):
        raise Unspecified("lone surrogates")
    if any(repeats) and not all(map(is_readable, numbers)):
        raise Unspecified("which of them counts?")
    return value


def is_readable(literal: str) -> bool:
    """Whether a number is one of Python's, finite, and not of thousands of digits."""
    if literal.lstrip("-").isdigit():
        return len(literal) < 4_000
    return math.isfinite(float(literal))


def number(literal: str) -> int | float:
    """The number that is written.

    Raises:
        Unreadable: there is no such number in Python.
    """
    if not is_readable(literal):
        raise Unreadable(literal)
    return int(literal) if literal.lstrip("-").isdigit() else float(literal)


def plain(value: Any) -> Any:
    """A parsed value with Python's numbers in place of literals."""
    if isinstance(value, Literal):
        return number(value)
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    return value


@dataclass
class Reply:
    """One expected response object, and what it comes from."""

    id: Any
    code: int | None = None
    message: str | None = None
    result: Any = None
    or_code: int | None = None


@dataclass
class Expected:
    """What a body comes to.

    Attributes:
        replies: the responses, in order; ``None`` in place of a list if there is no answer.
        calls: what is executed, notifications too: name and params.
    """

    replies: "list[Reply] | Reply | None" = None
    calls: list[tuple[str, Any]] = field(default_factory=list)


def expect(body: bytes, max_batch_size: int) -> Expected:
    """What is to be answered to a body.

    Raises:
        Unspecified: as :func:`parse`.
    """
    expected = Expected()
    try:
        message = parse(body)
    except NotJson:
        expected.replies = Reply(None, PARSE_ERROR)
        return expected
    if not isinstance(message, list):
        expected.replies = _reply(message, expected.calls)
    elif not 0 < len(message) <= max_batch_size:
        expected.replies = Reply(None, INVALID)
    else:
        replies = [_reply(member, expected.calls) for member in message]
        expected.replies = [reply for reply in replies if reply is not None] or None
    return expected


def _reply(request: Any, calls: list[tuple[str, Any]]) -> Reply | None:
    """Section 4 of the specification, top to bottom."""
    if not isinstance(request, dict):
        return Reply(None, INVALID)
    id = request.get("id")
    version, method = request.get("jsonrpc"), request.get("method")
    params = request.get("params", [])
    try:
        params, or_code = plain(params), None
    except Unreadable:
        or_code = BAD_PARAMS  # right in any case, and there is no order among wrongs
    if not (id is None or isinstance(id, str)):  # a Literal is a str, too
        return Reply(None, INVALID, or_code=or_code)
    if (
        version != "2.0"
        or isinstance(version, Literal)
        or not isinstance(method, str)
        or isinstance(method, Literal)
        or not isinstance(params, list | dict)
    ):
        return Reply(id, INVALID, or_code=or_code)
    reply = Reply(id, or_code) if or_code else _outcome(id, method, params, calls)
    return reply if "id" in request else None


def _outcome(id: Any, method: str, params: Any, calls: list[tuple[str, Any]]) -> Reply:
    if method in PRIVATE:
        return Reply(id, DENIED)
    if method not in METHODS:
        return Reply(id, NOT_FOUND)
    try:
        function = METHODS[method](params)
    except WrongParams:
        return Reply(id, BAD_PARAMS)
    calls.append((method, params))
    try:
        return Reply(id, result=function())
    except OwnError as error:
        return Reply(id, error.code, error.message)
    except Exception:
        return Reply(id, INTERNAL)


def check(body: bytes, answer: bytes, max_batch_size: int) -> Expected | None:
    """Compare an answer, empty for none, with what it should be.

    Returns:
        What was expected; ``None`` if the specification leaves it open.

    Raises:
        AssertionError: they differ.
    """
    given = parse(answer) if answer else None
    try:
        expected = expect(body, max_batch_size)
    except Unspecified:
        _check_shape(given)
        return None
    if expected.replies is None:
        assert given is None
    elif isinstance(expected.replies, list):
        assert isinstance(given, list)
        assert len(given) == len(expected.replies)
        for response, reply in zip(given, expected.replies, strict=True):
            _check_reply(response, reply)
    else:
        _check_reply(given, expected.replies)
    return expected


def _check_reply(response: Any, reply: Reply) -> None:
    _check_response(response)
    assert response["id"] == reply.id
    assert type(response["id"]) is type(reply.id)
    if reply.code is None:
        assert "result" in response, response
        assert plain(response["result"]) == reply.result
    else:
        assert "error" in response, response
        code = number(response["error"]["code"])
        assert code in (reply.code, reply.or_code)
        assert response["error"]["message"] == (reply.message or MESSAGES[int(code)])


def _check_shape(given: Any) -> None:
    if given is not None:
        responses = given if isinstance(given, list) else [given]
        assert responses
        for response in responses:
            _check_response(response)


def _check_response(response: Any) -> None:
    """Section 5 of the specification."""
    assert isinstance(response, dict)
    assert response["jsonrpc"] == "2.0"
    assert response["id"] is None or isinstance(response["id"], str)
    if "result" in response:
        assert response.keys() == {"jsonrpc", "result", "id"}
    else:
        assert response.keys() == {"jsonrpc", "error", "id"}
        error = response["error"]
        assert {"code", "message"} <= error.keys() <= {"code", "message", "data"}
        assert isinstance(error["code"], Literal)
        number(error["code"])
        assert type(error["message"]) is str
