"""TLS: the certificate of a service, checked, and handshakes that fail."""

import logging
import os
import ssl
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NoReturn

from gemstone.errors import ServiceConfigurationError

if TYPE_CHECKING:
    from .._microservice import MicroService

_FILES: Final = ("certfile", "keyfile", "ca_certs")
#: What a mapping may hold.
_KEYS: Final = (*_FILES, "cert_reqs", "ciphers")
_OLDEST: Final = ssl.TLSVersion.TLSv1_2
_GONE: Final = (ssl.SSLEOFError, ssl.SSLZeroReturnError)
#: How often a failed handshake is logged, in seconds.
_LOG_EVERY: Final = 60.0


def make_tls_context(service: "MicroService") -> ssl.SSLContext | None:
    """What the ``ssl_options`` of a service stand for; ``None`` for plain HTTP.

    Raises:
        ServiceConfigurationError: they can't work; the message names the file.
    """
    options: Any = service.ssl_options
    attribute = f"{type(service).__qualname__}.ssl_options"
    if options is None:
        return None
    if isinstance(options, ssl.SSLContext):
        if options.protocol is ssl.PROTOCOL_TLS_CLIENT:
            raise ServiceConfigurationError(
                f"{attribute} is a context for clients: make it by "
                "ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)"
            )
        return options
    if not isinstance(options, Mapping):
        raise ServiceConfigurationError(
            f"{attribute} is {options!r}: it must be an ssl.SSLContext, a mapping with certfile "
            "and keyfile, or None"
        )
    try:
        return _context_of({key: value for key, value in options.items() if value is not None})
    except (TypeError, ValueError, ssl.SSLError) as error:
        raise ServiceConfigurationError(f"{attribute} can't be used: {error}") from None


class FewHandshakes:
    """Logs one failed handshake a minute: strangers could fill the log else.

    Args:
        logger: where it is told.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._next = 0.0

    def failed(self, error: Exception) -> None:
        """A connection came to nothing. Who only goes away, or says nothing, is no failure."""
        if not isinstance(error, ssl.SSLError) or isinstance(error, _GONE):
            return
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _LOG_EVERY
            self._logger.warning(
                "A TLS handshake failed: %s (others are not logged for %d s)", error, _LOG_EVERY
            )


def _context_of(options: dict[Any, Any]) -> ssl.SSLContext:
    for key in options:
        if key not in _KEYS:
            raise ValueError(
                f"there is no {key!r} in it: it may have {', '.join(_KEYS)}; an ssl.SSLContext can "
                "do more"
            )
    if "certfile" not in options:
        raise ValueError("there is no certfile in it")
    for key in _FILES:
        if key in options:
            _check_file(key, options[key])
    cert_reqs = options.get("cert_reqs", ssl.CERT_NONE)
    if cert_reqs not in list(ssl.VerifyMode):
        raise ValueError(f"cert_reqs is {cert_reqs!r}: it must be ssl.CERT_REQUIRED, or left out")
    asks_clients = cert_reqs != ssl.CERT_NONE
    if asks_clients and "ca_certs" not in options:
        raise ValueError(
            "cert_reqs asks for certificates of clients, and no ca_certs vouch for any"
        )
    if "ca_certs" in options and not asks_clients:
        raise ValueError(
            "ca_certs are for certificates of clients, and cert_reqs asks for none: set it to "
            "ssl.CERT_REQUIRED"
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = max(context.minimum_version, _OLDEST)
    _take_certificate(context, options["certfile"], options.get("keyfile"))
    if asks_clients:
        context.verify_mode = cert_reqs
        _take_authorities(context, options["ca_certs"])
    if "ciphers" in options:
        _take_ciphers(context, options["ciphers"])
    return context


def _check_file(key: str, path: Any) -> None:
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"{key} is {path!r}: it must be the path of a file")
    from pathlib import Path  # only a service with certificates has to load it

    try:
        text = Path(path).read_bytes()
    except (OSError, ValueError) as error:  # no path may have a NUL in it
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"the {key} {str(path)!r} can't be read: {reason}") from None
    if b"-----BEGIN " not in text:
        raise ValueError(f"the {key} {str(path)!r} is no PEM file")


def _take_certificate(context: ssl.SSLContext, certfile: Any, keyfile: Any) -> None:
    """Take a certificate with its key. OpenSSL alone says little, or asks a terminal."""

    def refuse() -> NoReturn:
        raise ValueError(
            f"the key in {str(keyfile or certfile)!r} is encrypted: make an ssl.SSLContext "
            "instead, by load_cert_chain(…, password=…)"
        )

    try:
        context.load_cert_chain(certfile, keyfile, password=refuse)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ValueError(
                f"the key in {str(keyfile or certfile)!r} is not that of the certificate in "
                f"{str(certfile)!r}"
            ) from None
        raise ValueError(
            f"there is no certificate in {str(certfile)!r}, or no private key in "
            f"{str(keyfile or certfile)!r} ({error.reason})"
        ) from None


def _take_authorities(context: ssl.SSLContext, ca_certs: Any) -> None:
    try:
        context.load_verify_locations(ca_certs)
    except ssl.SSLError as error:
        raise ValueError(
            f"there are no certificates of authorities in the ca_certs {str(ca_certs)!r} "
            f"({error.reason or 'damaged'})"
        ) from None


def _take_ciphers(context: ssl.SSLContext, ciphers: Any) -> None:
    if not isinstance(ciphers, str):
        raise TypeError(f"ciphers are {ciphers!r}: they must be a string, as 'ECDHE+AESGCM'")
    try:
        context.set_ciphers(ciphers)
    except ssl.SSLError:
        raise ValueError(
            f"ciphers are {ciphers!r}, which select nothing: write them as OpenSSL does, as "
            "'ECDHE+AESGCM'"
        ) from None
