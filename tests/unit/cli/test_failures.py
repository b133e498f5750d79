"""Which status a command ends with."""

import pytest

from gemstone import errors
from gemstone_core._cli._failures import failures

URL = "http://127.0.0.1:8000/api"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.RemoteConnectionError("no connection", URL), 3),
        (errors.ServiceUnavailableError("nobody", URL), 3),
        (errors.RemoteTimeoutError("too late", URL), 3),
        (errors.CalledServiceError("Bad Gateway", URL, 502), 3),
        (errors.CalledServiceError("Service Unavailable", URL, 503), 3),
        (errors.CalledServiceError("Gateway Timeout", URL, 504), 3),
        (errors.CalledServiceError("Not Found", URL, 404), 1),
        (errors.CalledServiceError("Unauthorized", URL, 401), 1),
        (errors.MalformedResponseError("<html>", URL), 1),
        (errors.RemoteServiceError("the request could not be made", URL), 2),
        (errors.DiscoveryError("away"), 3),
        (errors.BackendError("nothing is known of it"), 2),
        (errors.ServiceConfigurationError("no URL"), 2),
        (errors.InvalidEventError("no name"), 2),
        (errors.EventExpiredError("too late"), 3),
        (errors.EventUnconfirmedError("it broke"), 3),
        (errors.EventBufferFullError("full"), 3),
        (errors.EventRefusedError("too large"), 1),
        (TimeoutError("too late"), 3),
        (ValueError("no URL"), 2),
        (TypeError("no text"), 2),
        (RecursionError(), 1),
    ],
    ids=repr,
)
def test_statuses(error, status):
    with pytest.raises(Exception) as caught, failures():  # noqa: PT011 - its status says which
        raise error
    assert getattr(caught.value, "exit_code", None) == status
    assert str(error) in caught.value.message


def test_a_certificate_that_is_not_trusted():
    error = errors.RemoteConnectionError("CERTIFICATE_VERIFY_FAILED", URL)
    with pytest.raises(Exception, match="REQUESTS_CA_BUNDLE"), failures():
        raise error


def test_a_gateway_that_has_nobody_behind_it():
    error = errors.CalledServiceError("it answered HTTP 503. Its body is empty.", URL, 503)
    with pytest.raises(Exception) as caught, failures():  # noqa: PT011 - its status is tested above
        raise error
    assert caught.value.message == f"{error} (the service behind it is away)"


def test_mistakes_of_our_own_are_not_hidden():
    with pytest.raises(ZeroDivisionError), failures():
        raise ZeroDivisionError
