"""``gemstone call`` and ``gemstone call_raw``."""

from typing import TYPE_CHECKING, Any

import click

from ._asking import registry_at
from ._failures import NotReachable, Refused, failures
from ._options import (
    WordsCommand,
    header_option,
    json_option,
    registry_option,
    timeout_option,
)
from ._output import json_of, show, shown
from ._values import params_of

if TYPE_CHECKING:
    from gemstone.client import RemoteService

_params_option = click.option(
    "--params", metavar="JSON", help="All params as one object or list; - reads the standard input."
)
_json_option = json_option('{"result": …} or {"error": …} on one line')


@click.command(cls=WordsCommand)
@click.argument("name")
@click.argument("method")
@click.argument("words", metavar="[PARAM]...", nargs=-1)
@registry_option
@_params_option
@header_option
@timeout_option
@_json_option
def call(
    name: str,
    method: str,
    words: tuple[str, ...],
    registry: str,
    params: str | None,
    headers: dict[str, str],
    timeout: float,
    as_json: bool,
) -> None:
    """Call a service by its name.

    METHOD is called at one of the instances of the service NAME that a registry knows. Each PARAM
    is name=value, or a value only. Values are JSON where they are JSON, else text.

    \b
        gemstone call users find name=ada limit=3
        gemstone call users find ada 3
    """
    from gemstone.client import RemoteService
    from gemstone.deadlines import deadline_in

    from .._discovery._names import check_name

    prepared = params_of(words, params)
    with failures(), deadline_in(timeout), registry_at(registry, timeout) as where:
        found = RemoteService.find(
            check_name(name),
            lambda name: where.ask(lambda strategy: strategy.locate(name)),
            timeout=timeout,
            headers=headers,
        )
        if found is None:
            raise NotReachable(
                f"{where.shown} knows no service {name!r} now"
                + (" (it knows only those of its own process)" if _is_memory(registry) else "")
            )
        _call(found, method, prepared, as_json)


@click.command("call_raw", cls=WordsCommand)
@click.argument("url")
@click.argument("method")
@click.argument("words", metavar="[PARAM]...", nargs=-1)
@_params_option
@header_option
@timeout_option
@_json_option
def call_raw(
    url: str,
    method: str,
    words: tuple[str, ...],
    params: str | None,
    headers: dict[str, str],
    timeout: float,
    as_json: bool,
) -> None:
    """Call a service by its URL.

    Each PARAM is name=value, or a value only. Values are JSON where they are JSON, else text.

    \b
        gemstone call_raw http://127.0.0.1:8000/api say_hello name=world
    """
    from gemstone.client import RemoteService

    prepared = params_of(words, params)
    with failures():
        service = RemoteService(url, timeout=timeout, headers=headers)
        _call(service, method, prepared, as_json)


def _call(service: "RemoteService", method: str, params: Any, as_json: bool) -> None:
    try:
        answer = service.call_method(method, params)
    finally:
        service.close(wait=False)
    if as_json:
        name = "result" if answer.error is None else "error"
        click.echo(json_of({name: getattr(answer, name)}))
        if answer.error is not None:
            raise click.exceptions.Exit(Refused.exit_code)
    elif answer.error is None:
        show(answer.result)
    else:
        raise Refused(_told(answer.error))


def _told(error: dict[str, Any]) -> str:
    said = f"{shown(error['message'])} ({error['code']})"
    data = error.get("data")
    return said if data is None else f"{said}\n{json_of(data, pretty=True)}"


def _is_memory(registry: str) -> bool:
    return registry.lower().startswith("memory:")
