"""One keep-alive connection, and the way of a request over it.

What the environment, the netrc file and the URL say, ``requests`` is asked once; the calls then go
to the connection pool of ``urllib3`` that it has made. Asking for each would cost more than a call.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from http.client import IncompleteRead
from typing import Any, Final, TypeAlias

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry, Timeout

from ..deadlines import TIMEOUT_HEADER
from ._failures import DeadlinePassed

Auth: TypeAlias = Callable[[requests.PreparedRequest], requests.PreparedRequest]
#: What a service may be given to authenticate with: a user and a password, headers, or a function.
Authentication: TypeAlias = tuple[str, str] | Mapping[str, str] | Auth | None

#: Whether a call is made again, :mod:`._calls` decides. What went wrong is raised as it is.
_NEVER: Final = Retry(total=False)

_CHUNK: Final = 1 << 16
_SMALL_CHUNK: Final = 1 << 10


class Template:
    """A request with everything but its body, prepared once for many calls.

    Args:
        request: the prepared request.
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
        # A plain dict: that of requests is slow to go through.
        self._headers: dict[str, Any] = {**request.headers}

    def headers(self, body: bytes, timeout: float) -> dict[str, Any]:
        """All headers of a call."""
        return {**self._headers, **_changing(body, timeout)}

    def authenticated(self, body: bytes, timeout: float) -> requests.PreparedRequest:
        """A whole request of its own, with :attr:`auth` applied to it."""
        request = self.request.copy()
        request.hooks = {"response": []}  # a copy shares them, so `auth` would add to all
        request.body = body
        request.headers.update(_changing(body, timeout))
        if self.auth is not None:
            request = self.auth(request)
        if not isinstance(request, requests.PreparedRequest):
            raise TypeError(
                "authentication_method has to return the request that it was given, "
                f"not {type(request).__name__}"
            )
        request.prepare_content_length(request.body)
        return request


def _changing(body: bytes, timeout: float) -> dict[str, str]:
    """The headers that no two calls have in common."""
    return {
        "Content-Length": str(len(body)),
        TIMEOUT_HEADER: str(max(1, int(timeout * 1000))),
    }


class Lane(HTTPAdapter):
    """One keep-alive connection. Used by one thread at a time.

    What an adapter works out for each request from the URL and the settings is the same for
    every request here, so it is kept; the methods are those that `HTTPAdapter` opens to
    subclasses.

    Args:
        settings: for TLS and proxies, as :meth:`send` takes them.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)
        self._settings = settings
        self.last_used = 0.0
        self._pool: Any = None
        self._verified: Any = None
        self._target = ""  # what stands in the request line
        self._raw: Any = None  # the answer that is being read

    def post(
        self,
        template: Template,
        body: bytes,
        timeout: float,
        connect_within: float | None,
        authenticated: requests.PreparedRequest | None = None,
    ) -> tuple[Any, bytes]:
        """Send a request and read the whole answer to it. Raises one of `FAILURES`.

        Args:
            template: the request without its body.
            body: what to send.
            timeout: in seconds.
            connect_within: how many of them connecting may take, ``None`` for all.
            authenticated: what to send in place of both, made of them by `Template.authenticated`.

        Returns:
            The answer as urllib3 gives it, and its body.
        """
        deadline = time.monotonic() + timeout
        limits = Timeout(total=timeout, connect=connect_within)
        if authenticated is None:
            self._raw = self._send(template, body, timeout, limits)
            pieces = _pieces(self._raw)
        else:
            response = self._send_authenticated(authenticated, limits)
            self._raw = response.raw
            # The function may have seen, and read, what has come.
            handshake = authenticated.hooks["response"]
            pieces = response.iter_content(_CHUNK) if handshake else _pieces(self._raw)
        content = []
        for piece in pieces:
            content.append(piece)
            if time.monotonic() > deadline:
                raise DeadlinePassed
        raw = self._raw
        if not content:
            _check_whole(raw)
        raw.release_conn()
        self._raw = None
        return raw, content[0] if len(content) == 1 else b"".join(content)

    def _send(self, template: Template, body: bytes, timeout: float, limits: Timeout) -> Any:
        if not self._target:
            self._open(template.request, **self._settings)
        return self._pool.urlopen(
            "POST",
            self._target,
            body=body,
            headers=template.headers(body, timeout),
            retries=_NEVER,
            redirect=False,
            assert_same_host=False,  # the target of a request to a proxy names another one
            timeout=limits,
            preload_content=False,
            decode_content=False,
        )

    def _open(
        self, request: requests.PreparedRequest, *, verify: Any, cert: Any, proxies: Any, **_: Any
    ) -> None:
        """Do once what :meth:`send` does each time."""
        pool = self.get_connection_with_tls_context(request, verify, proxies=proxies, cert=cert)
        self.cert_verify(pool, request.url, verify, cert)
        self._target = self.request_url(request, proxies)

    def _send_authenticated(
        self, request: requests.PreparedRequest, limits: Any
    ) -> requests.Response:
        """Send what a function has authenticated, which is written for requests."""
        if not request.hooks["response"]:
            return self.send(request, timeout=limits, **self._settings)
        # A handshake, as digest authentication has: only a session runs it.
        session = requests.Session()
        session.mount("http://", self)
        session.mount("https://", self)
        return session.send(request, timeout=limits, allow_redirects=False, **self._settings)

    def probe(self, request: requests.PreparedRequest, timeout: float) -> Mapping[str, str]:
        """Send a request and give the headers of the answer to it. Raises one of `FAILURES`."""
        limits: Any = Timeout(total=timeout)
        return self.send(request, timeout=limits, **self._settings).headers

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

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        """The answer, without its cookies, unless a handshake needs them."""
        if req.hooks["response"]:
            response = super().build_response(req, resp)
        else:
            response = requests.Response()
            response.headers = resp.headers
            response.raw = resp
        self._raw = resp
        return response

    def close(self) -> None:
        """Close the connection; the next request opens a new one."""
        raw, self._raw = self._raw, None
        if raw is not None:
            raw.close()
        pool, self._pool, self._verified, self._target = self._pool, None, None, ""
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
