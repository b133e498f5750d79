"""One call: where it goes, and where it goes then, if it got no answer; all by one deadline."""

import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

from ..deadlines import current_deadline
from ..errors import (
    CalledServiceError,
    RemoteConnectionError,
    RemoteServiceError,
    RemoteTimeoutError,
    ServiceUnavailableError,
)
from ._answers import Answer
from ._instance import Instance
from ._instances import CONNECT_WITHIN, Instances
from ._one_endpoint import OneEndpoint
from ._options import Options
from ._preparation import Preparation

#: Seconds before a call is made again: at first, and at most.
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0
#: What gateways say of a service that they can't reach (RFC 9110, section 15.6).
_GATEWAY_STATUSES: Final = (502, 503, 504)
#: How often a call goes to somebody else who refuses it, at most.
_MOST_REFUSALS: Final = 100

_T = TypeVar("_T")


def make_call(
    service: Instances | OneEndpoint,
    preparation: Preparation,
    options: Options,
    body: bytes,
    read: Callable[[Answer], _T],
) -> _T:
    """Send a body until there is an answer, as often as that is allowed.

    What reached nobody is sent to somebody else, if there are others. What may have been executed
    is sent again only if that does no harm.

    Args:
        service: whom to call.
        preparation: what requests are made with.
        options: how often, and how long.
        body: what to send.
        read: gives what the answer says, or raises if it is none.

    Raises:
        RemoteServiceError: there was no answer, or as `read` raises it.
        ServiceStateError: the service was closed.
    """
    deadline = time.monotonic() + options.timeout
    outer = current_deadline()
    if outer is not None:
        deadline = min(deadline, outer)
    tried: list[Instance] = []
    attempts, may_have_arrived = 0, False
    while True:
        try:
            left = options.max_attempts - attempts if options.idempotent else 1
            return _attempt(service, preparation, body, read, tried, deadline, left)
        except RemoteServiceError as error:
            has_arrived = error.was_sent
            error.was_sent = may_have_arrived = may_have_arrived or has_arrived
            if not has_arrived and _may_go_elsewhere(service, error, tried):
                pause = 0.0
            else:
                attempts += 1
                if not (options.idempotent and attempts < options.max_attempts):
                    raise
                if not _may_be_better_later(error):
                    raise
                pause = min(_FIRST_PAUSE * 2 ** (attempts - 1), _LONGEST_PAUSE)
                pause *= random.uniform(0.5, 1.0)
            if time.monotonic() + pause >= deadline:
                raise
        time.sleep(pause)


def _attempt(
    service: Instances | OneEndpoint,
    preparation: Preparation,
    body: bytes,
    read: Callable[[Answer], _T],
    tried: list[Instance],
    deadline: float,
    attempts_left: int,
) -> _T:
    instance = service.choose(tried, deadline)
    tried.append(instance)
    connections = instance.connections
    template = preparation.template(connections)
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        error = RemoteTimeoutError(
            f"{connections.shown} was not called: the deadline has passed", connections.shown
        )
        error.was_sent = False
        try:
            raise error
        finally:
            del error  # this frame is in its traceback
    connect_within = CONNECT_WITHIN if service.has_others else None
    # One that hangs must leave time for those that it may be made again by.
    timeout = remaining / min(attempts_left, 1 + service.count_others(tried))
    try:
        answer = connections.post(template, body, timeout, read, connect_within)
    except RemoteServiceError as exc:
        if not exc.was_sent or isinstance(exc, RemoteConnectionError | RemoteTimeoutError):
            service.has_failed(instance, exc, refused=_has_refused(exc, timeout))
        else:  # an answer, though not the right one
            instance.has_answered()
        raise
    instance.has_answered()
    return answer


def _has_refused(error: RemoteServiceError, timeout: float) -> bool:
    """Whether an instance accepts no connection, in a time that is enough for that."""
    in_time = timeout >= CONNECT_WITHIN or not isinstance(error, RemoteTimeoutError)
    return in_time and not error.was_sent


def _may_go_elsewhere(
    service: Instances | OneEndpoint, error: RemoteServiceError, tried: list[Instance]
) -> bool:
    nobody = isinstance(error, ServiceUnavailableError)
    return service.has_others and not nobody and len(tried) < _MOST_REFUSALS


def _may_be_better_later(error: RemoteServiceError) -> bool:
    if isinstance(error, CalledServiceError):
        return error.status in _GATEWAY_STATUSES
    return isinstance(error, RemoteConnectionError | RemoteTimeoutError)
