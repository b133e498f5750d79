"""``gemstone services``."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from gemstone.errors import DiscoveryError

from ._asking import registry_at
from ._failures import failures
from ._options import json_option, registry_option, timeout_option
from ._output import json_of, shown, terminal


@click.command()
@registry_option
@timeout_option
@json_option('{"name": ["URL", …], …} on one line')
def services(registry: str, timeout: float, as_json: bool) -> None:
    """Show what a registry knows.

    It is a table of the services, and where they are. Through a pipe there is one line for each
    instance: the name, a tab, and the URL.
    """
    with failures(), registry_at(registry, timeout) as where:
        known = _checked(where.ask(lambda strategy: strategy.services()), where.shown)
    if as_json:
        click.echo(json_of(known))
    elif terminal() is not None:
        _show_table(known, where.shown)
    else:
        for name, locations in known.items():
            for location in locations:
                click.echo(f"{shown(name)}\t{location}")


def _checked(answer: Any, registry: str) -> dict[str, list[str]]:
    """What a strategy answers, if it is of the right shape: sorted, and without passwords."""
    if not isinstance(answer, Mapping) or not all(
        isinstance(name, str)
        and isinstance(locations, Sequence)
        and not isinstance(locations, str)
        and all(isinstance(location, str) for location in locations)
        for name, locations in answer.items()
    ):
        raise DiscoveryError(f"services() of {registry} gave something else than URLs by name")
    return {name: sorted(map(shown, answer[name])) for name in sorted(answer)}


def _show_table(known: dict[str, list[str]], registry: str) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    console = terminal()
    assert console is not None
    if not known:
        console.print(Text(f"{registry} knows no service now"), soft_wrap=True)
        return
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("service", overflow="fold")
    table.add_column("location", overflow="fold", style="cyan")
    for name, locations in known.items():
        table.add_row(Text(shown(name)), Text("\n".join(locations)))
    console.print(table)
