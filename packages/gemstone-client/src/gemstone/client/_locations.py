"""Names of services, and where a registry says that they are: checked before anything is called."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ..errors import DiscoveryError
from ._endpoint import parse_endpoint
from ._shown import printable

_LONGEST_NAME: Final = 200
#: Each has its connections, and its settings: some 10 KB.
_MOST_LOCATIONS: Final = 1_000


def checked_service_name(name: object) -> str:
    """The name of a service, or a pattern of names, that may be looked up.

    Raises:
        TypeError: it is not a string.
        ValueError: it is empty, too long, or has a character that can't be printed.
    """
    if not isinstance(name, str):
        raise TypeError(f"a service's name is a string, not {type(name).__name__}")
    if not name:
        raise ValueError("a service's name can't be empty")
    if len(name) > _LONGEST_NAME:
        raise ValueError(
            f"a service's name has at most {_LONGEST_NAME} characters, and {printable(name, 40)!r} "
            f"has {len(name)}"
        )
    if not name.isprintable():
        raise ValueError(
            f"the service's name {name!r} has a control character, or another one that can't be "
            "printed, in it"
        )
    return name


def checked_locations(answer: Any, name: str) -> tuple[list[str], list[str]]:
    """The URLs of an answer to the question where a service is, each once.

    One that can't be called is left out, because it must not make the good ones unusable.

    Args:
        answer: what was answered, whatever it is.
        name: the service that was asked for.

    Returns:
        The good URLs, and what is wrong with each of the others.

    Raises:
        DiscoveryError: it is no list of strings, or not one of them is an http or https URL.
    """
    if answer is None:  # what registries of 0.12 may say where nobody is known
        return [], []
    if isinstance(answer, str | bytes | Mapping) or not isinstance(answer, Iterable):
        raise DiscoveryError(
            f"the registry's answer for {name!r} is {_kind(answer)}: it must be a list of URLs"
        )
    good: dict[str, None] = {}
    problems: dict[str, None] = {}
    for location in answer:
        if len(good) == _MOST_LOCATIONS:
            problems[f"more than {_MOST_LOCATIONS:,} locations are too many"] = None
            break
        if not isinstance(location, str):
            raise DiscoveryError(
                f"the registry's answer for {name!r} lists {_kind(location)}: it must be a list of "
                "URLs"
            )
        try:
            _check(location)
        except ValueError as exc:
            problems[str(exc).replace("service_endpoint", "the location", 1)] = None
        else:
            good[location] = None
    if problems and not good:
        raise DiscoveryError(
            f"the registry knows no location of {name!r} to call: {next(iter(problems))}"
        )
    return list(good), list(problems)


def _check(location: str) -> None:
    """See that a call can go there. Raises a ValueError that shows no secret."""
    endpoint = parse_endpoint(location)
    from requests import Request  # late: it takes longer to load than all the rest

    try:
        Request("POST", location).prepare()
    except ValueError:  # its text may quote the password
        raise ValueError(
            f"service_endpoint {endpoint.shown!r} can't be sent over HTTP: a wrong host, user or "
            "password"
        ) from None


def _kind(value: object) -> str:
    kind = type(value).__name__
    try:
        text = repr(value)
    except RecursionError:  # nested too deeply
        return kind
    return kind if "@" in text or "?" in text else f"{kind} {printable(text, 60)}"  # no secrets
