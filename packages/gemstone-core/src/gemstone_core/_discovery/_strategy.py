"""``BaseDiscoveryStrategy``: how services say where they are, and how others find them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from gemstone.errors import DiscoveryError, ServiceConfigurationError

from .._parts import Part, unclaimed_copy

if TYPE_CHECKING:
    from .._microservice import MicroService


class BaseDiscoveryStrategy(Part, ABC):
    """Base of discovery strategies: what talks to a registry of services.

    :meth:`ping` and :meth:`locate` are all that a strategy must have. All methods may block, and
    are never called on an event loop's thread: a service calls :meth:`ping` and
    :meth:`unregister` in one thread, :meth:`locate` in others, several at once. A registry that
    can't be reached should make them raise within a few seconds.
    To be better than that, a strategy overrides

    - :meth:`unregister`, so that a service that stops is not found any more;
    - :meth:`services`, so that ``gemstone services`` can show what the registry knows;
    - :meth:`close`, to let its connections go;
    - :meth:`from_url`, so that it can be listed by a URL, and an entry point of the group
      ``gemstone.discovery_strategies`` for each scheme;
    - ``__str__``, which is what the log calls it: without a password;
    - ``__copy__``, if each of several services that list one instance should have a copy, with
      connections of its own, which :meth:`renewed` makes. Without it they share the instance.

    Constructors only remember what they are given: they connect to nothing, and start nothing.

    Attributes:
        registers: whether :meth:`ping` tells anybody anything. If not, services don't call it.
    """

    registers: ClassVar[bool] = True

    # To be overridden.

    @abstractmethod
    def ping(self, name: str, location: str, **kwargs: Any) -> None:
        """Say that a service is at a location, for the next while.

        It is called again and again, every ``service_registry_ping_interval`` seconds.

        Args:
            name: the name of the service.
            location: the URL at which others reach it.
            kwargs: nothing yet; a strategy may do without.

        Raises:
            Exception: the registry could not be told.
        """

    @abstractmethod
    def locate(self, name: str) -> Sequence[str]:
        """Where the instances of a service are, as the registry knows now. From any thread.

        Args:
            name: the name of the service, or a pattern like ``project.worker.*``, as
                :func:`fnmatch.fnmatchcase` has them.

        Returns:
            Their URLs; none if it knows nobody of that name.

        Raises:
            Exception: the registry could not be asked.
        """

    def unregister(self, name: str, location: str) -> None:
        """Say that a service is not at a location any more. By default nothing: it expires.

        Args:
            name: the name of the service.
            location: what was given to :meth:`ping`.

        Raises:
            Exception: the registry could not be told.
        """

    def services(self) -> Mapping[str, Sequence[str]]:
        """All services that the registry knows now. From any thread.

        It is asked by people, never for a call. By default it raises.

        Returns:
            The URLs of the instances of each service, by its name; services without any are
            left out.

        Raises:
            DiscoveryError: the strategy can't list them.
            Exception: the registry could not be asked.
        """
        raise DiscoveryError(
            f"{type(self).__qualname__} can't list services: it finds only those whose names it "
            "is asked for"
        )

    def close(self) -> None:
        """Let connections go: the service has stopped. By default nothing.

        The strategy may be used again afterwards.
        """

    @classmethod
    def from_url(cls, url: str) -> Self:
        """A strategy as a URL describes it; called for the URLs in ``discovery_strategies``.

        Args:
            url: the URL, whose scheme is one that this class was registered for.

        Raises:
            ServiceConfigurationError: the URL is not one that this class understands.
        """
        raise ServiceConfigurationError(
            f"{cls.__qualname__} can't be made from a URL: list an instance of it"
        )

    # To be called.

    def set_microservice(self, microservice: "MicroService") -> None:
        """Told by a service that it uses this. Several may: a strategy keeps nothing of them.

        :attr:`microservice` is the one that has said so last.
        """
        self._microservice = microservice

    def renewed(self) -> Self:
        """A copy that belongs to no service: what the ``__copy__`` of a strategy begins with.

        Returns:
            An object of the same class with the same attributes, made without its constructor. What
            of them must not be shared, as connections, is to be replaced.
        """
        return unclaimed_copy(self)

    def __str__(self) -> str:
        return type(self).__qualname__
