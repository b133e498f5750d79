"""A service that somebody else runs, and its methods."""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar

from ._arguments import (
    as_batch,
    as_method_call,
    as_notification,
    checked_auth,
    checked_cert,
    checked_max_connections,
    checked_timeout,
    checked_verify,
)
from ._endpoint import Endpoint, checked_headers, parse_endpoint
from ._methods import RemoteMethod
from ._payloads import encode_batch, encode_call
from .structs import AsyncMethodCall, BatchResult, MethodCall, Notification, Params, Result

if TYPE_CHECKING:
    from requests import PreparedRequest

    from ._answers import Answer
    from ._connections import Connections
    from ._lanes import Template
    from ._workers import Workers

    _Path: TypeAlias = str | os.PathLike[str]
    Authentication: TypeAlias = (
        tuple[str, str] | Mapping[str, str] | Callable[[PreparedRequest], PreparedRequest]
    )

__all__ = ["RemoteService"]

_T = TypeVar("_T")


class RemoteService:
    """A JSON-RPC 2.0 service at a URL.

    It keeps up to `max_connections` connections open, and may be used from any number of threads
    at once; all methods may be called from any thread. A call blocks its thread, so inside a
    coroutine use :meth:`call_method_async` and ``await`` what it gives. In a forked child it
    goes on with connections and threads of its own.

    Args:
        service_endpoint: the URL, for example ``"http://127.0.0.1:8000/api"``. A user and a
            password in it are used for basic authentication, and never shown.
        authentication_method: a ``(user, password)`` tuple for basic authentication; a mapping
            of headers, ``{"X-Token": "…"}``; or what requests takes as ``auth``: a callable that
            is given each request and returns it (``requests.auth.HTTPDigestAuth(…)``, for
            example). ``None``: what the URL or the user's netrc file says.
        timeout: seconds. It bounds connecting together with the wait for the beginning of the
            answer, and each wait for more of it; a body that is still coming after `timeout` is
            given up at its next piece. It is no limit for a peer that drips on purpose.
        headers: are sent with every request.
        verify: whether to check a TLS certificate (default ``True``), or the path of a bundle
            of certificates to trust.
        cert: the path of a client certificate, or the paths of a certificate and its key.
        max_connections: how many connections are kept, and how many calls of
            :meth:`call_method_async` run at once. More threads than that may call at once:
            their connections are closed afterwards.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: a value can't be used; the message says why, and shows no secret.
    """

    _connections: "Connections"
    _endpoint: Endpoint
    _template: "Template"
    _timeout: float
    _workers: "Workers"

    def __init__(
        self,
        service_endpoint: str,
        *,
        authentication_method: "Authentication | None" = None,
        timeout: float = 30,
        headers: Mapping[str, str] | None = None,
        verify: "bool | _Path" = True,
        cert: "_Path | tuple[_Path, _Path] | None" = None,
        max_connections: int = 8,
    ) -> None:
        endpoint = parse_endpoint(service_endpoint)
        own_headers = checked_headers(headers, "headers")
        auth = checked_auth(authentication_method)
        if isinstance(auth, Mapping):
            own_headers |= checked_headers(auth, "authentication_method")
        self._timeout = checked_timeout(timeout)
        limit = checked_max_connections(max_connections)
        trusted, certificate = checked_verify(verify), checked_cert(cert)

        # Not before the first service: requests takes longer to load than all the rest.
        from ._connections import Connections
        from ._workers import Workers

        self._connections = Connections(endpoint, trusted, certificate, limit)
        self._endpoint = self._connections.endpoint
        self._template = self._connections.prepare(own_headers, auth)
        self._workers = Workers(limit, endpoint.shown)

    @property
    def url(self) -> str:
        """The URL, without user and password, and with ``…`` in place of a query."""
        return self._endpoint.shown

    @property
    def methods(self) -> RemoteMethod:
        """The service's methods, to be called like functions.

        ``service.methods.say_hello("world")``, or ``service.methods.users.register(name="x")``
        for the method ``users.register``, returns the value, or raises
        :class:`~gemstone.errors.RemoteCallError` where the service answers with an error.
        """
        return RemoteMethod(self)

    def call_method(self, method_name_or_object: str | MethodCall, params: Params = None) -> Result:
        """Call a method and wait for its answer.

        Args:
            method_name_or_object: the name of the method, or a :class:`MethodCall`.
            params: a list, tuple or dict, or ``None`` for none; not beside a `MethodCall`.

        Returns:
            The :class:`Result`. An error that the method answered with is in its ``error``, and
            is not raised.

        Raises:
            TypeError: an argument is of the wrong type, or can't be encoded as JSON.
            ValueError: the params hold a number that is not finite, or themselves.
            RemoteConnectionError: there was no connection, or it broke.
            RemoteTimeoutError: there was no whole answer in time.
            CalledServiceError: the answer has an HTTP status other than 200.
            MalformedResponseError: the answer is none to this call.
            ServiceStateError: the service was closed.

        .. seealso:: JSON-RPC 2.0, sections 4 and 5.
        """
        call = as_method_call(method_name_or_object, params)
        return self._post(encode_call(call), lambda answer: answer.read(call))

    def call_method_async(
        self, method_name_or_object: str | MethodCall, params: Params = None
    ) -> AsyncMethodCall:
        """Begin a call, and don't wait.

        It is made by one of at most `max_connections` threads of this service; when all of them
        are busy it waits its turn, and its timeout begins only then.

        Args:
            method_name_or_object: the name of the method, or a :class:`MethodCall`.
            params: as for :meth:`call_method`. They are encoded before this returns, so they may
                be changed afterwards.

        Returns:
            An :class:`AsyncMethodCall`: ``await`` it inside a coroutine, ask it for its
            ``result(wait=True)``, or give it to ``gemstone.as_completed``.

        Raises:
            TypeError: as :meth:`call_method`.
            ValueError: as :meth:`call_method`.
            ServiceStateError: the service was closed.
        """
        call = as_method_call(method_name_or_object, params)
        body = encode_call(call)
        future = self._workers.submit(lambda: self._post(body, lambda answer: answer.read(call)))
        return AsyncMethodCall(call, future, url=self.url)

    def notify(self, method_name_or_object: str | Notification, params: Params = None) -> None:
        """Send a notification: call a method without asking for an answer.

        Returns when the service has taken it. Whatever the method does with it, errors included,
        is not told to anybody.

        Args:
            method_name_or_object: the name of the method, or a :class:`Notification`.
            params: as for :meth:`call_method`; not beside a `Notification`.

        Raises:
            TypeError: as :meth:`call_method`.
            ValueError: as :meth:`call_method`.
            RemoteConnectionError: there was no connection, or it broke.
            RemoteTimeoutError: the service did not take it in time.
            CalledServiceError: an HTTP status other than 200, 202 and 204 refused it.
            ServiceStateError: the service was closed.

        .. seealso:: JSON-RPC 2.0, section 4.1.
        """
        notification = as_notification(method_name_or_object, params)
        self._post(encode_call(notification), lambda answer: answer.check_noted())

    def call_batch(
        self,
        *calls: MethodCall | Notification | Iterable[MethodCall | Notification],
    ) -> BatchResult:
        """Make several calls in one request.

        Args:
            calls: :class:`MethodCall` and :class:`Notification` objects, or one iterable of them.

        Returns:
            The :class:`Result` of each `MethodCall`, in the order of the calls, in whichever the
            service answered them. Without any calls, an empty one, and nothing is sent.

        Raises:
            TypeError: an argument is of the wrong type, or can't be encoded as JSON.
            ValueError: two calls have the same id; or as :meth:`call_method`.
            RemoteCallError: the service answered the batch as a whole with an error.
            MalformedResponseError: an answer is missing, or is none to one of the calls.
            RemoteServiceError: as :meth:`call_method`.
            ServiceStateError: the service was closed.

        .. seealso:: JSON-RPC 2.0, section 6.
        """
        batch = as_batch(calls)
        if not batch:
            return BatchResult()
        return self._post(encode_batch(batch), lambda answer: answer.read_batch(batch))

    def handle_single_request(
        self, request_object: MethodCall | Notification
    ) -> dict[str, Any] | None:
        """Make one call and return the answer as it came.

        Args:
            request_object: what to send.

        Returns:
            The decoded answer, checked as for :meth:`call_method`; ``None`` for a
            :class:`Notification`.

        Raises:
            TypeError: `request_object` is something else, or can't be encoded as JSON.
            ValueError: as :meth:`call_method`.
            RemoteServiceError: as :meth:`call_method` and :meth:`notify`.
            ServiceStateError: the service was closed.
        """
        if isinstance(request_object, Notification):
            self.notify(request_object)
            return None
        if not isinstance(request_object, MethodCall):
            raise TypeError(
                "handle_single_request takes a MethodCall or a Notification, "
                f"not {type(request_object).__name__}"
            )
        body = encode_call(request_object)
        return self._post(body, lambda answer: answer.read_raw(request_object))

    def with_options(
        self, *, timeout: float | None = None, headers: Mapping[str, str] | None = None
    ) -> Self:
        """This service with other options: a cheap view, that shares connections and threads.

        Args:
            timeout: seconds, in place of the service's; ``None`` keeps it.
            headers: are sent as well; those of the same name take the place of the service's.

        Returns:
            A service. Closing it, or the one it was made from, closes both.

        Raises:
            TypeError: an argument is of the wrong type.
            ValueError: a value can't be used.
        """
        view = type(self).__new__(type(self))
        view.__dict__.update(self.__dict__)
        if timeout is not None:
            view._timeout = checked_timeout(timeout)
        if headers is not None:
            view._template = self._template.with_headers(checked_headers(headers, "headers"))
        return view

    def close(self, *, wait: bool = True) -> None:
        """End the threads and close the connections. Closing again does nothing.

        Calls under way go on to their end; asynchronous ones that have not begun fail with
        ``ServiceStateError``, and so does every later call.

        Args:
            wait: until the asynchronous calls under way have ended, which their timeouts bound.
                On one of the service's own threads (in a callback) it never waits.
        """
        self._workers.close(wait)
        self._connections.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._endpoint.shown}>"

    def __reduce__(self) -> Any:
        raise TypeError(
            f"{self!r} can't be pickled or copied: it has connections and threads, and maybe "
            "credentials; make one in each process, or use with_options()"
        )

    def _post(self, body: bytes, read: "Callable[[Answer], _T]") -> _T:
        return self._connections.post(self._template, body, self._timeout, read)
