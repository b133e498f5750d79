"""Where calls go: the URL, checked, and the form of it that may be shown to anybody."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from ..deadlines import TIMEOUT_HEADER

_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.1
_HEADER_VALUE: Final = re.compile(r"(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?")
_SET_BY_THE_CLIENT: Final = ("content-length", TIMEOUT_HEADER.lower(), "transfer-encoding")


@dataclass(frozen=True, slots=True, repr=False)
class Endpoint:
    """The URL of a service.

    Args:
        url: as it was given.
        shown: without user, password and fragment, and with ``…`` in place of the query,
            because a query may hold a token.
        confidential: whether every request carries a secret, so that nothing that comes may be
            quoted: it might repeat the secret, in whichever form.
    """

    url: str
    shown: str
    confidential: bool


def parse_endpoint(service_endpoint: object) -> Endpoint:
    """Check the URL of a service.

    Raises:
        TypeError: it is not a string.
        ValueError: it is not the URL of an HTTP service. Says what is wrong with it, and shows
            no credentials.
    """
    if not isinstance(service_endpoint, str):
        raise TypeError(f"service_endpoint is a URL (str), not {type(service_endpoint).__name__}")
    try:
        if re.search(r"[\x00-\x20\x7f]", service_endpoint):
            raise _Wrong("has a space or a control character in it")
        try:
            parts = urlsplit(service_endpoint)
            port = parts.port
        except ValueError:  # its text may quote the password
            raise _Wrong("has a wrong host or port") from None
        if parts.scheme not in ("http", "https"):
            if not parts.scheme or not service_endpoint.startswith(f"{parts.scheme}://"):
                raise _Wrong("has no scheme; it begins with http:// or https://")
            raise _Wrong(f"has the scheme {parts.scheme!r}; only http and https are known")
        if not parts.hostname:
            raise _Wrong("has no host")
        if port == 0:
            raise _Wrong("has the port 0, which nothing listens on")
    except _Wrong as exc:
        raise ValueError(
            f"service_endpoint {_without_userinfo(service_endpoint)!r} {exc}; a good one is "
            "'http://127.0.0.1:8000/api'"
        ) from None
    confidential = "@" in parts.netloc or "?" in service_endpoint
    return Endpoint(service_endpoint, shown_url(service_endpoint), confidential)


class _Wrong(Exception):
    pass


def shown_url(url: str) -> str:
    """`url` in a form that may be shown: no user, password or fragment, no query's content."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    shown = parts._replace(netloc=host, query="", fragment="").geturl()
    return f"{shown}?…" if parts.query else shown


def _without_userinfo(url: str) -> str:
    """`url`, that can't be parsed, without anything that may be a secret."""
    if "@" in url:
        scheme, found, rest = url.partition("://")
        url = f"{scheme}://…@{rest.rpartition('@')[2]}" if found else f"…@{url.rpartition('@')[2]}"
    path, query, _ = url.partition("?")
    return f"{path}?…" if query else path


def checked_headers(headers: Any, where: str) -> dict[str, str]:
    """Headers that can be sent as they are.

    Args:
        headers: a mapping of strings to strings, or ``None``.
        where: the name of the argument, for the message.

    Raises:
        TypeError: it is no such mapping.
        ValueError: a name or a value can't be sent. The message never shows a value.
    """
    if headers is None:
        return {}
    if not isinstance(headers, Mapping):
        raise TypeError(
            f"{where} is a mapping of header names to values, not {type(headers).__name__}"
        )
    for name, value in headers.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(
                f"{where}: names and values are strings; {name!r} has a value of type "
                f"{type(value).__name__}"
            )
        if not _HEADER_NAME.fullmatch(name):
            raise ValueError(f"{where}: {name!r} can't be the name of a header")
        if name.lower() in _SET_BY_THE_CLIENT:
            raise ValueError(f"{where}: {name!r} is set by the client itself")
        if not _HEADER_VALUE.fullmatch(value):
            raise ValueError(
                f"{where}: the value of {name!r} begins or ends with a space, or has a character "
                "that a header can't hold (a line break, for example)"
            )
    return dict(headers)
