"""``service.methods``: the other side's methods, called like functions."""

from typing import TYPE_CHECKING, Any

from ..errors import RemoteCallError

if TYPE_CHECKING:
    from .remote_service import RemoteService


class RemoteMethod:
    """A method of a service. Attributes of it are methods with dotted names.

    Args:
        service: whose method it is.
        name: its name; empty for ``service.methods`` itself.
    """

    __slots__ = ("_name", "_service")

    def __init__(self, service: "RemoteService", name: str = "") -> None:
        self._service = service
        self._name = name

    def __getattr__(self, name: str) -> "RemoteMethod":
        # Python itself looks for such names, for example to copy an object.
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return RemoteMethod(self._service, f"{self._name}.{name}" if self._name else name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the method with params by position or by name.

        Returns:
            What the method returned.

        Raises:
            TypeError: params by position and by name are mixed.
            RemoteCallError: the method answered with an error.
            RemoteServiceError: there was no answer, as ``call_method`` raises it.
        """
        if not self._name:
            raise TypeError("name a method: service.methods.<name>(…)")
        if args and kwargs:
            raise TypeError(
                f"{self._name} was called with params by position and by name; JSON-RPC 2.0 "
                "has one or the other"
            )
        result = self._service.call_method(self._name, args or kwargs or None)
        if result.error is not None:
            raise remote_call_error(result.error, self._service.url)
        return result.result

    def __repr__(self) -> str:
        return f"<method {self._name or '…'} of {self._service!r}>"


def remote_call_error(error: dict[str, Any], url: str) -> RemoteCallError:
    """The exception that says what a checked error member of an answer says."""
    return RemoteCallError(error["message"], url, error["code"], error.get("data"))
