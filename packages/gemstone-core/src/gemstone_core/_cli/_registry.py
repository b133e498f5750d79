"""``gemstone registry``."""

import click

from ._failures import failures
from ._options import checked_host, checked_port, checked_seconds


@click.command()
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    callback=checked_host,
    help="The address to listen on.",
)
@click.option(
    "--port",
    default="8000",
    show_default=True,
    callback=checked_port,
    help='The port to listen on, or "random".',
)
@click.option(
    "--time-to-live",
    metavar="SECONDS",
    type=float,
    callback=checked_seconds,
    default=30.0,
    show_default=True,
    help="How long a service is known after its last heartbeat.",
)
def registry(host: str, port: int, time_to_live: float) -> None:
    """Run a registry of services.

    It is for services that list its URL in their discovery_strategies. Whoever can reach it can
    register anything: it belongs into a network of your own.
    """
    from .._discovery._registry import ServiceRegistry

    with failures():
        service = ServiceRegistry()
        service.host, service.port = host, port
        service.time_to_live = time_to_live
        service.start()
