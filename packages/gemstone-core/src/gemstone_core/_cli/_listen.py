"""``gemstone listen``."""

import itertools
import logging
import time
from typing import TYPE_CHECKING, Final

import click

from ._asking import in_time
from ._failures import NotReachable, failures
from ._options import checked_seconds, json_option
from ._output import coloured_json, json_of, show_line, show_log, terminal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .._events._event import Event
    from .._events._open_transport import OpenTransport

#: How many events are fetched before the first is printed, at most.
_AHEAD: Final = 100


@click.command()
@click.argument("url")
@click.argument("events", metavar="EVENT...", nargs=-1, required=True)
@click.option("--count", metavar="N", type=click.IntRange(min=1), help="End after N events.")
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=float,
    callback=checked_seconds,
    help="End when no event has come for so long; by default never.",
)
@json_option('{"name": …, "body": …, "id": …, "headers": …} on one line each')
def listen(
    url: str, events: tuple[str, ...], count: int | None, timeout: float | None, as_json: bool
) -> None:
    """Print events as they come.

    They come through the transport of URL; Ctrl-C ends it.

    \b
        gemstone listen redis://127.0.0.1:6379/0 users.created users.deleted
    """
    from .._backends import mask_password
    from .._events._open_transport import open_transport

    show_log(logging.INFO, logging.WARNING, logging.ERROR)
    with failures():
        transport = open_transport(url, max_concurrent_events=min(count or _AHEAD, _AHEAD))
        try:
            late = f"{mask_password(url)} did not answer within {timeout:g} s" if timeout else ""
            arriving = in_time(lambda: transport.listen(*events, timeout=timeout), timeout, late)
            came = _print_all(itertools.islice(arriving, count), as_json)
            if timeout is not None and came != count:
                _see_why_it_ended(transport, came, count, timeout)
        except KeyboardInterrupt:
            pass  # how it is ended
        finally:
            transport.close(1.0)


def _print_all(arriving: "Iterable[Event]", as_json: bool) -> int:
    came = 0
    for event in arriving:
        _print(event, as_json)
        came += 1
    return came


def _print(event: "Event", as_json: bool) -> None:
    if as_json:
        told = {
            "name": event.name,
            "body": event.body,
            "id": event.id,
            "headers": {**event.headers},
        }
        click.echo(json_of(told))
        return
    at, body = time.strftime("%H:%M:%S"), json_of(event.body)
    if terminal() is None:
        click.echo(f"{at} {event.name} {body}")
        return
    from rich.text import Text

    line = Text.assemble((at, "dim"), " ", (event.name, "bold"), " ")
    show_line(line.append_text(coloured_json(body)))


def _see_why_it_ended(
    transport: "OpenTransport", came: int, count: int | None, timeout: float
) -> None:
    status = transport.event_status()
    if status.connected_since is None and status.error is not None:
        raise NotReachable(f"{status.transport} is away: {status.error}")
    if count is not None:
        raise NotReachable(f"only {came} of {count} events came, and none for {timeout:g} s")
