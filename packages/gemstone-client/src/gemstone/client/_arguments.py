"""The arguments of a RemoteService and its methods, checked. All raise TypeError or ValueError."""

import math
import os
from collections.abc import Iterable, Mapping
from typing import Any, Final

from .structs import MethodCall, Notification, Params

_LONGEST_TIMEOUT: Final = 1_000_000.0  # clocks and polls of the system overflow somewhere beyond


def as_method_call(method: object, params: Params) -> MethodCall:
    """The call that the arguments of ``call_method`` stand for."""
    if isinstance(method, str):
        return MethodCall(method, params)
    if isinstance(method, MethodCall):
        _refuse_params(params, "MethodCall")
        return method
    if isinstance(method, Notification):
        raise TypeError("a Notification has no answer: send it by notify()")
    raise TypeError(
        f"a method is called by its name (str) or a MethodCall, not by {type(method).__name__}"
    )


def as_notification(method: object, params: Params) -> Notification:
    """The notification that the arguments of ``notify`` stand for."""
    if isinstance(method, str):
        return Notification(method, params)
    if isinstance(method, Notification):
        _refuse_params(params, "Notification")
        return method
    if isinstance(method, MethodCall):
        raise TypeError("a MethodCall wants an answer: make it by call_method()")
    raise TypeError(
        f"a notification is a method's name (str) or a Notification, not {type(method).__name__}"
    )


def _refuse_params(params: Params, kind: str) -> None:
    if params is not None:
        raise TypeError(f"a {kind} holds its params already; give them only there")


def as_batch(calls: tuple[Any, ...]) -> list[MethodCall | Notification]:
    """The calls that the arguments of ``call_batch`` stand for."""
    if len(calls) == 1 and not isinstance(calls[0], MethodCall | Notification):
        if not isinstance(calls[0], Iterable):
            raise TypeError(
                "call_batch takes MethodCall and Notification objects, "
                f"not {type(calls[0]).__name__}"
            )
        calls = tuple(calls[0])
    ids = set()
    for call in calls:
        if not isinstance(call, MethodCall | Notification):
            raise TypeError(
                f"a batch holds MethodCall and Notification objects, not {type(call).__name__}"
            )
        if isinstance(call, MethodCall):
            if call.id in ids:
                raise ValueError(f"two calls of the batch have the id {call.id!r}")
            ids.add(call.id)
    return list(calls)


def checked_timeout(timeout: Any) -> float:
    """`timeout` in seconds, where it is one."""
    if isinstance(timeout, bool) or not isinstance(timeout, int | float):
        raise TypeError(
            f"timeout is a number of seconds, not {type(timeout).__name__}; every call has one"
        )
    if math.isnan(timeout) or not 0 < timeout <= _LONGEST_TIMEOUT:
        raise ValueError(
            f"timeout is {timeout!r} s; it is more than 0 and at most {_LONGEST_TIMEOUT:,.0f}"
        )
    return float(timeout)


def checked_max_connections(max_connections: Any) -> int:
    """`max_connections`, where it is a number of connections."""
    if isinstance(max_connections, bool) or not isinstance(max_connections, int):
        raise TypeError(f"max_connections is an integer, not {type(max_connections).__name__}")
    if max_connections < 1:
        raise ValueError(f"max_connections is {max_connections}; it is at least 1")
    return max_connections


def checked_max_attempts(max_attempts: Any) -> int:
    """`max_attempts`, where it is a number of attempts."""
    if isinstance(max_attempts, bool) or not isinstance(max_attempts, int):
        raise TypeError(f"max_attempts is an integer, not {type(max_attempts).__name__}")
    if max_attempts < 1:
        raise ValueError(f"max_attempts is {max_attempts}; it is at least 1")
    return max_attempts


def checked_idempotent(idempotent: Any) -> bool:
    """`idempotent`, where it is a boolean: anything else may be meant for another option."""
    if not isinstance(idempotent, bool):
        raise TypeError(f"idempotent is True or False, not {type(idempotent).__name__}")
    return idempotent


def checked_lifetime(lifetime: Any) -> float:
    """`lifetime` in seconds, where it is one."""
    if isinstance(lifetime, bool) or not isinstance(lifetime, int | float):
        raise TypeError(f"lifetime is a number of seconds, not {type(lifetime).__name__}")
    if math.isnan(lifetime) or lifetime < 0:
        raise ValueError(f"lifetime is {lifetime!r} s; it is 0 or more")
    return float(lifetime)


def checked_auth(auth: Any) -> Any:
    """`auth`, where it is something to authenticate with."""
    if auth is None or isinstance(auth, Mapping) or callable(auth):
        return auth
    if isinstance(auth, tuple) and len(auth) == 2 and all(isinstance(part, str) for part in auth):
        return auth
    raise TypeError(
        "authentication_method is a (user, password) tuple of strings, a mapping of headers or a "
        f"callable, not {type(auth).__name__}"
    )


def checked_verify(verify: Any) -> bool | str:
    """`verify` as requests takes it."""
    if isinstance(verify, bool):
        return verify
    if not isinstance(verify, str | os.PathLike):
        raise TypeError(f"verify is a boolean or a path, not {type(verify).__name__}")
    return _existing(os.fspath(verify), "verify")


def checked_cert(cert: Any) -> str | tuple[str, str] | None:
    """`cert` as requests takes it."""
    if cert is None:
        return None
    if isinstance(cert, str | os.PathLike):
        return _existing(os.fspath(cert), "cert")
    if isinstance(cert, tuple) and len(cert) == 2:
        certificate, key = cert
        return _existing(os.fspath(certificate), "cert"), _existing(os.fspath(key), "cert")
    raise TypeError(f"cert is a path or a tuple of two, not {type(cert).__name__}")


def _existing(path: str, argument: str) -> str:
    if not os.path.exists(path):  # noqa: PTH110  # requests takes strings
        raise ValueError(f"{argument}: there is no file {path!r}")
    return path
