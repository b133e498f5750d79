"""``/health/live`` and ``/health/ready``: what those who look after a service ask it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tornado import web

if TYPE_CHECKING:
    from .._microservice import MicroService


class HealthHandler(web.RequestHandler):
    """Says how a service is. It is asked often, by anybody, and so it only looks at what is known.

    Attributes:
        microservice: the service.
    """

    def initialize(self, microservice: "MicroService") -> None:
        """Take the service."""
        self.microservice = microservice

    def set_default_headers(self) -> None:
        """Let nobody keep an answer: it is about now."""
        self.clear_header("Server")
        self.set_header("Cache-Control", "no-store")

    def compute_etag(self) -> None:
        """None, for the same reason."""

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer what is neither GET nor HEAD, and what has failed, without a page."""
        self.clear_header("Content-Type")
        if status_code == 405:
            self.set_header("Allow", "GET, HEAD")
        self.finish()


class LiveHandler(HealthHandler):
    """Whether the event loop answers."""

    def get(self) -> None:
        """Say so."""
        self.write({"status": "live"})

    head = get


class ReadyHandler(HealthHandler):
    """Whether calls should be sent here."""

    def get(self) -> None:
        """Say so, and who is not there."""
        service = self.microservice
        # Without a life of its own it is within a server of somebody else's, which serves it.
        state = service._run.state if service._run and service.is_running else "serving"
        transports = service._events.connections()
        registries = service._discovery.registrations()
        ready = state == "serving" and all(is_there for _, is_there in (*transports, *registries))
        self.set_status(200 if ready else 503)
        self.write(
            {
                "status": "ready" if ready else "not ready",
                "service": state,
                "event_transports": [
                    {"transport": name, "connected": is_there} for name, is_there in transports
                ],
                "registries": [
                    {"registry": name, "registered": is_there} for name, is_there in registries
                ],
            }
        )

    head = get


def health_paths(service: "MicroService") -> Iterable[tuple[str, type[HealthHandler]]]:
    """The paths at which a service says how it is; none if that is turned off."""
    base = service.health_endpoint
    if base is not None:
        yield f"{base}/live", LiveHandler
        yield f"{base}/ready", ReadyHandler
