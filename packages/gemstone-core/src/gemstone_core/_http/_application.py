"""The Tornado application: everything on a service's port besides the RPC endpoint."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tornado import web

from gemstone.errors import ServiceConfigurationError

from ._handlers import GemstoneCustomHandler, TornadoJsonRpcHandler

if TYPE_CHECKING:
    from .._microservice import MicroService


class Application(web.Application):
    """Tornado's application, which logs pages and leaves calls to those who answer them."""

    def log_request(self, handler: web.RequestHandler) -> None:
        """Log a request for a page; a call looks the same whether it needs a handler or not."""
        if not isinstance(handler, TornadoJsonRpcHandler):
            super().log_request(handler)


def make_application(service: "MicroService") -> web.Application:
    """An application with the RPC endpoint, the static files and the service's own handlers.

    Raises:
        ServiceConfigurationError: a handler or a folder of static files can't be served.
    """
    rules: list[Any] = [
        web.url(re.escape(service.endpoint), TornadoJsonRpcHandler, {"microservice": service}),
        *_extra_rules(service),
        *_static_rules(service),
    ]
    return Application(rules, template_path=service.template_dir)


def _extra_rules(service: "MicroService") -> Iterable[Any]:
    for entry in service.extra_handlers:
        try:
            pattern, handler, *more = entry
            arguments = dict(more[0]) if more else {}
            if not isinstance(pattern, str) or len(more) > 1:
                raise TypeError
            re.compile(pattern)
            is_ours = issubclass(handler, GemstoneCustomHandler)
            if not issubclass(handler, web.RequestHandler):
                raise TypeError
        except (TypeError, ValueError, re.error):
            raise ServiceConfigurationError(
                f"extra_handlers lists {entry!r}: each entry is (pattern, handler class), or "
                "(pattern, handler class, arguments)"
            ) from None
        if is_ours:
            arguments["microservice"] = service
        yield web.url(pattern, handler, arguments)


def _static_rules(service: "MicroService") -> Iterable[Any]:
    for entry in service.static_dirs:
        try:
            url, path = entry
            folder = Path(path)
            if not url.startswith("/"):
                raise ValueError
        except (AttributeError, TypeError, ValueError):
            raise ServiceConfigurationError(
                f"static_dirs lists {entry!r}: each entry is (URL path, folder), as "
                '("/static", "static"), with a path that begins with "/"'
            ) from None
        pattern = re.escape(url.rstrip("/")) + "/(.*)"
        yield web.url(pattern, web.StaticFileHandler, {"path": str(folder)})
