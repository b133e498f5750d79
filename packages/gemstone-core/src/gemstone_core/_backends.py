"""Backends: what a URL stands for, found by its scheme."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, TypeVar

from gemstone.errors import BackendError, ServiceConfigurationError

AnyBackend = TypeVar("AnyBackend")

#: RFC 3986, section 3.1.
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
#: A user and a password, up to the last "@": people forget to escape what is in a password.
_CREDENTIALS: Final = re.compile(r"(?<=://)([^:@/?#]*)(:?)(.*)@", re.DOTALL)
#: The same within a message, whose other words go on behind the URL.
_WITHIN: Final = re.compile(r"(?<=://)([^:@/?#\s]*)(:?)(\S*)@")
#: The same of what was meant to be a URL, but has no scheme.
_NO_URL: Final = re.compile(r"([^:@]*):.*@", re.DOTALL)
_MEMORY: Final = re.compile(r"memory://([^/?#@\s]*)/*", re.IGNORECASE)
_SECRET: Final = re.compile(
    r"([?&][^=&#\s]*(?:pass|secret|token|key)[^=&#\s]*=)[^&#\s]*", re.IGNORECASE
)
#: A URL up to its query, if it is a good one; and the query, in which an "@" may stand.
_QUERY: Final = re.compile(
    r"(?<=://)((?:[^@/?#\s]*@)?(?:\[[^]\s]*\]|[^:@/?#\s]*)(?::[0-9]*)?(?:/[^@?#\s]*)?)(\?[^#\s]*)"
)


class Backends(Generic[AnyBackend]):
    """The backends of one kind.

    Args:
        kind: what they all inherit; each class has ``from_url(url)``.
        what: what they are called in messages.
        group: the group of entry points under which distributions offer them, by scheme.
        own: where in this package the schemes are that are always there, as ``module:class``.
        known: which extra of gemstone brings the schemes that are not always there.
    """

    def __init__(
        self,
        kind: type[AnyBackend],
        what: str,
        group: str,
        *,
        own: Mapping[str, str],
        known: Mapping[str, str],
    ) -> None:
        self._kind = kind
        self._what = what
        self._group = group
        self._own = own
        self._known = known
        self._registered: dict[str, Any] = {}

    def register(self, scheme: str, backend: type[AnyBackend]) -> None:
        """Let a scheme stand for a class, in this process and before all installed ones.

        Raises:
            TypeError: it is no such class.
            ValueError: the scheme is none (RFC 3986, section 3.1).
        """
        if not (isinstance(backend, type) and issubclass(backend, self._kind)):
            raise TypeError(f"{backend!r} is no class that inherits {self._kind.__qualname__}")
        if not isinstance(scheme, str) or not _SCHEME.fullmatch(f"{scheme}://"):
            raise ValueError(f"{scheme!r} is no scheme of a URL")
        self._registered[scheme.lower()] = backend

    def from_url(self, url: str) -> AnyBackend:
        """The backend that a URL stands for.

        Raises:
            ServiceConfigurationError: it is no URL, or one that its backend does not take.
            BackendError: there is no backend for its scheme, or it can't be imported.
        """
        match = _SCHEME.match(url)
        if match is None:
            raise ServiceConfigurationError(
                f"{mask_password(url)!r} is no URL of {self._what}: it must begin with a scheme, "
                f"as in {self._example()}"
            )
        backend = self._find(match[1].lower(), url)
        make: Callable[[str], object] | None = getattr(backend, "from_url", None)
        made = make(url) if make is not None else None
        if not isinstance(made, self._kind):
            raise BackendError(
                f"{backend!r}, which stands for {match[1]}:// URLs, made {made!r} of one: it must "
                f"be a class that inherits {self._kind.__qualname__}, and has from_url(url)"
            )
        return made

    def _find(self, scheme: str, url: str) -> object:
        if scheme in self._registered:
            return self._registered[scheme]
        if scheme in self._own:
            from pkgutil import resolve_name

            return resolve_name(self._own[scheme])
        # Looking at what is installed takes its time, and most need it once.
        import difflib

        from ._entry_points import load, offered, those

        named = f"{self._what} for {scheme}:// URLs"
        found = load(self._group, scheme, named, BackendError)
        if found is not None:
            return found
        if scheme in self._known:
            raise BackendError(
                f"{named} is not installed ({mask_password(url)!r} needs it). Install it with: "
                f'pip install "gemstone[{self._known[scheme]}]>=1"'
            )
        there = sorted({*self._registered, *self._own, *offered(self._group)})
        near = difflib.get_close_matches(scheme, {*there, *self._known}, n=1)
        hint = f"did you mean {near[0]}://? " if near else ""
        raise BackendError(
            f"nothing is known of {named} ({mask_password(url)!r}): "
            f"{hint}{those(f'{each}://' for each in there)}"
        )

    def _example(self) -> str:
        return " or ".join(f"{scheme}://…" for scheme in [*self._known][:2]) or "scheme://…"


def memory_name(url: str, owner: str) -> str:
    """The name in ``memory://name``, empty in ``memory://``.

    Args:
        url: the URL.
        owner: what is made of it, for messages.

    Raises:
        ServiceConfigurationError: there is more in the URL than a name.
    """
    match = _MEMORY.fullmatch(url)
    if match is None:
        raise ServiceConfigurationError(
            f"{mask_password(url)!r} is no URL of a {owner}: write memory:// or memory://name"
        )
    return match[1]


def mask_password(url: str) -> str:
    """A URL as it can be shown: ``***`` stands where its password was. From any thread.

    Args:
        url: the URL, which need not be a good one.
    """
    if "://" in url:
        return _SECRET.sub(r"\1***", _CREDENTIALS.sub(_masked, _QUERY.sub(_masked_query, url)))
    return _SECRET.sub(r"\1***", _NO_URL.sub(r"\1:***@", url))


def mask_message(text: str) -> str:
    """What somebody says, with ``***`` where the passwords of URLs were. From any thread.

    Args:
        text: a message, in which URLs may stand.
    """
    if "://" not in text:
        return text
    return _SECRET.sub(r"\1***", _WITHIN.sub(_masked, _QUERY.sub(_masked_query, text)))


def _masked_query(url: re.Match[str]) -> str:
    start, query = url.groups()
    return start + _SECRET.sub(r"\1***", query)


def _masked(credentials: re.Match[str]) -> str:
    user, colon, rest = credentials.groups()
    if colon:
        return f"{user}:***@"
    return "***@" if rest else f"{user}@"  # a user that was not escaped, maybe with a password
