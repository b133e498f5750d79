"""The Tornado application: everything on a service's port besides the RPC endpoint."""

import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tornado import web

from gemstone.errors import ServiceConfigurationError

from .._backends import mask_password
from .._marks import describe
from ._handlers import (
    GemstoneCustomHandler,
    StaticFiles,
    TornadoJsonRpcHandler,
    problem_with_arguments,
)
from ._health import HealthHandler, health_paths

if TYPE_CHECKING:
    from .._microservice import MicroService


class Application(web.Application):
    """Tornado's application, which logs pages and leaves calls to those who answer them."""

    def log_request(self, handler: web.RequestHandler) -> None:
        """Log a request for a page, and no call, whether it needs a handler or not.

        Nor one for the health: there may be one each second.
        """
        if not isinstance(handler, TornadoJsonRpcHandler | HealthHandler):
            super().log_request(handler)


def make_application(service: "MicroService") -> web.Application:
    """An application with the RPC endpoint, the health, the static files and the own handlers.

    Raises:
        ServiceConfigurationError: a handler or a folder of static files can't be served.
    """
    rules: list[Any] = [
        web.url(re.escape(service.endpoint), TornadoJsonRpcHandler, {"microservice": service}),
        *_health_rules(service),
        *_extra_rules(service),
        *_static_rules(service),
    ]
    return Application(rules, template_path=service.template_dir)


def _health_rules(service: "MicroService") -> Iterable[Any]:
    for path, handler in health_paths(service):
        yield web.url(re.escape(path), handler, {"microservice": service})


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
                f"extra_handlers lists {mask_password(repr(entry))}: each entry is (pattern, "
                "handler class), or (pattern, handler class, arguments)"
            ) from None
        given = {**arguments, "microservice": service} if is_ours else arguments
        problem = problem_with_arguments(handler, given)
        if problem is not None:
            raise ServiceConfigurationError(
                f"extra_handlers lists {pattern!r} with {describe(handler)}, whose initialize() "
                f"does not take the arguments of the entry: {problem}"
            )
        yield web.url(pattern, handler, given)


def _static_rules(service: "MicroService") -> Iterable[Any]:
    for entry in service.static_dirs:
        try:
            url, path = entry
            folder = os.fspath(path)
            if not url.startswith("/") or isinstance(folder, bytes):
                raise ValueError
        except (AttributeError, TypeError, ValueError):
            raise ServiceConfigurationError(
                f"static_dirs lists {entry!r}: each entry is (URL path, folder), as "
                '("/static", "static"), with a path that begins with "/"'
            ) from None
        pattern = re.escape(url.rstrip("/")) + "/(.*)"
        yield web.url(pattern, StaticFiles, {"path": folder})
