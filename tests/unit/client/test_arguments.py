"""What a RemoteService accepts, and how it says what it doesn't."""

import errno

import pytest
import requests.exceptions
import urllib3.exceptions

from gemstone.client import RemoteService
from gemstone.client._endpoint import parse_endpoint, shown_url
from gemstone.client._failures import explained
from gemstone.errors import MalformedResponseError, RemoteServiceError, RemoteTimeoutError

URL = "http://127.0.0.1:1/api"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "has no scheme"),
        ("127.0.0.1:8000/api", "has no scheme"),
        ("localhost:8000/api", "has no scheme"),
        ("//host/api", "has no scheme"),
        ("ftp://host/api", "has the scheme 'ftp'"),
        ("redis://:hunter2@host/api", "has the scheme 'redis'"),
        ("http://", "has no host"),
        ("http:///api", "has no host"),
        ("http://:8000/api", "has no host"),
        ("http://root:hunter2@/api", "has no host"),
        ("http://root:hunter2@host:port/api", "has a wrong host or port"),
        ("http://host:99999/api", "has a wrong host or port"),
        ("http://host:0/api", "has the port 0"),
        ("http://root:hunter2/x@host/api", "has a wrong host or port"),
        ("http://root:hunter2@[::1/api", "has a wrong host or port"),
        ("http://host/a b", "has a space"),
        (" http://host/", "has a space"),
        ("http://host/\r\nX: 1", "has a space or a control character"),
        ("root:hunter2@host/api", "scheme"),
        ("http://*.host/api?key=hunter2", "can't be sent"),
    ],
)
def test_urls_that_are_none(url, why):
    with pytest.raises(ValueError, match=why) as caught:
        RemoteService(url)
    assert "hunter2" not in str(caught.value) + repr(caught.value.__cause__)


@pytest.mark.parametrize("url", [None, 3, b"http://host/", ["http://host/"]])
def test_urls_are_strings(url):
    with pytest.raises(TypeError, match="service_endpoint is a URL"):
        RemoteService(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://host", "http://host"),
        ("HTTPS://Host:8443/api", "https://Host:8443/api"),
        ("http://root:hunter2@host:80/a@b", "http://host:80/a@b"),
        ("http://root:p@ss@host/", "http://host/"),
        ("http://token@host/", "http://host/"),
        ("http://[::1]:8000/api#part", "http://[::1]:8000/api"),
        ("http://root:x@[::1]:8000/api?key=1#part", "http://[::1]:8000/api?…"),
    ],
)
def test_urls_are_shown_without_secrets(url, shown):
    assert shown_url(url) == shown
    assert parse_endpoint(url).shown == shown
    with RemoteService(url) as service:
        assert service.url == shown
        assert repr(service) == f"<RemoteService {shown}>"


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), 1e9])
def test_timeouts_out_of_range(timeout):
    with pytest.raises(ValueError, match="more than 0"):
        RemoteService(URL, timeout=timeout)
    with RemoteService(URL) as service, pytest.raises(ValueError, match="more than 0"):
        service.with_options(timeout=timeout)


@pytest.mark.parametrize("timeout", [None, "3", True, (1, 2)])
def test_timeouts_are_numbers(timeout):
    with pytest.raises(TypeError, match="every call has one"):
        RemoteService(URL, timeout=timeout)


@pytest.mark.parametrize(
    ("headers", "error", "message"),
    [
        ("X: 1", TypeError, "headers is a mapping"),
        ({"X": 1}, TypeError, "'X' has a value of type int"),
        ({1: "x"}, TypeError, "names and values are strings"),
        ({"X Y": "1"}, ValueError, "'X Y' can't be the name of a header"),
        ({"": "1"}, ValueError, "'' can't be the name"),
        ({"X": "hunter2\r\nY: 1"}, ValueError, "the value of 'X'"),
        ({"X": " hunter2"}, ValueError, "the value of 'X'"),
        ({"X": "hunter2ĸ"}, ValueError, "the value of 'X'"),
        ({"content-LENGTH": "3"}, ValueError, "'content-LENGTH' is set by the client itself"),
        ({"Transfer-Encoding": "chunked"}, ValueError, "is set by the client itself"),
    ],
)
def test_headers_that_can_not_be_sent(headers, error, message):
    with pytest.raises(error, match=message) as caught:
        RemoteService(URL, headers=headers)
    assert "hunter2" not in str(caught.value)
    with RemoteService(URL) as service, pytest.raises(error, match=message):
        service.with_options(headers=headers)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"max_connections": 0}, ValueError, "max_connections is 0; it is at least 1"),
        ({"max_connections": 1.5}, TypeError, "max_connections is an integer"),
        ({"max_connections": True}, TypeError, "max_connections is an integer"),
        ({"verify": None}, TypeError, "verify is a boolean or a path"),
        ({"verify": "/no/such/file"}, ValueError, "verify: there is no file '/no/such/file'"),
        ({"cert": "/no/such/file"}, ValueError, "cert: there is no file '/no/such/file'"),
        ({"cert": (__file__, "/no/such/file")}, ValueError, "cert: there is no file"),
        ({"cert": 3}, TypeError, "cert is a path or a tuple of two, not int"),
        ({"cert": ("a",)}, TypeError, "cert is a path or a tuple of two"),
    ],
)
def test_other_options(options, error, message):
    with pytest.raises(error, match=message):
        RemoteService(URL, **options)


def test_rare_failures_are_explained():
    def error_for(exc, confidential=False):
        return explained(exc, "http://host/api", confidential, 30)

    bad_header = requests.exceptions.InvalidHeader(urllib3.exceptions.InvalidHeader("Length"))
    assert isinstance(error_for(bad_header)[0], MalformedResponseError)
    error, cause = error_for(requests.exceptions.RetryError("the password is hunter2"), True)
    assert cause is None
    assert str(error) == (
        "no connection to http://host/api, or it broke: RetryError "
        "(what came is not shown, because the request carried credentials)"
    )
    refused = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
    error, cause = error_for(requests.exceptions.ConnectionError("/api?key=hunter2", refused), True)
    assert cause is refused
    assert "Connection refused" in str(error)
    error, cause = error_for(requests.exceptions.ConnectTimeout("slow"))
    assert isinstance(error, RemoteTimeoutError)
    assert str(error) == "http://host/api did not accept a connection within 30 s"
    assert cause is not None
    sending = requests.exceptions.ConnectionError(
        urllib3.exceptions.ProtocolError("Connection aborted.", TimeoutError("timed out"))
    )
    assert isinstance(error_for(sending)[0], RemoteTimeoutError)
    error, _ = error_for(requests.exceptions.InvalidProxyURL("Please check proxy URL."))
    assert type(error) is RemoteServiceError
    error, _ = error_for(OSError())
    assert str(error).endswith(": OSError")
