"""Names of services, patterns of them, and where services are: checked."""

import ipaddress
import re
import socket
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Final
from urllib.parse import urlsplit

_LONGEST_NAME: Final = 200
_LONGEST_LOCATION: Final = 2_000
_OF_PATTERNS: Final = frozenset("*?[")
#: What nothing but a part of an URL that was not escaped can have in it.
_NOT_IN_URLS: Final = re.compile(r"[\x00-\x20\x7f]")


def check_name(name: object) -> str:
    """The name of a service, or a pattern of names, that may be looked up.

    Raises:
        TypeError: it is no string.
        ValueError: nobody can have such a name; the message says why.
    """
    if not isinstance(name, str):
        raise TypeError(f"the name of a service is a string, not {type(name).__name__}")
    if not name:
        raise ValueError("the name of a service can't be empty")
    if len(name) > _LONGEST_NAME:
        raise ValueError(
            f"the name of a service has at most {_LONGEST_NAME} characters, and "
            f"{name[:40] + '…'!r} has {len(name):,}"
        )
    if not name.isprintable():
        raise ValueError(
            f"the name of a service {name!r} has a control character in it, or another one that "
            "can't be printed"
        )
    return name


def check_registered_name(name: object) -> str:
    """The name of a service that may be registered: no pattern.

    Raises:
        TypeError: it is no string.
        ValueError: nobody can have such a name; the message says why.
    """
    checked = check_name(name)
    if is_pattern(checked):
        raise ValueError(
            f"the name of a service {checked!r} has one of *?[ in it: that makes it a pattern, "
            "which stands for other names"
        )
    return checked


def check_location(location: object) -> str:
    """The URL of a service.

    Raises:
        TypeError: it is no string.
        ValueError: it can't be called; the message says why, and shows no password.
    """
    if not isinstance(location, str):
        raise TypeError(f"the location of a service is a URL, not {type(location).__name__}")
    if problem := _problem(location):
        raise ValueError(
            f"the location of a service {shown_location(location)!r} {problem}; a good one is "
            "'http://10.0.0.1:8000/api'"
        )
    return location


def shown_location(location: str) -> str:
    """A location, which need not be a good one, without what may be a secret in it."""
    scheme, found, rest = location.partition("://") if "://" in location else ("", "", location)
    place, query, _ = rest.rpartition("@")[2].partition("?")
    shown = f"{scheme}{found}{place}"[:200]
    return f"{shown}?…" if query else shown


def _problem(location: str) -> str | None:
    if len(location) > _LONGEST_LOCATION:
        return f"has more than {_LONGEST_LOCATION:,} characters"
    if _NOT_IN_URLS.search(location) or not location.isprintable():
        return "has a space or a control character in it"
    try:
        parts = urlsplit(location)
        port = parts.port
    except ValueError:  # its text may quote the password
        return "has a wrong host or port"
    if parts.scheme not in ("http", "https"):
        return "does not begin with http:// or https://"
    if not parts.hostname:
        return "has no host"
    if port == 0:
        return "has the port 0, which nothing listens on"
    return None


def is_pattern(name: str) -> bool:
    """Whether a name stands for others: those that :func:`matching` finds."""
    return not _OF_PATTERNS.isdisjoint(name)


def matching(name: str, names: Iterable[str]) -> Iterator[str]:
    """Those of the names that a name or a pattern stands for."""
    for each in names:
        if each == name or fnmatchcase(each, name):
            yield each


def address_of(location: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address in a good location; ``None`` where there is a name, but for ``localhost``."""
    host = (urlsplit(location).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return ipaddress.IPv4Address("127.0.0.1")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        try:
            # Half of an address is one as well, to the system: 0 is 0.0.0.0.
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except (OSError, ValueError):
            return None
    return getattr(address, "ipv4_mapped", None) or address
