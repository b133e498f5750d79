"""The connections to one endpoint: which one a call takes, and when they are given up."""

import dataclasses
import threading
import time
from collections.abc import Mapping
from typing import Any, Final

import requests

from ..errors import ServiceStateError
from ._answers import Answer
from ._endpoint import Endpoint, secrets_of
from ._failures import FAILURES, explained
from ._forking import restart_after_fork
from ._lanes import Auth, Lane, Template

# Servers close connections that are idle, ours after 5 s. A request that meets such a closing on
# its way may have been executed or not, so a connection is given up before.
_IDLE_LIMIT: Final = 4.0


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
        proxies = self._settings["proxies"].values()
        secrets = (secret for proxy in proxies for secret in secrets_of(proxy))
        self.endpoint = dataclasses.replace(endpoint, secrets=(*endpoint.secrets, *secrets))
        self._max_idle = max_idle
        self._closed = False
        self._start()
        restart_after_fork(self)

    def _start(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[Lane] = []  # the one used last is at the end

    def prepare(self, headers: Mapping[str, str], auth: tuple[str, str] | Auth | None) -> Template:
        """Prepare a request, once for many calls.

        Raises:
            ValueError: the URL or the credentials can't be sent.
        """
        per_call = None if auth is None or isinstance(auth, tuple) else auth
        # Without any, requests would put that of the netrc file over these.
        explicit = per_call or (
            auth is None and any(name.lower() == "authorization" for name in headers)
        )
        try:
            request = self._session.prepare_request(
                requests.Request(
                    "POST",
                    self.endpoint.url,
                    headers={
                        "Accept": "application/json",
                        "Content-Type": "application/json",
                        **headers,
                    },
                    auth=_unchanged if explicit else auth,
                )
            )
        except ValueError as exc:
            reason = "the user or password" if isinstance(exc, UnicodeError) else "the URL"
        else:
            # Its credentials are in a header by now, and must not get into any message.
            request.url = _without_userinfo(request.url or "")
            return Template(request, per_call)
        raise ValueError(f"{reason} of {self.endpoint.shown} can't be sent over HTTP")

    def post(self, template: Template, body: bytes, timeout: float) -> Answer:
        """Send `body` and wait for the answer.

        Raises:
            RemoteServiceError: there was no whole answer in time.
            ServiceStateError: :meth:`close` was called.
        """
        if template.auth is not None:
            request = template.authenticated(template.auth, body)
            lane = self._take()
        else:
            lane = self._take()
            request = lane.request_from(template, body)
        try:
            response, content = lane.post(request, timeout, self._settings)
        except FAILURES as exc:
            lane.close()
            error, cause = explained(exc, self.endpoint, request.headers, timeout)
        except BaseException:
            lane.close()
            raise
        else:
            self._give_back(lane)
            return Answer(
                self.endpoint,
                response.status_code,
                response.reason or "",
                response.headers.get("Location"),
                content,
                request.headers,
            )
        raise error from cause  # out here, so that a cause left out is no context either

    def _take(self) -> Lane:
        now = time.monotonic()
        with self._lock:
            if self._closed:
                raise ServiceStateError(
                    f"this RemoteService of {self.endpoint.shown} is closed; make a new one"
                )
            if not self._idle:
                return Lane()
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
