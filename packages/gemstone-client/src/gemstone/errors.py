"""Every error that gemstone raises, in one tree.

::

    GemstoneError
    ├── ServiceConfigurationError (also a ValueError)
    │   ├── BackendError
    │   └── ServiceAddressError
    ├── ServiceStateError (also a RuntimeError)
    ├── ShutdownTimeoutError
    ├── RpcError
    ├── RemoteServiceError
    │   ├── CalledServiceError
    │   ├── RemoteConnectionError (also a ConnectionError)
    │   │   └── ServiceUnavailableError
    │   ├── RemoteTimeoutError (also a TimeoutError)
    │   ├── MalformedResponseError
    │   └── RemoteCallError
    ├── DiscoveryError
    ├── EventError
    │   ├── InvalidEventError (also a ValueError)
    │   ├── EventBrokerError (also a ConnectionError)
    │   ├── EventBufferFullError
    │   ├── EventExpiredError
    │   ├── EventRefusedError
    │   └── EventUnconfirmedError (also a ConnectionError)
    └── PluginError
        ├── MissingPluginNameError
        └── PluginDoesNotExistError

``except GemstoneError`` catches whatever the library itself has to say;
``except RemoteServiceError`` whatever can go wrong in a call to another service;
``except DiscoveryError`` whatever can go wrong in asking where a service is;
``except EventError`` whatever can become of an event.
"""

from typing import Any

__all__ = [
    "BackendError",
    "CalledServiceError",
    "DiscoveryError",
    "EventBrokerError",
    "EventBufferFullError",
    "EventError",
    "EventExpiredError",
    "EventRefusedError",
    "EventUnconfirmedError",
    "GemstoneError",
    "InvalidEventError",
    "MalformedResponseError",
    "MissingPluginNameError",
    "PluginDoesNotExistError",
    "PluginError",
    "RemoteCallError",
    "RemoteConnectionError",
    "RemoteServiceError",
    "RemoteTimeoutError",
    "RpcError",
    "ServiceAddressError",
    "ServiceConfigurationError",
    "ServiceStateError",
    "ServiceUnavailableError",
    "ShutdownTimeoutError",
]


class GemstoneError(Exception):
    """Base of every error that gemstone raises."""


class ServiceConfigurationError(GemstoneError, ValueError):
    """A service, or something it is put together from, is declared in a way that can't work.

    Raised when a service is created or started, never while it answers calls.
    """


class BackendError(ServiceConfigurationError):
    """A URL asks for an event transport or a discovery strategy that can't be had.

    Nothing of its scheme is installed, two distributions offer it, or it can't be imported.
    """


class ServiceAddressError(ServiceConfigurationError):
    """A service can't listen on its host and port: the port is taken, say.

    Raised by ``serve()`` and ``start_in_thread()``; ``start()`` prints it as one line, and
    ends the process with status 1.
    """


class ServiceStateError(GemstoneError, RuntimeError):
    """Something was asked of a service that it can't do in its present state.

    For example its event loop before it was started, or a second start while it runs.
    """


class ShutdownTimeoutError(GemstoneError):
    """A service was stopped, but some of its work had not ended within ``shutdown_timeout``.

    Raised by ``serve()`` and by the end of ``start_in_thread()``; ``start()`` ends the
    process instead.
    """


class RpcError(GemstoneError):
    """Raised by an exposed method, to answer a call with an error of its own.

    Args:
        code: the JSON-RPC error code. The specification keeps -32768 to -32000 for
            itself, so an application's own codes lie outside of that range.
        message: one short sentence for the caller.
        data: more about the error, anything that can be encoded as JSON.

    Raises:
        TypeError: `code` is not an integer, or `message` is not a string.

    .. seealso:: JSON-RPC 2.0, section 5.1 "Error object".
    """

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        if not isinstance(code, int) or isinstance(code, bool):
            raise TypeError(f"an RpcError's code is an integer, not {code!r}")
        if not isinstance(message, str):
            raise TypeError(f"an RpcError's message is a string, not {message!r}")
        # All arguments go to Exception, so that the error survives pickling.
        super().__init__(code, message, data)
        self.code = code
        self.message = message
        self.data = data

    def __str__(self) -> str:
        return f"{self.message} ({self.code})"


class RemoteServiceError(GemstoneError):
    """Base of what can go wrong in a call to another service.

    Args:
        message: what went wrong, where, and what to do.
        url: the endpoint that was called, without its credentials.

    Attributes:
        was_sent: ``False`` where it is certain that the call reached no service, so that making
            it again can't execute it twice.
    """

    was_sent: bool = True

    def __init__(self, message: str, url: str = "") -> None:
        super().__init__(message, url)
        self.message = message
        self.url = url

    def __str__(self) -> str:
        return self.message


class CalledServiceError(RemoteServiceError):
    """The other side answered with an HTTP status that carries no JSON-RPC answer.

    Args:
        message: what went wrong.
        url: the endpoint that was called, without its credentials.
        status: the HTTP status code of the answer.
    """

    def __init__(self, message: str, url: str = "", status: int = 0) -> None:
        super().__init__(message, url)
        self.args = (message, url, status)
        self.status = status


class RemoteConnectionError(RemoteServiceError, ConnectionError):
    """No connection to the service, or it broke before the whole answer had come."""


class ServiceUnavailableError(RemoteConnectionError):
    """No instance of a service that was found by its name can be called now.

    None is registered any more, or all of them have failed lately and have not answered since.
    The call reached none of them.
    """

    was_sent = False


class RemoteTimeoutError(RemoteServiceError, TimeoutError):
    """The service did not answer in time. Whether it did what was asked is unknown."""


class MalformedResponseError(RemoteServiceError):
    """What came back is not an answer to what was asked. The message quotes its start,
    unless the request carried credentials."""


class RemoteCallError(RemoteServiceError):
    """The other side answered the call with an error, where the caller asked for a value.

    When it escapes from an exposed method it is an internal error (-32603) of that
    method's service, like any other exception: another service's error codes are never
    passed on as one's own.

    Args:
        message: what the other side said.
        url: the endpoint that was called, without its credentials.
        code: the JSON-RPC error code of the answer.
        data: what the other side said more, or ``None``.
    """

    def __init__(self, message: str, url: str = "", code: int = 0, data: Any = None) -> None:
        super().__init__(message, url)
        self.args = (message, url, code, data)
        self.code = code
        self.data = data

    def __str__(self) -> str:
        return f"{self.message} ({self.code})"


class DiscoveryError(GemstoneError):
    """A registry could not be asked where a service is, or told so; or it answered nonsense."""


class EventError(GemstoneError):
    """Base of what can go wrong with an event; the receipt of one that was emitted raises it."""


class InvalidEventError(EventError, ValueError):
    """The name of an event, or its body, is none that can travel.

    Raised by ``emit_event()`` at once; of an event that came, it is logged.
    """


class EventBrokerError(EventError, ConnectionError):
    """The broker can't be asked for its dead letters, or told to forget a service."""


class EventBufferFullError(EventError):
    """``emit_buffer_size`` events wait for the broker already: this one was not emitted."""


class EventExpiredError(EventError):
    """The broker did not take the event within ``emit_timeout``: it was not emitted."""


class EventRefusedError(EventError):
    """The broker, or the transport, does not take this event: it was not emitted."""


class EventUnconfirmedError(EventError, ConnectionError):
    """The connection broke before the broker had confirmed the event.

    Whether the others have it is unknown; it is not sent again, so that none gets it twice.
    """


class PluginError(GemstoneError):
    """Base of what can go wrong with plugins."""


class MissingPluginNameError(PluginError):
    """A plugin has no ``name``."""


class PluginDoesNotExistError(PluginError, LookupError):
    """No plugin of that name."""
