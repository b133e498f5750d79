"""Tornado request handlers: for calls that need one, and for web pages beside the service."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Mapping
from functools import partial
from http.client import responses
from typing import TYPE_CHECKING, Any, ClassVar

from tornado import httputil, web

from gemstone.deadlines import TIMEOUT_HEADER

from ._guard import guarded
from ._rules import Refusal, look_at, too_large

if TYPE_CHECKING:
    from .._microservice import MicroService


class GemstoneCustomHandler(web.RequestHandler):
    """Base of a service's own request handlers, which are listed in ``extra_handlers``.

    Attributes:
        microservice: the service on whose port the handler answers.
    """

    microservice: "MicroService"
    _initialize_takes_service: ClassVar[bool] = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        parameters = inspect.signature(cls.initialize).parameters
        cls._initialize_takes_service = "microservice" in parameters or any(
            each.kind is each.VAR_KEYWORD for each in parameters.values()
        )

    def __init__(
        self,
        application: web.Application,
        request: httputil.HTTPServerRequest,
        *,
        microservice: "MicroService",
        **arguments: Any,
    ) -> None:
        self.microservice = microservice
        # It may be overridden for arguments of its own, with the service or without.
        if self._initialize_takes_service:
            arguments["microservice"] = microservice
        self._guard(request.method or "")
        super().__init__(application, request, **arguments)

    def _guard(self, method: str) -> None:
        """Have what a subclass raises, whatever it is, answered as an error."""
        guards = {name: guarded(getattr(self, name)) for name in ("initialize", "prepare")}
        verb = method.lower()
        if method in self.SUPPORTED_METHODS and hasattr(self, verb):
            guards[verb] = guarded(getattr(self, verb))
        initialize = guards["initialize"]

        def try_to_initialize(**arguments: Any) -> None:
            try:
                initialize(**arguments)
            except Exception as error:
                # Tornado would close the connection; what prepare() raises, it answers.
                vars(self)["prepare"] = partial(_fail, error)

        vars(self).update(guards, initialize=try_to_initialize)

    # So typed that a subclass may take what it likes.
    def initialize(self, *arguments: Any, **named: Any) -> None:
        """Take the arguments of the rule: to be overridden. The service is known already."""


def problem_with_arguments(
    handler: type[web.RequestHandler], arguments: Mapping[str, Any]
) -> str | None:
    """Why a handler's ``initialize()`` can't take these arguments; ``None`` if it can."""
    made_by = getattr(handler.__init__, "__module__", "")
    if made_by.partition(".")[0] not in ("tornado", "gemstone_core"):
        return None  # a constructor of its own may do anything with them
    given = dict(arguments)
    if issubclass(handler, GemstoneCustomHandler) and not handler._initialize_takes_service:
        del given["microservice"]
    try:
        inspect.signature(handler.initialize).bind(None, **given)
    except TypeError as error:
        return str(error)
    return None


def _fail(error: Exception) -> None:
    raise error


class StaticFiles(web.StaticFileHandler):
    """Tornado's handler of static files, for any name that somebody may think of."""

    def parse_url_path(self, url_path: str) -> str:
        """The path of a file in the folder.

        Raises:
            HTTPError: no file can have such a name; Tornado would answer 500.
        """
        if "\0" in url_path:
            raise web.HTTPError(404)
        return super().parse_url_path(url_path)


class Visit:
    """The way of one message through a Tornado handler, which its calls asked for.

    Attributes:
        handler: the handler, when it is there.
        answer: the answer that it is to send, when that is known.
    """

    __slots__ = ("answer", "handler")

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.handler: asyncio.Future[TornadoJsonRpcHandler] = loop.create_future()
        self.answer: asyncio.Future[bytes | None] = loop.create_future()


@web.stream_request_body
class TornadoJsonRpcHandler(GemstoneCustomHandler):
    """Answers JSON-RPC 2.0 calls over HTTP, as a Tornado request handler.

    A method that is exposed with ``requires_handler_reference=True``, and
    ``authenticate_request()``, are given one. They may look at ``request``, and shape the
    answer's headers by ``set_header``, ``set_cookie`` and ``set_status``; its body is the
    method's result, so that ``write`` and ``finish`` raise.

    In an application made by :meth:`MicroService.make_tornado_app` it answers the endpoint.
    """

    def initialize(
        self, microservice: "MicroService", visit: "Visit | None" = None, **arguments: Any
    ) -> None:
        """Take the service, and the message that this handler is there for, if there is one."""
        super().initialize(microservice, **arguments)
        self.came = time.monotonic()
        self.task: asyncio.Task[Any] | None = None
        self._visit = visit
        self._body = bytearray()
        self._refusal: Refusal | None = None
        self._answering = False

    def _guard(self, method: str) -> None:
        """Nothing: all that it does is ours, and private methods are not to pay for it."""

    # For the dispatcher this handler is the exchange.

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the request."""
        return self.request.headers

    @property
    def timeout(self) -> str | None:
        """How long the client waits for the answer, as it says so."""
        return self.request.headers.get(TIMEOUT_HEADER)

    @property
    def peer(self) -> str | None:
        """The IP address of the client."""
        return self.request.remote_ip

    async def handler(self) -> "TornadoJsonRpcHandler":
        """This handler."""
        return self

    # On its way in, as one of an application's handlers.

    def set_default_headers(self) -> None:
        """Begin with the headers of an answer to a call."""
        self.clear_header("Server")
        self.set_header("Content-Type", "application/json")

    def check_xsrf_cookie(self) -> None:
        """Let a call in without a cookie: the media type keeps other sites' pages out."""

    def prepare(self) -> None:
        """Look at the headers; what is not let in is refused when its body has been read.

        Tornado closes a connection on which a body is still to come, and its sender would not
        get to see the answer.
        """
        if self._visit is None:
            service, request = self.microservice, self.request
            self._refusal = look_at(
                request.method or "", request.headers, service.max_body_size, str(service.name)
            )

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Keep a part of the body, as long as the body is not too large."""
        limit = self.microservice.max_body_size
        if self._refusal is None and len(self._body) + len(chunk) > limit:
            self._refusal = too_large(limit)
        if self._refusal is None:
            self._body += chunk
        else:
            self._body.clear()
        return None

    async def post(self) -> None:
        """Answer the calls in the body."""
        if self._visit is not None:
            self._visit.handler.set_result(self)
            self.answer(await self._visit.answer)
        elif self._refusal is not None:
            self._refuse(self._refusal)
        else:
            self.request.body = bytes(self._body)
            self.answer(await self.microservice._dispatcher.dispatch(self.request.body, self))

    # look_at() refuses the other verbs.
    get = head = delete = patch = put = options = post

    # On its way out.

    def answer(self, body: bytes | None) -> None:
        """Send the answer, with the headers that methods have set."""
        self._answering = True
        # How the body is framed is not for methods to say.
        self.clear_header("Content-Length")
        self.clear_header("Transfer-Encoding")
        if not body:
            self.clear_header("Content-Type")
        super().finish(body)

    def set_status(self, status_code: int, reason: str | None = None) -> None:
        """Set the status of the answer.

        Raises:
            ValueError: answers of this status have no body, as 204.
        """
        if status_code < 200 or status_code in (204, 304):
            raise ValueError(f"an answer to a call has a body, and can't be a {status_code}")
        super().set_status(status_code, reason)

    def write(self, chunk: str | bytes | dict[str, Any]) -> None:
        """Not for methods.

        Raises:
            RuntimeError: a method called it, or ``render``, ``redirect`` and the like.
        """
        self._refuse_unless_answering("write")
        super().write(chunk)

    def finish(self, chunk: Any = None) -> Any:
        """Not for methods.

        Raises:
            RuntimeError: a method called it, or ``render``, ``redirect`` and the like.
        """
        self._refuse_unless_answering("finish")
        return super().finish(chunk)

    def flush(self, include_footers: bool = False) -> Any:
        """Not for methods.

        Raises:
            RuntimeError: a method called it.
        """
        self._refuse_unless_answering("flush")
        return super().flush(include_footers)

    def redirect(self, url: str, permanent: bool = False, status: int | None = None) -> None:
        """Not for methods.

        Raises:
            RuntimeError: a method called it.
        """
        self._refuse_unless_answering("redirect")
        super().redirect(url, permanent, status)

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Not for methods.

        Raises:
            RuntimeError: a method called it.
        """
        # Tornado calls it for what was raised in this handler.
        if "exc_info" not in kwargs:
            self._refuse_unless_answering("send_error")
        super().send_error(status_code, **kwargs)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer what Tornado itself refuses with a JSON-RPC error, too."""
        if status_code == 405:  # a verb of which Tornado has never heard
            self.set_header("Allow", "POST")
        reason = responses.get(status_code, "Unknown")
        self.answer(self.microservice._dispatcher.refuse(reason))

    def _refuse(self, refusal: Refusal) -> None:
        self.set_status(refusal.status)
        for name, value in refusal.headers.items():
            self.set_header(name, value)
        head = self.request.method == "HEAD"
        self.answer(None if head else self.microservice._dispatcher.refuse(refusal.reason))

    def _refuse_unless_answering(self, name: str) -> None:
        if not self._answering:
            raise RuntimeError(
                f"{name}() on the handler of a call: the body of the answer is what the method "
                "returns; set_header(), set_cookie() and set_status() are there for the rest"
            )
