"""What a method can know about the call that it answers."""

import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from gemstone.errors import ServiceStateError

if TYPE_CHECKING:
    from ._rpc._messages import Call


class Exchange(Protocol):
    """What carries a body to the dispatcher: for HTTP, one request and its answer.

    It belongs to one request, and is the one place where that request keeps state.

    Attributes:
        called: the name of the method that it calls, noted when it is known; empty before, and for
            a batch.
    """

    called: str

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that came with the body; names are found in any case."""
        ...

    @property
    def timeout(self) -> str | None:
        """The header ``Gemstone-Timeout-Ms`` as it came, ``None`` without one.

        If it was sent more than once, all of them, joined by commas.
        """
        ...

    @property
    def came(self) -> float:
        """When the head of the message was there, in seconds of :func:`time.monotonic`.

        Known only of a message that has a timeout.
        """
        ...

    @property
    def peer(self) -> str | None:
        """The address of the other side, as far as the carrier knows one."""
        ...

    async def handler(self) -> Any:
        """The Tornado request handler of this exchange, made when it is first asked for."""
        ...


class Request(msgspec.Struct, eq=False):
    """The call that a method is answering, as :func:`current_request` gives it.

    Attributes:
        method: the name that the client called.
        params: the params as they came, a list or a dict.
        deadline: when the answer must be there, in seconds of :func:`time.monotonic`, or
            ``None``: what the client has given it, or ``method_timeout`` if that is nearer.
    """

    _exchange: Exchange
    method: str
    params: list[Any] | dict[str, Any]
    _id: bytes
    deadline: float | None

    @property
    def id(self) -> Any:
        """The id of the call, ``None`` for a notification."""
        if not self._id:
            return None
        try:
            return msgspec.json.decode(self._id)
        except msgspec.ValidationError:  # a number beyond those of Python
            return self._id.decode()

    @property
    def is_notification(self) -> bool:
        """Whether the client wants no answer."""
        return not self._id

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the HTTP request; names are found in any case."""
        return self._exchange.headers

    @property
    def peer(self) -> str | None:
        """The IP address of the client, or ``None`` where the carrier knows none."""
        return self._exchange.peer

    def remaining(self) -> float | None:
        """How many seconds are left until the deadline, at least 0; ``None`` without one."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    def __repr__(self) -> str:
        return f"<Request {self.method!r} from {self.peer}>"


#: What a :class:`Request` is made of: what brought the call, the call, its id and its deadline. The
#: rest is for whoever executes it.
Noted = tuple[Exchange, "Call", bytes, float | None, *tuple[object, ...]]

#: Most methods never ask for their request: so it is noted here, and made for who asks.
CURRENT: ContextVar[Request | Noted] = ContextVar("gemstone_current_request")


def current_request() -> Request:
    """The call that is being answered here.

    May be called in any exposed method, of whatever kind and on whatever thread it runs,
    and in everything that it calls.

    Raises:
        ServiceStateError: no call is being answered here.
    """
    try:
        current = CURRENT.get()
    except LookupError:
        raise ServiceStateError(
            "current_request() was called outside of a call: it is there in exposed methods, "
            "and not in threads that they start themselves"
        ) from None
    if isinstance(current, tuple):
        current = request_of(current)
        CURRENT.set(current)
    return current


def request_of(noted: Noted) -> Request:
    """What a method is told of a call."""
    exchange, call, id, deadline, *_ = noted
    return Request(exchange, call.method, call.params, id, deadline)
