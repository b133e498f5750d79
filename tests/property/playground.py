"""A service to be called in every wrong way, and the same methods without gemstone."""

import threading
from collections.abc import Callable
from typing import Any

import gemstone

MAX_BATCH_SIZE = 6


class OwnError(Exception):
    """What :data:`METHODS` raise for an error of the method's own."""

    code, message = 7, "no"


class WrongParams(Exception):
    """The params do not fit."""


class Playground(gemstone.MicroService):
    """Every call that is executed goes into ``calls``."""

    name = "playground"
    port = 0
    drain_grace = 0
    max_batch_size = MAX_BATCH_SIZE
    max_body_size = 1_000_000

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, Any]] = []
        self._lock = threading.Lock()

    def _note(self, name: str, params: Any) -> None:
        with self._lock:
            self.calls.append((name, gemstone.current_request().params))
        assert gemstone.current_request().method == name

    @gemstone.exposed_method()
    async def echo(self, value):
        self._note("echo", value)
        return value

    @gemstone.exposed_method()
    def blocking(self, value=None):
        self._note("blocking", value)
        return value

    @gemstone.exposed_method("names.and.values")
    async def names(self, **values):
        self._note("names.and.values", values)
        return values

    @gemstone.exposed_method()
    async def many(self, *values):
        self._note("many", values)
        return values

    @gemstone.exposed_method()
    async def fails(self):
        self._note("fails", [])
        raise TypeError("\ud800")

    @gemstone.exposed_method()
    def own_error(self):
        self._note("own_error", [])
        raise gemstone.errors.RpcError(OwnError.code, OwnError.message, {"more": [1]})

    @gemstone.exposed_method(private=True)
    async def private(self, value):
        raise AssertionError("nobody is let in")

    def authenticate_request(self, handler):
        return False


def _one(params: Any, *default: Any) -> Callable[[], Any]:
    """Takes the one param `value`."""
    if isinstance(params, dict):
        if not set(params) <= {"value"}:
            raise WrongParams
        params = list(params.values())
    if len(params) > 1 or (not params and not default):
        raise WrongParams
    return lambda: params[0] if params else default[0]


def _names(params: Any) -> Callable[[], Any]:
    if isinstance(params, list):
        if params:
            raise WrongParams
        return dict
    return lambda: params


def _many(params: Any) -> Callable[[], Any]:
    if isinstance(params, dict):
        if params:
            raise WrongParams
        return list
    return lambda: params


def _fails(params: Any) -> Callable[[], Any]:
    def fail() -> Any:
        raise TypeError

    if params:
        raise WrongParams
    return fail


def _own_error(params: Any) -> Callable[[], Any]:
    def fail() -> Any:
        raise OwnError

    if params:
        raise WrongParams
    return fail


#: What takes the params of a method, and gives what it does with them.
METHODS: dict[str, Callable[[Any], Callable[[], Any]]] = {
    "echo": _one,
    "blocking": lambda params: _one(params, None),
    "names.and.values": _names,
    "many": _many,
    "fails": _fails,
    "own_error": _own_error,
}
PRIVATE = {"private"}
