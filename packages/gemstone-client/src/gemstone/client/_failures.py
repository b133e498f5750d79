"""What went wrong on the way: exceptions of requests and urllib3 as those of gemstone."""

import http.client
import ssl
from typing import Final

import requests.exceptions
import urllib3.exceptions

from ..errors import (
    MalformedResponseError,
    RemoteConnectionError,
    RemoteServiceError,
    RemoteTimeoutError,
)
from ._shown import NOT_SHOWN, printable


class DeadlinePassed(Exception):
    """The answer was still coming when the time for it was over."""


# What a request may raise. A header or URL that can't be sent is a plain ValueError.
FAILURES: Final = (
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,
    DeadlinePassed,
)

_UNFIT_BODY: Final = (
    requests.exceptions.ContentDecodingError,
    urllib3.exceptions.DecodeError,
)

_CONNECT_TIMEOUTS: Final = (
    requests.exceptions.ConnectTimeout,
    urllib3.exceptions.ConnectTimeoutError,
)

# What fails before there is a connection that a request could be sent over.
_BEFORE_SENDING: Final = (
    *_CONNECT_TIMEOUTS,
    requests.exceptions.InvalidURL,
    urllib3.exceptions.LocationValueError,
    urllib3.exceptions.NewConnectionError,
    ssl.SSLCertVerificationError,
)


def explained(
    exc: Exception, shown: str, confidential: bool, timeout: float
) -> tuple[RemoteServiceError, Exception | None]:
    """What to raise in place of `exc`.

    Args:
        exc: one of `FAILURES`.
        shown: where the request went.
        confidential: whether the request carried credentials.
        timeout: what the call was allowed to take, in seconds.

    Returns:
        The error to raise, and the exception to raise it from: `exc`, what is behind it, or
        ``None``, so that none is shown that may show a secret.
    """
    causes = _causes(exc)
    root = causes[-1]
    cause: Exception | None = exc
    reason = printable(str(root), 200)
    if not reason or isinstance(root, http.client.HTTPException):  # else it says too little
        reason = f"{type(root).__name__} {reason}".rstrip()
    if confidential:
        # The texts of others hold what came, or the URL. With a number it is the system that
        # speaks, and has seen neither.
        cause = root if isinstance(root, OSError) and root.errno is not None else None
        if cause is None:
            reason = f"{type(root).__name__} {NOT_SHOWN}"
    was_sent = not any(isinstance(each, _BEFORE_SENDING) for each in causes)
    error = _error(causes, reason, shown, timeout, was_sent)
    error.was_sent = was_sent
    return error, cause


def is_connect_timeout(exc: BaseException) -> bool:
    """Whether there was no connection in time."""
    return any(
        # Before 2.0, urllib3 takes a refusal for a kind of timeout.
        isinstance(each, _CONNECT_TIMEOUTS)
        and not isinstance(each, urllib3.exceptions.NewConnectionError)
        for each in _causes(exc)
    )


def _error(
    causes: list[BaseException], reason: str, shown: str, timeout: float, was_sent: bool
) -> RemoteServiceError:
    exc, root = causes[0], causes[-1]
    within = f"within {timeout:.3g} s"
    if isinstance(exc, DeadlinePassed):
        return RemoteTimeoutError(f"{shown} did not end its answer {within}", shown)
    if is_connect_timeout(exc):
        return RemoteTimeoutError(f"{shown} did not accept a connection {within}", shown)
    if isinstance(exc, requests.exceptions.Timeout | urllib3.exceptions.ReadTimeoutError):
        return RemoteTimeoutError(f"{shown} did not answer {within}", shown)
    if isinstance(root, TimeoutError):  # while the request was being sent, for example
        return RemoteTimeoutError(f"{shown} did not take the request {within}", shown)
    if isinstance(exc, _UNFIT_BODY):
        return MalformedResponseError(
            f"{shown} answered with a body that does not fit its Content-Encoding: {reason}", shown
        )
    if any(isinstance(cause, urllib3.exceptions.InvalidHeader) for cause in causes):
        return MalformedResponseError(f"{shown} answered with a bad header: {reason}", shown)
    if isinstance(exc, ValueError):
        return RemoteServiceError(f"the request to {shown} could not be made: {reason}", shown)
    if any(isinstance(cause, http.client.IncompleteRead) for cause in causes):
        return RemoteConnectionError(
            f"the connection to {shown} broke before the whole answer had come: {reason}", shown
        )
    if not was_sent:
        return RemoteConnectionError(f"no connection to {shown}: {reason}", shown)
    return RemoteConnectionError(f"no connection to {shown}, or it broke: {reason}", shown)


def _causes(exc: BaseException) -> list[BaseException]:
    """`exc`, what it was raised from, what that was raised from, and so on.

    `__context__` is not followed: it leads to exceptions that the caller was handling.
    """
    causes = [exc]
    while True:
        exc = causes[-1]
        behind = (exc.__cause__, getattr(exc, "reason", None), *exc.args)
        found = [new for new in behind if isinstance(new, BaseException) and new not in causes]
        if not found:
            return causes
        causes.append(found[0])
