"""``MicroService``: the class that the author of a service inherits."""

import logging
import threading
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Self

from tornado import web
from tornado.ioloop import IOLoop

from gemstone.errors import ServiceConfigurationError, ServiceStateError
from gemstone_config import ConfiguredValue

from ._attributes import Attributes
from ._configuration._loading import Configuration
from ._container import Container
from ._discovery._hub import DiscoveryHub
from ._events._hub import EventHub
from ._http._application import make_application
from ._http._handlers import TornadoJsonRpcHandler
from ._http._tls import make_tls_context
from ._lifecycle._executor import ServiceExecutor
from ._lifecycle._periodic import PeriodicTasks
from ._lifecycle._process import serve_process
from ._lifecycle._run import Run
from ._lifecycle._settings import (
    check_constructed,
    check_name,
    check_private_methods,
    check_settings,
)
from ._lifecycle._thread import ServiceThread
from ._parts import make_parts
from ._plugins._base import BasePlugin
from ._plugins._registry import add_plugin, find_plugin, load_plugin
from ._rpc._blocking import BlockingCalls
from ._rpc._dispatcher import Dispatcher, Limits
from ._rpc._messages import Answers, LegacyAnswers
from ._rpc._method import collect_methods

if TYPE_CHECKING:
    from gemstone.client import RemoteService

    from ._events._figures import EventStatus
    from ._events._receipt import Receipt


class MicroService(Attributes):
    """A service: inherit it, name it, expose methods, and start it.

    ::

        class HelloWorldService(gemstone.MicroService):
            name = "hello_world_service"

            @gemstone.exposed_method()
            def say_hello(self, name):
                return f"hello {name}"

        HelloWorldService().start()

    Its attributes can be set in the class, or on an instance before it is started.

    Args:
        io_loop: the Tornado loop to serve on; by default a new one, or for :meth:`serve` the
            one that runs.

    Raises:
        ServiceConfigurationError: there is no name, two methods are exposed under one name,
            or a list in the class holds something that does not belong there.
        PluginError: a plugin has no name, or the name of another one.
    """

    _io_loop: IOLoop | None = None
    _run: Run | None = None

    def __init__(self, io_loop: IOLoop | None = None) -> None:
        check_name(self)
        if io_loop is not None and not isinstance(io_loop, IOLoop):
            raise ServiceConfigurationError(
                f"io_loop is {io_loop!r}: it must be a tornado.ioloop.IOLoop"
            )
        self._io_loop = io_loop
        self._executor = ServiceExecutor(self, "blocking")
        self._last_location: str | None = None
        self._prepared: Dispatcher | None = None
        self._registered_plugins: list[BasePlugin] = []
        self._configuration = Configuration(self)
        self._put_together()

    # To be overridden.

    def get_logger(self) -> logging.Logger:
        """The logger of the service; override it to have another one.

        Returns:
            By default the logger ``gemstone.service.<name>``.
        """
        return logging.getLogger(f"gemstone.service.{self.name}")

    def authenticate_request(self, handler: TornadoJsonRpcHandler) -> Awaitable[bool] | bool:
        """Whether a request may call private methods; override it to have some.

        Runs on the event loop, at most once for each HTTP request, and before the params
        are looked at; may be a coroutine function.

        Args:
            handler: the Tornado handler of the request, with its headers and cookies.

        Returns:
            Whether the calls are let in; those that are not are answered -32001.

        Raises:
            RpcError: to answer them with another error.
        """
        return False

    def on_service_start(self) -> Awaitable[None] | None:
        """Called on the event loop when the service has its port, before it takes calls.

        May be a coroutine function. What it raises ends the start.
        """

    def on_service_stop(self) -> Awaitable[None] | None:
        """Called on the event loop when the service has answered its last call.

        May be a coroutine function. What it raises is logged.
        """

    # To be called.

    def configure(self) -> None:
        """Set the values of ``configurables`` that ``configurators`` find, on this instance.

        To be called before the service is started; nothing else calls it. Where several
        configurators find a value, the last one in the list wins.

        Raises:
            ServiceConfigurationError: one of the two lists holds something else.
            ServiceStateError: the service runs, or its constructor was not called.
            SystemExit: somebody asked for ``--help`` (status 0), or a value is wrong or missing
                (status 2); one line on stderr says which, and where it came from.
        """
        check_constructed(self)
        if self.is_running:
            raise ServiceStateError(f"{self.name} runs: configure it before it is started")
        self._configuration.load()

    def configuration(self) -> dict[str, ConfiguredValue]:
        """What each of the ``configurables`` is now, and where it came from. From any thread.

        Returns:
            Values and sources, by the names of the configurables. The values of secrets, and
            passwords in URLs, are shown as ``***``.
        """
        return self._configuration.shown()

    def start(self) -> None:
        """Serve, until a signal comes or :meth:`stop` is called.

        SIGTERM and SIGINT let the service answer what is under way; a second one ends the
        process at once. If something does not end within ``shutdown_timeout``, the process
        ends with status 1, and the log says what it was. Shows the log on stderr, if the
        process has not set up logging itself.

        Raises:
            ServiceConfigurationError: the service is declared in a way that can't work.
            ServiceStateError: it runs already, or an event loop runs in this thread.
            SystemExit: it can't listen on its port; one line on stderr says why. Or something
                raised it on the event loop, and the service was stopped for it.
        """
        serve_process(self, self._io_loop)

    async def serve(self) -> None:
        """Serve on the event loop that runs, until :meth:`stop` is called.

        Several services can be served by one loop, with :func:`asyncio.gather`. Installs no
        signal handlers; when it is cancelled, the service is stopped like at a signal.

        Raises:
            ServiceConfigurationError: the service is declared in a way that can't work, or
                can't listen on its port (:exc:`ServiceAddressError`).
            ServiceStateError: it runs already, or was given another loop.
            ShutdownTimeoutError: something had not ended after ``shutdown_timeout``.
        """
        await self._begin(owns_loop=False).live()

    def start_in_thread(self) -> ServiceThread[Self]:
        """Serve in a thread of its own, for tests and notebooks. From any thread.

        ::

            with HelloWorldService().start_in_thread() as service:
                gemstone.RemoteService(service.accessible_at).call_method("say_hello", ["you"])

        Returns:
            The thread, when the service takes calls; it is stopped by its ``stop()`` or by
            leaving the ``with`` block.

        Raises:
            ServiceConfigurationError: as :meth:`serve`.
            ServiceStateError: the service runs already.
        """
        owns_loop = self._io_loop is None
        return ServiceThread(self, lambda: self._begin(owns_loop), self._io_loop)

    def stop(self) -> None:
        """Stop the service: answer what is under way, and end.

        From any thread. On one of the service's own threads, as in a method or a hook, it
        returns at once, because the stop waits for the caller; elsewhere it returns when
        nothing of the service is left. Of a service that does not run, it ends the threads
        that :meth:`get_executor` and :meth:`emit_event` made, and closes what
        :meth:`get_service` found.
        """
        run = self._run
        if run is None or run.has_ended:
            self._executor.discard()
            self._events.discard()
            self._discovery.discard()
            return
        run.ask_to_stop()
        if not self._is_own_thread():
            run.wait()

    def emit_event(
        self, event_name: str, event_body: Any, *, headers: Mapping[str, str] | None = None
    ) -> "Receipt":
        """Emit an event through all of ``event_transports``.

        From any thread, before the service is started as well as while it runs. Returns at
        once: the event waits in a buffer until its transport has handed it to the broker. Only
        if that buffer is full does a thread that runs no event loop wait for a place.

        Args:
            event_name: the name: 1 to 200 letters, digits, dots, underscores and hyphens.
            event_body: what to say, anything that can be encoded as JSON.
            headers: what to say about the event; only some transports carry headers.

        Returns:
            A receipt, done when every transport has what it promises: ``await`` it, or ``wait()``
            for it on another thread than the loop's. It fails with an :exc:`EventError`.

        Raises:
            InvalidEventError: the name, the body or a header is none that can travel.
            ServiceConfigurationError: the service has no ``event_transports``.
            ServiceStateError: the service has stopped.
        """
        return self._events.emit(event_name, event_body, headers)

    def event_status(self) -> "list[EventStatus]":
        """How the event transports are doing, in their order. From any thread."""
        return self._events.status()

    def get_service(self, name: str) -> "RemoteService | None":
        """Another service, found by its name in the registries of ``discovery_strategies``.

        ::

            users = self.get_service("user_manager_service")
            if users is None:
                raise RuntimeError("the service could not be located")
            users.call_method("find_user", {"username": "example"})

        From any thread that runs no event loop, before the service is started as well as while
        it runs. It blocks while the registries are asked; of what is known already, that is only
        from time to time. Its calls go to all instances in turn, wherever they are then, so it
        may be kept. It is closed when this service stops, and not by its ``close()``.

        Args:
            name: the name, or a pattern like ``project.worker.*`` for all whose names match
                (see :func:`fnmatch.fnmatchcase`).

        Returns:
            The service; ``None`` if no registry knows an instance of it.

        Raises:
            ServiceConfigurationError: this service has no ``discovery_strategies``.
            DiscoveryError: none of the registries could be asked, or all answered nonsense; never
                for a service that was found before.
            ServiceStateError: an event loop runs in this thread; use :meth:`get_service_async`.
            TypeError: the name is not a string.
            ValueError: nobody can have such a name: it is empty, or has a control character in it.
        """
        return self._discovery.get(name)

    async def get_service_async(self, name: str) -> "RemoteService | None":
        """Do as :meth:`get_service`, without blocking the event loop: for coroutines.

        Call what it gives by ``await users.call_method_async(…)``.

        Args:
            name: the name, or a pattern of names.

        Returns:
            The service; ``None`` if no registry knows an instance of it.

        Raises:
            ServiceConfigurationError: as :meth:`get_service`.
            DiscoveryError: as :meth:`get_service`.
            TypeError: as :meth:`get_service`.
            ValueError: as :meth:`get_service`.
        """
        return await self._discovery.get_async(name)

    @property
    def is_running(self) -> bool:
        """Whether the service was started, and has not stopped yet. From any thread."""
        return self._run is not None and not self._run.has_ended

    def get_io_loop(self) -> IOLoop:
        """The event loop that the service is served on. From any thread.

        Raises:
            ServiceStateError: the service was not started, and was given no loop.
        """
        if self._run is not None and not self._run.has_ended:
            return self._run.io_loop
        if self._io_loop is not None:
            return self._io_loop
        raise ServiceStateError(f"{self.name} has no event loop before it is started")

    def get_executor(self) -> ThreadPoolExecutor:
        """The executor in which blocking methods run, for a coroutine's own. From any thread.

        What is handed to it runs in a copy of the caller's context, so that
        :func:`current_request` is known there too.
        """
        return self._executor.get()

    def start_thread(
        self,
        target: Callable[..., Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> threading.Thread:
        """Start a thread beside the service. From any thread.

        The thread does not keep the process alive. It should look at :attr:`is_running` now
        and then, because nobody can end it from outside.

        Args:
            target: what the thread calls.
            args: its positional arguments.
            kwargs: its keyword arguments.

        Returns:
            The thread, started.
        """
        thread = threading.Thread(
            target=target, args=tuple(args), kwargs=dict(kwargs or {}), daemon=True
        )
        thread.start()
        return thread

    def register_plugin(self, plugin: BasePlugin | Callable[[], BasePlugin] | str) -> None:
        """Add a plugin to this service, before it is started.

        Args:
            plugin: a plugin, a class or function that makes one, or the name of an installed
                one.

        Raises:
            MissingPluginNameError: the plugin has no name.
            PluginError: there is one of that name already.
            ServiceStateError: the service runs.
        """
        if self.is_running:
            raise ServiceStateError(f"{self.name} runs: register plugins before it is started")
        (made,) = make_parts([plugin], BasePlugin, "register_plugin()", load_plugin)
        add_plugin(self._plugins, made)
        self._registered_plugins.append(made)
        made.set_microservice(self)
        self._prepared = None  # it knows the plugins of its time

    def get_plugin(self, name: str) -> BasePlugin:
        """The plugin of that name. From any thread.

        Raises:
            PluginDoesNotExistError: the service has none of that name.
        """
        return find_plugin(self._plugins, name)

    def make_tornado_app(self) -> web.Application:
        """A Tornado application that answers the RPC endpoint and everything else.

        For embedding into a server of one's own, and for tests. :meth:`start` serves the
        application that this method makes, so that a subclass may add to it.

        Raises:
            ServiceConfigurationError: the service is declared in a way that can't work.
        """
        if not self.is_running:
            self._prepare()
        return make_application(self)

    # For the parts of this package.

    @property
    def _dispatcher(self) -> Dispatcher:
        return self._prepared if self._prepared is not None else self._prepare()

    def _put_together(self) -> None:
        """Make what the class lists."""
        self.logger = self.get_logger()
        self._modules = make_parts(self.modules, Container, "modules")
        self._methods = collect_methods([self, *self._modules])
        self._plugins: list[BasePlugin] = []
        listed = make_parts(self.plugins, BasePlugin, "plugins", load_plugin)
        for plugin in (*listed, *self._registered_plugins):
            add_plugin(self._plugins, plugin)
        self._events = EventHub(self, [self, *self._modules])
        self._discovery = DiscoveryHub(self)
        self._claim_parts()

    def _check_configured(self, attributes: Collection[str]) -> None:
        """Look whether the service can do with the values that these attributes were given."""
        check_name(self)
        check_settings(self)
        if not {"modules", "name", "plugins"}.isdisjoint(attributes):
            self.stop()  # what it has done with them before; it does not run
            self._put_together()
        self._events.prepare()
        self._discovery.prepare()
        make_tls_context(self)
        make_application(self)
        PeriodicTasks(self)

    def _prepare(self) -> Dispatcher:
        """Check what the class says, and make a new dispatcher of it."""
        check_name(self)
        check_settings(self)
        check_private_methods(self, self._methods, MicroService)
        self._events.prepare()
        self._discovery.prepare()
        self._claim_parts()
        self._prepared = Dispatcher(
            self._methods,
            authenticate=self.authenticate_request,
            blocking=BlockingCalls(
                self.get_executor,
                self.max_pending_blocking_calls,
                self.max_parallel_blocking_tasks,
            ),
            answers=LegacyAnswers() if self.legacy_responses else Answers(),
            limits=Limits(self.max_batch_size, self.max_batch_concurrency, self.method_timeout),
            plugins=self._plugins,
            logger=self.logger,
            debug=self.debug,
        )
        return self._prepared

    def _claim_parts(self) -> None:
        for part in (*self._modules, *self._plugins):
            part.set_microservice(self)
        self._events.claim()
        self._discovery.claim()

    def _begin(self, owns_loop: bool) -> Run:
        """Begin a new life, on the loop that runs."""
        check_constructed(self)
        if self.is_running:
            raise ServiceStateError(f"{self.name} runs already")
        run = Run(self, owns_loop)
        if self._io_loop is not None and self._io_loop is not run.io_loop:
            raise ServiceStateError(
                f"{self.name} was given another event loop than the one that runs here"
            )
        self._run = run
        return run

    def _is_own_thread(self) -> bool:
        run = self._run
        return self._executor.owns_this_thread() or (run is not None and run.is_on_this_thread())
