"""What can go wrong, and with which status the process ends then."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

from gemstone.errors import (
    CalledServiceError,
    DiscoveryError,
    EventBrokerError,
    EventBufferFullError,
    EventError,
    EventExpiredError,
    EventUnconfirmedError,
    GemstoneError,
    InvalidEventError,
    RemoteConnectionError,
    RemoteServiceError,
    RemoteTimeoutError,
    ServiceConfigurationError,
)

#: What a gateway answers when the service behind it is away.
_NOBODY_BEHIND: Final = (502, 503, 504)
#: What a web server answers at a path where no service is.
_WRONG_PATH: Final = (404, 405)


class Refused(click.ClickException):
    """Somebody has answered, and it is an error, or nothing that was asked for."""

    exit_code = 1


class NotReachable(click.ClickException):
    """Nobody has answered."""

    exit_code = 3


@contextmanager
def failures() -> Iterator[None]:
    """Ends the command with one line about what went wrong, and the status that says so."""
    try:
        yield
    except (GemstoneError, RecursionError, TimeoutError, TypeError, ValueError) as error:
        raise _explained(error) from error


def _explained(error: Exception) -> click.ClickException:
    said = str(error)
    match error:
        case CalledServiceError(status=status) if status in _NOBODY_BEHIND:
            return NotReachable(f"{said} (the service behind it is away)")
        case CalledServiceError(status=status) if status in _WRONG_PATH:
            return Refused(f"{said} (the URL of a service ends with its endpoint, mostly /api)")
        case RemoteTimeoutError():
            return NotReachable(f"{said} (--timeout says how long to wait)")
        case RemoteConnectionError():
            return NotReachable(f"{said} ({_what_to_see(error)})")
        case RemoteServiceError():
            # Nothing else than its arguments keeps a request from being made.
            is_unsent = type(error) is RemoteServiceError
            return click.UsageError(said) if is_unsent else Refused(said)
        case DiscoveryError():
            # Without a cause the registry has answered, and what it says is all there is to say.
            hint = " (see that the registry runs, and that its URL is right)"
            return NotReachable(f"{said}{hint if error.__cause__ else ''}")
        case InvalidEventError() | ServiceConfigurationError():
            return click.UsageError(said)
        case (
            EventBrokerError()
            | EventBufferFullError()
            | EventExpiredError()
            | EventUnconfirmedError()
        ):
            return NotReachable(said)
        case EventError():
            return Refused(said)
        case RecursionError():
            return Refused("what came is nested too deeply to be printed")
        case TimeoutError():
            return NotReachable(said)
    return click.UsageError(said)


def _what_to_see(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY" in str(cause):
            return "the variable REQUESTS_CA_BUNDLE can name the certificates to trust"
        cause = cause.__cause__
    return "see that the service runs, and that its URL is right"
