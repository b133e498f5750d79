"""A service that somebody else runs, and its methods."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, Unpack

from ..deadlines import DEADLINE, current_deadline
from ._arguments import (
    as_batch,
    as_method_call,
    as_notification,
    checked_idempotent,
    checked_lifetime,
    checked_max_attempts,
    checked_timeout,
)
from ._endpoint import checked_headers, parse_endpoint
from ._locations import checked_service_name
from ._methods import RemoteMethod
from ._options import Options
from ._payloads import encode_batch, encode_call
from ._settings import ServiceOptions, Settings
from .structs import AsyncMethodCall, BatchResult, MethodCall, Notification, Params, Result

if TYPE_CHECKING:
    from ._answers import Answer
    from ._connections import Connections
    from ._instances import Instances
    from ._one_endpoint import OneEndpoint
    from ._preparation import Preparation
    from ._settings import Authentication, Path
    from ._workers import Workers

__all__ = ["RemoteService"]

_T = TypeVar("_T")

#: Seconds that the threads in the background get to end.
_END_WITHIN: Final = 2.0


class RemoteService:
    """A JSON-RPC 2.0 service: at a URL, or wherever a registry says that its instances are.

    It keeps up to `max_connections` connections open, and may be used from any number of threads
    at once; all methods may be called from any thread. A call blocks its thread, so inside a
    coroutine use :meth:`call_method_async` and ``await`` what it gives. In a forked child it
    goes on with connections and threads of its own.

    Args:
        service_endpoint: the URL, for example ``"http://127.0.0.1:8000/api"``. A user and a
            password in it are used for basic authentication, and never shown. Services that are
            known by their names come from :meth:`get_service_by_name`, or from a service's own
            ``get_service()``.
        authentication_method: a ``(user, password)`` tuple for basic authentication; a mapping
            of headers, ``{"X-Token": "…"}``; or what requests takes as ``auth``: a callable that
            is given each request and returns it (``requests.auth.HTTPDigestAuth(…)``, for
            example). ``None``: what the URL or the user's netrc file says.
        timeout: seconds. It bounds all that a call does, in whatever many attempts: connecting
            together with the wait for the beginning of the answer, and each wait for more of it;
            a body that is still coming after `timeout` is given up at its next piece. It is no
            limit for a peer that drips on purpose. The service is told how much of it is left.
            A deadline that is in force (:mod:`gemstone.deadlines`) may be nearer.
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

    _service: "Instances | OneEndpoint"
    _preparation: "Preparation"
    _options: Options
    _workers: "Workers"

    def __init__(
        self,
        service_endpoint: str,
        *,
        authentication_method: "Authentication | None" = None,
        timeout: float = 30,
        headers: Mapping[str, str] | None = None,
        verify: "bool | Path" = True,
        cert: "Path | tuple[Path, Path] | None" = None,
        max_connections: int = 8,
    ) -> None:
        endpoint = parse_endpoint(service_endpoint)
        settings = Settings(
            authentication_method=authentication_method,
            timeout=timeout,
            headers=headers,
            verify=verify,
            cert=cert,
            max_connections=max_connections,
        )
        self._set_up(settings, endpoint.shown)

        from ._one_endpoint import OneEndpoint

        connections = settings.connect(endpoint)
        self._preparation.template(connections)  # raises what is wrong with it now, not later
        self._service = OneEndpoint(connections)

    def _set_up(self, settings: Settings, shown: str) -> None:
        # Not before the first service: requests takes longer to load than all the rest.
        from ._preparation import Preparation
        from ._workers import Workers

        self._options = Options(settings.timeout)
        self._preparation = Preparation(settings.headers, settings.auth)
        self._workers = Workers(settings.max_connections, shown)

    @classmethod
    def find(
        cls,
        name: str,
        locate: Callable[[str], Iterable[str]],
        *,
        lifetime: float = 10.0,
        **options: Unpack[ServiceOptions],
    ) -> Self | None:
        """The service of a name, wherever its instances are, now and later.

        Its calls go to the instances in turn. One that refuses a connection, or does not answer
        several times in a row, is set aside until it answers a probe (which is made in the
        background, and by no call); what reached nobody goes to another one. What may have been
        executed is sent again only by ``with_options(idempotent=True)``.

        Args:
            name: the name, or a pattern of names (``"project.worker.*"``), as `locate` takes it.
            locate: is given the name, asks a registry at once, and gives the URLs of the
                instances. It may block, and raise anything. It is called here at first, and later
                on other threads, never twice at once.
            lifetime: how many seconds an answer of `locate` is good for; 0: for one call. While
                it raises, its last good answer is used.
            options: `authentication_method`, `timeout`, `headers`, `verify`, `cert` and
                `max_connections`, all as for a :class:`RemoteService`; the last one is meant for
                each instance.

        Returns:
            The service, or ``None`` where `locate` knows no instance.

        Raises:
            TypeError: an argument is of the wrong type.
            ValueError: a value can't be used; the message says why, and shows no secret.
            DiscoveryError: the answer of `locate` is no list of strings, or none of them is the
                URL of an HTTP service.
            Exception: what `locate` raises.
        """
        return cls._find(name, locate, lifetime, Settings(**options))

    @classmethod
    def get_service_by_name(
        cls,
        registry_url: str,
        name: str,
        *,
        lifetime: float = 10.0,
        **options: Unpack[ServiceOptions],
    ) -> Self | None:
        """The service of a name, found through an HTTP registry; :meth:`find` says how it calls.

        ::

            users = RemoteService.get_service_by_name("http://127.0.0.1:8000/api", "users")

        Args:
            registry_url: the URL of a ``gemstone.discovery.ServiceRegistry``, or of another
                service with a method ``locate_service(name)``. A user and a password in it are
                for the registry alone; `authentication_method` and `headers` for the service.
            name: the name of the service, or a pattern of names (``"project.worker.*"``).
            lifetime: as for :meth:`find`.
            options: as for :meth:`find`. `verify` and `cert` are those for the registry, too.

        Returns:
            The service, or ``None`` where the registry knows no instance.

        Raises:
            TypeError: an argument is of the wrong type.
            ValueError: a value can't be used; the message says why, and shows no secret.
            DiscoveryError: the registry could not be asked, or answered nonsense.
        """
        from ._registry import TIMEOUT, HttpRegistry

        settings = Settings(**options)
        registry = RemoteService(
            registry_url,
            timeout=min(TIMEOUT, settings.timeout),
            verify=options.get("verify", True),
            cert=options.get("cert"),
            max_connections=1,
        )
        service = None
        try:
            service = cls._find(name, HttpRegistry(registry), lifetime, settings, registry.close)
        finally:
            if service is None:
                registry.close()
        return service

    @classmethod
    def _find(
        cls,
        name: str,
        locate: Callable[[str], Iterable[str]],
        lifetime: float,
        settings: Settings,
        on_close: Callable[[], object] = lambda: None,
    ) -> Self | None:
        from ._instances import Instances

        service = cls.__new__(cls)

        def connect(url: str) -> "Connections":
            connections = settings.connect(parse_endpoint(url))
            service._preparation.template(connections)  # raises what is wrong with it now
            return connections

        instances = service._service = Instances(
            checked_service_name(name), locate, checked_lifetime(lifetime), connect, on_close
        )
        service._set_up(settings, name)
        return service if instances.find() else None

    @property
    def locations(self) -> list[str]:
        """The URLs of the known instances; looked up again if that is due, so it may block.

        As they were given, with the credentials that are in them. Of a service that was not found
        by its name: its URL.
        """
        return self._service.locations(self._options.timeout)

    @property
    def url(self) -> str:
        """The URL, without user and password, and with ``…`` in place of a query.

        Of a service that was found by its name: the name.
        """
        return self._service.shown

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
            ServiceUnavailableError: no instance of a service that was found can be called.
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
        deadline = current_deadline()

        def make() -> Result:
            DEADLINE.set(deadline)  # that of the caller, and not what the thread had before
            return self._post(body, lambda answer: answer.read(call))

        future = self._workers.submit(make)
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
        self,
        *,
        timeout: float | None = None,
        headers: Mapping[str, str] | None = None,
        idempotent: bool | None = None,
        max_attempts: int | None = None,
    ) -> Self:
        """This service with other options: a cheap view, that shares connections and threads.

        Args:
            timeout: seconds, in place of the service's; ``None`` keeps it, as everywhere here.
            headers: are sent as well; those of the same name take the place of the service's.
            idempotent: whether calls may be executed more than once. Then those that got no
                answer are made again, after a pause that grows each time, within `timeout`; also
                where a gateway answers 502, 503 or 504. An attempt that others could follow at
                another instance waits for its share of the time only. Default ``False``.
            max_attempts: how often such a call is made at most; default 3. What reached nobody is
                not counted, if there are other instances.

        Returns:
            A service. Closing it, or the one it was made from, closes both.

        Raises:
            TypeError: an argument is of the wrong type.
            ValueError: a value can't be used.
        """
        now = self._options
        view = type(self).__new__(type(self))
        view.__dict__.update(self.__dict__)
        view._options = Options(
            now.timeout if timeout is None else checked_timeout(timeout),
            now.idempotent if idempotent is None else checked_idempotent(idempotent),
            now.max_attempts if max_attempts is None else checked_max_attempts(max_attempts),
        )
        if headers is not None:
            view._preparation = self._preparation.with_headers(checked_headers(headers, "headers"))
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
        self._service.close(_END_WITHIN if wait else 0.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"

    def __reduce__(self) -> Any:
        raise TypeError(
            f"{self!r} can't be pickled or copied: it has connections and threads, and maybe "
            "credentials; make one in each process, or use with_options()"
        )

    def _post(self, body: bytes, read: "Callable[[Answer], _T]") -> _T:
        from ._calls import make_call

        return make_call(self._service, self._preparation, self._options, body, read)
