"""What a service is put together from: things that belong to one service at a time."""

import copy
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from gemstone.errors import ServiceConfigurationError, ServiceStateError

from ._backends import mask_password

if TYPE_CHECKING:
    from ._microservice import MicroService


class Part:
    """Something that belongs to one service at a time."""

    _microservice: "MicroService | None" = None

    @property
    def microservice(self) -> "MicroService":
        """The service that this belongs to.

        Raises:
            ServiceStateError: it belongs to none yet.
        """
        if self._microservice is None:
            raise ServiceStateError(
                f"{self!r} belongs to no service yet: list it in a service's class, and "
                "create the service"
            )
        return self._microservice

    def set_microservice(self, microservice: "MicroService") -> None:
        """Told by a service that this belongs to it from now on.

        Raises:
            ServiceConfigurationError: it belongs to another service, which is running.
        """
        owner = self._microservice
        if owner is not None and owner is not microservice and owner.is_running:
            raise ServiceConfigurationError(
                f"{self!r} already belongs to the running service {owner.name!r}: list the "
                "class instead of an instance, and each service makes its own"
            )
        self._microservice = microservice


AnyPart = TypeVar("AnyPart", bound=Part)


def make_parts(
    listed: Iterable[object],
    kind: type[AnyPart],
    attribute: str,
    by_name: Callable[[str], object] | None = None,
) -> list[AnyPart]:
    """The parts that a list in a service's class stands for.

    An instance that belongs to a service already, and says by ``__copy__`` how to make another
    one of it, is copied: so several services can be made of one class that lists instances.

    Args:
        listed: instances, classes or factories without arguments, or names.
        kind: what each of them must turn out to be.
        attribute: the name of the list, for messages.
        by_name: finds what a name stands for, if names are allowed.

    Raises:
        ServiceConfigurationError: one of them is something else.
    """
    if isinstance(listed, str) or not isinstance(listed, Iterable):
        raise ServiceConfigurationError(
            f"{attribute} must be a list, not {mask_password(repr(listed))}"
        )
    parts = []
    for entry in listed:
        part = by_name(entry) if by_name is not None and isinstance(entry, str) else entry
        if not isinstance(part, kind) and callable(part):
            part = part()
        elif isinstance(part, kind) and part._microservice is not None and _has_copy(part):
            part = copy.copy(part)
        if not isinstance(part, kind):
            raise ServiceConfigurationError(
                f"{attribute} lists {mask_password(repr(entry))}, which is no {kind.__name__}, "
                "and no class or function that makes one"
            )
        parts.append(part)
    return parts


def unclaimed_copy(part: AnyPart, *left_out: str) -> AnyPart:
    """A copy that belongs to no service: same class, same attributes, made without a constructor.

    Args:
        part: what to copy.
        left_out: attributes that are not copied, or the beginnings of their names.
    """
    copied = object.__new__(type(part))
    for name, value in vars(part).items():
        if not name.startswith(("_microservice", *left_out)):
            setattr(copied, name, value)
    return copied


def _has_copy(part: Part) -> bool:
    return hasattr(type(part), "__copy__")
