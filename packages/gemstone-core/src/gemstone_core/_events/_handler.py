"""``@event_handler``: how the author of a service says what is called for which event."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple, TypeVar, get_args

from tornado import gen

from gemstone.errors import ServiceConfigurationError

from .._marks import describe, marked_function, marked_methods, put_mark
from ._event import Event, check_event_name

AnyCallable = TypeVar("AnyCallable", bound=Callable[..., Any])

_MARK: Final = "__gemstone_handles__"
#: How an annotation may be written that is not evaluated.
_EVENT_ANNOTATIONS: Final = ("Event", "event.Event", "gemstone.event.Event", "gemstone.Event")
_Kind = inspect.Parameter
_POSITIONAL: Final = (_Kind.POSITIONAL_ONLY, _Kind.POSITIONAL_OR_KEYWORD)


class Subscription(NamedTuple):
    """What one decorator said."""

    event_name: str
    blocking: bool


def event_handler(
    event_name: str, *, blocking: bool = False
) -> Callable[[AnyCallable], AnyCallable]:
    """Have a method of a service, or of a module of it, called for each event of a name.

    May be put onto a method several times, for several events; an event may have several
    handlers. The method is given the event's body; its parameter that is named ``event``, or
    annotated as :class:`Event`, is given the event itself. What kind of method it is decides
    where it runs:

    - a plain function runs on the event loop, one event after the other, so it must not
      block;
    - an ``async def`` is a task on the event loop, up to ``max_concurrent_events`` at once;
    - a plain function with ``blocking=True`` runs in the service's executor.

    What a handler raises is logged, and disturbs nothing else.

    Args:
        event_name: which events: 1 to 200 letters, digits, dots, underscores and hyphens.
        blocking: whether the method may block.

    Returns:
        The method, unchanged but for a mark.

    Raises:
        InvalidEventError: the name is none that an event can have.
        TypeError: what is decorated is not a function.
        ValueError: the function is of a kind that can't handle events: a generator, or a
            coroutine function that is said to block.
    """
    if callable(event_name):
        raise TypeError('write @event_handler("name"): it needs the name of the event')
    check_event_name(event_name)
    if not isinstance(blocking, bool):
        raise TypeError(f"blocking is True or False, not {blocking!r}")

    def mark(method: AnyCallable) -> AnyCallable:
        function = marked_function(method, "event_handler")
        _check_kind(function, blocking)
        subscription = Subscription(event_name, blocking)
        # The decorator nearest to the method comes first, but readers begin at the top.
        others = getattr(function, _MARK, ())
        put_mark(method, _MARK, (subscription, *others), "event_handler")
        return method

    return mark


class EventHandler:
    """A method that is called for events of one name, made ready when the service is created.

    Attributes:
        event_name: the name of the events.
        origin: where the method was defined.
        is_plain: whether it runs on the loop as it is, and is done when it returns.
        is_blocking: whether it runs in the executor.

    Raises:
        ServiceConfigurationError: the method takes what no event brings.
    """

    __slots__ = (
        "_function",
        "_keywords",
        "_leading",
        "event_name",
        "is_blocking",
        "is_plain",
        "origin",
    )

    def __init__(self, subscription: Subscription, function: Callable[..., Any]) -> None:
        self.event_name = subscription.event_name
        self.origin = describe(function)
        self.is_blocking = subscription.blocking
        self.is_plain = not (self.is_blocking or _is_coroutine(function))
        self._function = function
        self._leading, self._keywords = _arguments(function, self.origin)

    def call(self, event: Event) -> Any:
        """Call the method.

        Returns:
            What it returns: of a coroutine function, something to await.

        Raises:
            Exception: whatever it raises.
        """
        if self._leading == _JUST_THE_BODY and not self._keywords:
            return self._function(event.body)
        given = {_BODY: event.body, _EVENT: event}
        return self._function(
            *[given[what] for what in self._leading],
            **{name: given[what] for name, what in self._keywords.items()},
        )


_BODY: Final = "body"
_EVENT: Final = "event"
_JUST_THE_BODY: Final = (_BODY,)


def collect_handlers(owners: Iterable[object]) -> dict[str, list[EventHandler]]:
    """The event handlers of a service and its modules, by the names of their events.

    Raises:
        ServiceConfigurationError: one of them takes what no event brings.
    """
    handlers: dict[str, list[EventHandler]] = {}
    for owner in owners:
        for subscriptions, function in marked_methods(owner, _MARK):
            for subscription in subscriptions:
                handler = EventHandler(subscription, function)
                handlers.setdefault(handler.event_name, []).append(handler)
    return handlers


def _arguments(function: Callable[..., Any], origin: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """What a method is given by position, and what by name."""
    leading: list[str] = []
    keywords: dict[str, str] = {}
    wanted = {_BODY, _EVENT}
    in_a_row = True
    for parameter in _signature(function).parameters.values():
        what = None
        # One of positional-only parameters can't be left out before another is given.
        in_reach = in_a_row or parameter.kind is not _Kind.POSITIONAL_ONLY
        if _takes_event(parameter) and _EVENT in wanted and in_reach:
            what = _EVENT
        elif parameter.kind in (*_POSITIONAL, _Kind.VAR_POSITIONAL) and _BODY in wanted:
            what = _BODY
        if what is not None:
            wanted.discard(what)
            if in_a_row and parameter.kind is not _Kind.KEYWORD_ONLY:
                leading.append(what)
            else:
                keywords[parameter.name] = what
        elif parameter.kind in _POSITIONAL and parameter.default is not _Kind.empty:
            in_a_row = False
        elif parameter.default is _Kind.empty and parameter.kind not in (
            _Kind.VAR_POSITIONAL,
            _Kind.VAR_KEYWORD,
        ):
            raise ServiceConfigurationError(
                f"the event handler {origin} can't be called: nothing is there for its parameter "
                f"{parameter.name!r}; it is given the event's body, and the event for a parameter "
                "that is named event or annotated as gemstone.event.Event"
            )
    if not leading and not keywords:
        raise ServiceConfigurationError(
            f"the event handler {origin} can't be called: it has no parameter for the event's body"
        )
    return tuple(leading), keywords


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    """Its signature; annotations that are strings are evaluated, if all of them can be."""
    try:
        return inspect.signature(function, eval_str=True)
    except Exception:  # they may be there for type checkers only
        return inspect.signature(function)


def _takes_event(parameter: inspect.Parameter) -> bool:
    if parameter.kind in (_Kind.VAR_POSITIONAL, _Kind.VAR_KEYWORD):
        return False
    annotation = parameter.annotation
    return (
        parameter.name == "event"
        or annotation is Event
        or Event in get_args(annotation)  # as in Event | None
        or annotation in _EVENT_ANNOTATIONS
    )


def _is_coroutine(function: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(function) or gen.is_coroutine_function(function)


def _check_kind(function: Callable[..., Any], blocking: bool) -> None:
    where = describe(function)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise ValueError(
            f"{where} is a generator, which nobody would iterate over: leave out yield"
        )
    if blocking and _is_coroutine(function):
        raise ValueError(f"{where} is a coroutine function: leave out blocking=True")
