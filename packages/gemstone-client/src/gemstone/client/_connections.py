"""The connections to one endpoint: which one a call takes, and when they are given up."""

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar
from urllib.parse import unquote

import requests
from requests.utils import get_auth_from_url

from ..errors import ServiceStateError
from ..jsonrpc import SERVICE_HEADER
from ._answers import Answer
from ._endpoint import Endpoint
from ._failures import FAILURES, explained, is_connect_timeout
from ._forking import restart_after_fork
from ._lanes import Authentication, Lane, Template

# Servers close connections that are idle, ours after 5 s. A request that meets such a closing on
# its way may have been executed or not, so a connection is given up before.
_IDLE_LIMIT: Final = 4.0

# What every request says. Answers are small, and a compressed one could go on for long without
# making up a single byte, which no timeout would notice.
_OWN_HEADERS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
}

_T = TypeVar("_T")


class Connections:
    """The connections of a service. May be used from any thread.

    A call takes the connection that was used last, so that in quiet times the others grow old.
    More calls at once than `max_idle` open more connections, so nobody ever waits for one.

    Args:
        endpoint: where to.
        verify: as requests takes it.
        cert: as requests takes it.
        max_idle: how many are kept open.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        verify: bool | str,
        cert: str | tuple[str, str] | None,
        max_idle: int,
    ) -> None:
        self._session = requests.Session()
        settings: Any = self._session.merge_environment_settings(
            endpoint.url, {}, True, verify, cert
        )
        self._settings: dict[str, Any] = settings
        if any("@" in proxy for proxy in self._settings["proxies"].values()):
            endpoint = dataclasses.replace(endpoint, confidential=True)
        self.endpoint = endpoint
        self._max_idle = max_idle
        self._closed = False
        self._start()
        restart_after_fork(self)

    def _start(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[Lane] = []  # the one used last is at the end

    @property
    def shown(self) -> str:
        """Where to, without what may be a secret."""
        return self.endpoint.shown

    def prepare(self, headers: Mapping[str, str], auth: Authentication) -> Template:
        """Prepare a request, once for many calls.

        Args:
            headers: are sent, those that are in `auth` as well.
            auth: what the service was given to authenticate with.

        Raises:
            ValueError: the URL or the credentials can't be sent.
        """
        per_call = None if auth is None or isinstance(auth, tuple | Mapping) else auth
        fixed: Any = auth if isinstance(auth, tuple) else None
        named = any(name.lower() == "authorization" for name in headers)
        if fixed is None and per_call is None and not named:
            user, password = get_auth_from_url(self.endpoint.url)
            fixed = (user, password) if user or password else None
        if fixed is None and (auth is not None or named):
            fixed = _unchanged  # without any, requests asks the netrc file
        try:
            request = self._prepared("POST", self.endpoint.url, {**_OWN_HEADERS, **headers}, fixed)
        except ValueError as exc:
            reason = "the user or password" if isinstance(exc, UnicodeError) else "the URL"
        else:
            # Its credentials are in a header by now, and must not get into any message.
            request.url = _without_userinfo(request.url or "")
            confidential = (
                self.endpoint.confidential
                or per_call is not None
                or bool(headers)
                or "Authorization" in request.headers  # that of the netrc file, for example
            )
            return Template(request, confidential, per_call)
        raise ValueError(f"{reason} of {self.shown} can't be sent over HTTP")

    def _prepared(
        self, method: str, url: str, headers: Mapping[str, str], auth: Any
    ) -> requests.PreparedRequest:
        return self._session.prepare_request(
            requests.Request(method, url, headers=headers, auth=auth)
        )

    def post(
        self,
        template: Template,
        body: bytes,
        timeout: float,
        read: Callable[[Answer], _T],
        connect_within: float | None = None,
    ) -> _T:
        """Send `body`, wait for the answer, and have it read.

        Args:
            template: the request without its body.
            body: what to send.
            timeout: in seconds. The other side is told of it.
            connect_within: how many of them connecting may take, ``None`` for all.
            read: returns what the answer says, or raises if it is not the one that was waited
                for. Then the connection is closed: the right one may still come over it, and
                the next call would take it for its own.

        Raises:
            RemoteServiceError: there was no whole answer in time, or what `read` raises.
            ServiceStateError: :meth:`close` was called.
        """
        request = template.authenticated(body, timeout) if template.auth else None
        with self._lane() as lane:
            try:
                raw, content = lane.post(template, body, timeout, connect_within, request)
            except FAILURES as exc:
                limit = timeout
                if connect_within is not None and is_connect_timeout(exc):
                    limit = min(timeout, connect_within)
                error, cause = explained(exc, self.shown, template.confidential, limit)
            else:
                return read(
                    Answer(
                        self.endpoint,
                        raw.status,
                        raw.reason or "",
                        raw.headers.get("Location"),
                        content,
                        template.confidential,
                    )
                )
            try:  # out here, so that a cause left out is no context either
                raise error from cause
            finally:
                del error, cause  # this frame is in their tracebacks

    def probe(self, within: float) -> str | None:
        """Who answers HTTP there: the name that it says, or an empty string; ``None`` for nobody.

        Carries no credentials.

        Args:
            within: how many seconds it may take.
        """
        lane = Lane(self._settings)
        try:
            url = _without_userinfo(self.endpoint.url).partition("?")[0]  # it may hold a token
            said = lane.probe(self._prepared("HEAD", url, {}, _unchanged), within)
        except FAILURES:
            return None
        finally:
            lane.close()
        return unquote(said.get(SERVICE_HEADER, ""))

    @contextmanager
    def _lane(self) -> Iterator[Lane]:
        """A connection, given back at the end, or closed by an exception."""
        lane = self._take()
        try:
            yield lane
        except BaseException:
            lane.close()
            raise
        self._give_back(lane)

    def _take(self) -> Lane:
        now = time.monotonic()
        with self._lock:
            if self._closed:
                raise ServiceStateError(
                    f"this RemoteService of {self.shown} is closed; make a new one"
                )
            if not self._idle:
                return Lane(self._settings)
            lane = self._idle.pop()
            if now - lane.last_used <= _IDLE_LIMIT:
                return lane
            old = [lane, *self._idle]  # the others were used even before
            self._idle.clear()
        for each in old:
            each.close()
        return lane

    def _give_back(self, lane: Lane) -> None:
        lane.last_used = time.monotonic()
        with self._lock:
            if not self._closed and len(self._idle) < self._max_idle:
                self._idle.append(lane)
                return
        lane.close()

    def retire(self) -> None:
        """Keep no connection any more: the service has gone. Calls under way go on."""
        with self._lock:
            self._max_idle = 0
            idle, self._idle = self._idle, []
        for lane in idle:
            lane.close()

    def close(self) -> None:
        """Close what is idle now, and what is in use when it is given back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for lane in idle:
            lane.close()

    def restart_in_child(self) -> None:
        """Forget, in a process just forked, what belongs to its parent."""
        idle = self._idle
        self._start()
        for lane in idle:
            lane.close()


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _without_userinfo(url: str) -> str:
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"
