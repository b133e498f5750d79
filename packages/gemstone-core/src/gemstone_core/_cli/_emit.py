"""``gemstone emit``."""

import logging
from typing import Final

import click

from ._failures import NotReachable, failures
from ._options import WordsCommand, header_option, timeout_option
from ._output import show_log
from ._values import value_or_stdin

#: What a transport may take beyond the timeout to decide what became of an event, in seconds.
_MARGIN: Final = 1.0


@click.command(cls=WordsCommand)
@click.argument("url")
@click.argument("event")
@click.argument("body")
@header_option
@timeout_option
def emit(url: str, event: str, body: str, headers: dict[str, str], timeout: float) -> None:
    """Emit an event.

    EVENT goes through the transport of URL; it is waited for until the broker has it. The BODY is
    JSON where it is JSON, else text; - reads it from the standard input.

    \b
        gemstone emit redis://127.0.0.1:6379/0 users.created '{"name": "ada"}'
    """
    from .._backends import mask_password
    from .._events._open_transport import open_transport

    read = value_or_stdin(body)
    show_log(logging.WARNING)  # what becomes of the event is told below
    with failures():
        transport = open_transport(url, emit_timeout=timeout)
        try:
            receipt = transport.emit_event(event, read, headers=headers or None)
            receipt.wait(timeout + _MARGIN)
        except TimeoutError:
            raise NotReachable(
                f"{mask_password(url)} did not answer within {timeout:g} s: it may have the "
                "event, or not"
            ) from None
        finally:
            transport.close(1.0)
    click.echo(f"{event} was emitted")
