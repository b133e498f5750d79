"""What goes into a call to another service, and what comes out of it."""

import itertools
import os
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, overload

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["AsyncMethodCall", "BatchResult", "MethodCall", "Notification", "Result"]

Params: TypeAlias = list[Any] | tuple[Any, ...] | dict[str, Any] | None
"""The params of a call: by position, by name, or none at all."""

CallId: TypeAlias = int | float | str
"""What identifies a call: JSON-RPC 2.0, section 4, allows strings and numbers."""

# Taking the next number is one C call, so it needs no lock. It starts anywhere, so that ids
# tell processes apart in a log, and don't collide with the small ones that people choose.
_next_id: Final = itertools.count(int.from_bytes(os.urandom(4), "big")).__next__


def _checked_method_name(method_name: object) -> str:
    if not isinstance(method_name, str):
        raise TypeError(f"a method's name is a string, not {_kind(method_name)}")
    if not method_name:
        raise ValueError("a method's name can't be empty")
    return method_name


def _checked_params(params: Any, method_name: str) -> Params:
    if params is None or isinstance(params, list | tuple):
        return params
    if not isinstance(params, dict):
        raise TypeError(
            f"the params of {method_name!r} are a list, a tuple or a dict, not {_kind(params)}"
        )
    for name in params:
        if not isinstance(name, str):
            raise TypeError(
                f"the params of {method_name!r} have the name {name!r}; names are strings"
            )
    return params


def _checked_id(id: Any) -> CallId:
    if isinstance(id, bool) or not isinstance(id, int | float | str):
        raise TypeError(f"a call's id is a string or a number, not {_kind(id)}")
    if isinstance(id, float) and id - id != 0:
        raise ValueError(f"a call's id is a finite number, not {id!r}")
    return id


def _kind(value: object) -> str:
    return type(value).__name__


class MethodCall:
    """One call of a method, that wants an answer.

    Two are equal when method, params and id are. May be used from any thread.

    Args:
        method_name: the name of the method.
        params: a list or tuple (by position), a dict (by name), or ``None`` for none. They
            are encoded when the call is sent, not here.
        id: a string or a number that no other call of the same batch has; ``None`` takes a
            number that is unique in this process.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: `method_name` is empty, or `id` is not finite.

    .. seealso:: JSON-RPC 2.0, section 4 "Request object".
    """

    __slots__ = ("id", "method_name", "params")

    method_name: str
    params: Params
    id: CallId

    def __init__(self, method_name: str, params: Params = None, id: CallId | None = None) -> None:
        self.method_name = _checked_method_name(method_name)
        self.params = _checked_params(params, method_name)
        self.id = _next_id() if id is None else _checked_id(id)

    def __repr__(self) -> str:
        return f"MethodCall({self.method_name!r}, {self.params!r}, id={self.id!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MethodCall):
            return NotImplemented
        return (self.method_name, self.params, self.id) == (
            other.method_name,
            other.params,
            other.id,
        )

    def __hash__(self) -> int:
        return hash((self.method_name, self.id))


class Notification:
    """One call of a method, that wants no answer.

    Two are equal when method and params are. May be used from any thread.

    Args:
        method_name: the name of the method.
        params: a list or tuple (by position), a dict (by name), or ``None`` for none.
        id: accepted so that the signature is :class:`MethodCall`'s, and ignored: what makes a
            notification is that it has no id.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: `method_name` is empty.

    .. seealso:: JSON-RPC 2.0, section 4.1 "Notification".
    """

    __slots__ = ("method_name", "params")

    method_name: str
    params: Params

    def __init__(self, method_name: str, params: Params = None, id: object = None) -> None:
        self.method_name = _checked_method_name(method_name)
        self.params = _checked_params(params, method_name)

    @property
    def id(self) -> None:
        """Always ``None``."""
        return None

    def __repr__(self) -> str:
        return f"Notification({self.method_name!r}, {self.params!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Notification):
            return NotImplemented
        return (self.method_name, self.params) == (other.method_name, other.params)

    def __hash__(self) -> int:
        return hash(self.method_name)


@dataclass(slots=True)
class Result:
    """The answer to one call.

    Args:
        result: what the method returned; ``None`` when it answered with an error.
        error: ``None``, or the error as it came: ``{"code": …, "message": …}`` and
            perhaps ``"data"``.
        id: the id of the call.
        method_call: the call that this is the answer to.

    .. seealso:: JSON-RPC 2.0, section 5 "Response object".
    """

    result: Any
    error: dict[str, Any] | None
    id: CallId | None
    method_call: MethodCall | None


class BatchResult:
    """The answers to a batch, in the order of its calls; notifications have none.

    Supports ``len``, iteration, indexing and comparison. May be used from any thread.

    Args:
        responses: the :class:`Result` of each call.
    """

    __slots__ = ("_responses",)

    def __init__(self, *responses: Result) -> None:
        self._responses = responses

    def get_response_for_call(self, method_call: MethodCall | Notification) -> Result | None:
        """The answer to one call of the batch.

        Args:
            method_call: an object that was given to ``call_batch``.

        Returns:
            Its :class:`Result`; ``None`` where there is none: it is a :class:`Notification`,
            or was not in the batch.
        """
        if not isinstance(method_call, MethodCall):
            return None
        for response in self._responses:
            if response.id == method_call.id:
                return response
        return None

    def __len__(self) -> int:
        return len(self._responses)

    def __iter__(self) -> Iterator[Result]:
        return iter(self._responses)

    @overload
    def __getitem__(self, index: int) -> Result: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Result, ...]: ...
    def __getitem__(self, index: int | slice) -> Result | tuple[Result, ...]:
        return self._responses[index]

    def __repr__(self) -> str:
        return f"BatchResult({', '.join(map(repr, self._responses))})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BatchResult):
            return NotImplemented
        return self._responses == other._responses

    __hash__ = None  # type: ignore[assignment]  # like the Results it holds


class AsyncMethodCall:
    """A call that was begun by ``call_method_async``, and goes on in another thread.

    Inside a coroutine, ``await`` it: that gives the :class:`Result`, or raises what the call
    raised, and never blocks the event loop. Cancelling the awaiting task does not cancel the
    call, which others may await too. All methods may be called from any thread.

    Args:
        req_obj: the :class:`MethodCall`.
        async_resp_object: a ``concurrent.futures.Future`` of its :class:`Result`.
        url: the service that is called, without credentials, for errors.

    Raises:
        TypeError: `async_resp_object` is something else.
    """

    __slots__ = ("__weakref__", "_future", "_url", "method_call")

    method_call: MethodCall

    def __init__(
        self, req_obj: MethodCall, async_resp_object: "Future[Result]", *, url: str = ""
    ) -> None:
        from concurrent.futures import Future

        if not isinstance(async_resp_object, Future):
            raise TypeError(
                "an AsyncMethodCall is made from a concurrent.futures.Future, "
                f"not from {_kind(async_resp_object)}"
            )
        self.method_call = req_obj
        self._future = async_resp_object
        self._url = url

    def result(self, wait: bool = False) -> Result:
        """The :class:`Result` of the call, as ``call_method`` would have returned it.

        Args:
            wait: block this thread until the call has finished. Never do so on the thread of
                an event loop: ``await`` the call there.

        Raises:
            RuntimeError: the call has not finished, and `wait` is false.
            RemoteServiceError: what the call raised.
        """
        if not wait and not self._future.done():
            raise RuntimeError(
                f"the call of {self.method_call.method_name!r} has not finished: "
                "await it, or use result(wait=True)"
            )
        return self._future.result()

    def finished(self) -> bool:
        """Whether the call has ended, in whichever way."""
        return self._future.done()

    def successful(self) -> bool:
        """Whether the call has ended and the method returned a value.

        That is: it raised nothing, was not cancelled, and the other side did not answer with an
        error. ``False`` as long as it has not finished.
        """
        future = self._future
        if not future.done() or future.cancelled() or future.exception() is not None:
            return False
        return future.result().error is None

    # With a public name asyncio would take this for a future of its own, and wait for ever.
    def _add_done_callback(self, callback: "Callable[[AsyncMethodCall], object]") -> None:
        """Have `callback` called with this call when it has finished.

        Args:
            callback: called on the thread that finishes the call (which waits for it), or at
                once on the calling thread when the call has finished already. What it raises is
                logged by ``concurrent.futures`` and goes no further.
        """
        self._future.add_done_callback(lambda _: callback(self))

    def __await__(self) -> Generator[Any, None, Result]:
        import asyncio
        from concurrent.futures import Future

        # A future of each one who awaits: what cancels it leaves the call and the others alone.
        mine: Future[Result] = Future()
        self._future.add_done_callback(lambda _: self._tell(mine))
        return asyncio.wrap_future(mine).__await__()

    def _tell(self, other: "Future[Result]") -> None:
        if self._future.cancelled():
            other.cancel()
        if not other.set_running_or_notify_cancel():
            return
        exc = self._future.exception()
        if exc is not None:
            other.set_exception(exc)
        else:
            other.set_result(self._future.result())

    def __reduce__(self) -> Any:
        raise TypeError(
            "an AsyncMethodCall can't be pickled or copied: it goes on in a thread of this process"
        )

    def __repr__(self) -> str:
        future = self._future
        if not future.done():
            state = "under way" if future.running() else "pending"
        elif future.cancelled():
            state = "cancelled"
        else:
            state = "succeeded" if self.successful() else "failed"
        return f"<AsyncMethodCall of {self.method_call.method_name!r}: {state}>"
