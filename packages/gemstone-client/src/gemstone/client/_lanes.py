"""One keep-alive connection, and the way of a request over it.

Through ``requests`` without its ``Session`` per call: that would read the environment and the
netrc file and prepare every header each time, which costs more than the call.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from http.client import IncompleteRead
from typing import Any, Final, TypeAlias

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Timeout

from ..deadlines import TIMEOUT_HEADER
from ._failures import DeadlinePassed

Auth: TypeAlias = Callable[[requests.PreparedRequest], requests.PreparedRequest]
#: What a service may be given to authenticate with: a user and a password, headers, or a function.
Authentication: TypeAlias = tuple[str, str] | Mapping[str, str] | Auth | None

_CHUNK: Final = 1 << 16
_SMALL_CHUNK: Final = 1 << 10


class Template:
    """A request with everything but its body, prepared once for many calls.

    Args:
        request: the prepared request. Not to be changed afterwards.
        confidential: whether it carries credentials, or anything else of the user's that may be
            some. Nothing that comes back is quoted then.
        auth: is applied to every single copy of it, because tokens change and a signature
            depends on the body.
    """

    def __init__(
        self, request: requests.PreparedRequest, confidential: bool, auth: Auth | None = None
    ) -> None:
        self.request = request
        self.confidential = confidential
        self.auth = auth

    def with_headers(self, headers: Mapping[str, str]) -> "Template":
        """The same with more headers."""
        request = self.request.copy()
        request.headers.update(headers)
        return Template(request, self.confidential or bool(headers), self.auth)

    def authenticated(self, body: bytes, timeout: float) -> requests.PreparedRequest:
        """A whole request of its own, with :attr:`auth` applied to it."""
        request = self.request.copy()
        request.hooks = {"response": []}  # a copy shares them, so `auth` would add to all
        _fill(request, body, timeout)
        if self.auth is not None:
            request = self.auth(request)
        if not isinstance(request, requests.PreparedRequest):
            raise TypeError(
                "authentication_method has to return the request that it was given, "
                f"not {type(request).__name__}"
            )
        request.prepare_content_length(request.body)
        return request


def _fill(request: requests.PreparedRequest, body: bytes, timeout: float) -> None:
    request.body = body
    request.headers["Content-Length"] = str(len(body))
    request.headers[TIMEOUT_HEADER] = str(max(1, int(timeout * 1000)))


class Lane(HTTPAdapter):
    """One keep-alive connection. Used by one thread at a time.

    What an adapter works out for each request from the URL and the settings is the same for
    every request here, so it is kept; the methods are those that `HTTPAdapter` opens to
    subclasses.
    """

    def __init__(self) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)
        self.last_used = 0.0
        self._pool: Any = None
        self._verified: Any = None
        self._target: str | None = None
        self._template: Template | None = None
        self._request: requests.PreparedRequest | None = None
        self._response: requests.Response | None = None

    def request_from(
        self, template: Template, body: bytes, timeout: float
    ) -> requests.PreparedRequest:
        """The request of `template` with `body`. The next call overwrites it."""
        if self._request is None or self._template is not template:
            self._template, self._request = template, template.request.copy()
        _fill(self._request, body, timeout)
        return self._request

    def post(
        self,
        request: requests.PreparedRequest,
        timeout: float,
        connect_within: float | None,
        settings: dict[str, Any],
    ) -> tuple[requests.Response, bytes]:
        """Send a request and read the whole answer to it. Raises one of `FAILURES`."""
        deadline = time.monotonic() + timeout
        limits: Any = Timeout(total=timeout, connect=connect_within)  # requests' stubs lack it
        if request.hooks["response"]:
            # A handshake, as digest authentication has: only a session runs it.
            session = requests.Session()
            session.mount("http://", self)
            session.mount("https://", self)
            response = session.send(request, timeout=limits, allow_redirects=False, **settings)
            pieces = response.iter_content(_CHUNK)
        else:
            response = self.send(request, timeout=limits, **settings)
            pieces = _pieces(response.raw)
        body = []
        for piece in pieces:
            body.append(piece)
            if time.monotonic() > deadline:
                raise DeadlinePassed
        if not body:
            _check_whole(response.raw)
        response.raw.release_conn()
        self._response = None
        return response, body[0] if len(body) == 1 else b"".join(body)

    def probe(
        self, request: requests.PreparedRequest, timeout: float, settings: dict[str, Any]
    ) -> Mapping[str, str]:
        """Send a request and give the headers of the answer to it. Raises one of `FAILURES`."""
        limits: Any = Timeout(total=timeout)
        return self.send(request, timeout=limits, **settings).headers

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """The pool of the one connection."""
        if self._pool is None:
            self._pool = super().get_connection_with_tls_context(*args, **kwargs)
        return self._pool

    def cert_verify(self, conn: Any, *args: Any, **kwargs: Any) -> None:
        """Look for the certificates, once."""
        if conn is not self._verified:
            adapter: Any = super()  # the stubs of requests leave this method untyped
            adapter.cert_verify(conn, *args, **kwargs)
            self._verified = conn

    def request_url(self, *args: Any, **kwargs: Any) -> str:
        """What stands in the request line."""
        if self._target is None:
            self._target = super().request_url(*args, **kwargs)
        return self._target

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        """The answer, without its cookies, unless a handshake needs them."""
        if req.hooks["response"]:
            response = super().build_response(req, resp)
        else:
            response = requests.Response()
            response.status_code = resp.status
            response.reason = resp.reason
            response.headers = resp.headers
            response.raw = resp
        self._response = response
        return response

    def close(self) -> None:
        """Close the connection; the next request opens a new one."""
        response, self._response = self._response, None
        if response is not None:
            response.close()
        pool, self._pool, self._verified = self._pool, None, None
        if pool is not None:  # else urllib3 2 closes it only when nothing refers to it any more
            pool.close()
        super().close()


def _check_whole(raw: Any) -> None:
    """See that an answer without a body is whole: one cut in its head looks as if it had none."""
    if raw.status not in (200, 202):  # these tell of success, which has to be certain
        return
    headers = raw.headers
    framed = any(name in headers for name in ("Content-Length", "Transfer-Encoding"))
    ends_the_connection = headers and (raw.version == 10 or "Connection" in headers)
    if not framed and not ends_the_connection:
        raise IncompleteRead(b"")


def _pieces(raw: Any) -> Iterator[bytes]:
    """The body as it comes, decoded."""
    try:
        read1 = raw.read1
    except AttributeError:  # urllib3 before 2.2 returns from a read only when it has all of it
        yield from raw.stream(_SMALL_CHUNK, decode_content=True)
        return
    while piece := read1(_CHUNK, decode_content=True):
        yield piece
