"""``gemstone dead-letters`` and ``gemstone forget``."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from ._asking import in_time
from ._failures import failures
from ._options import json_option, timeout_option
from ._output import json_of, shown, terminal

if TYPE_CHECKING:
    from .._events._dead_letters import DeadLetter, DeadLetters


@click.command("dead_letters")
@click.argument("url")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--service", metavar="NAME", help="Only those of this service.")
@click.option("--event", metavar="NAME", help="Only those of events of this name.")
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Show N of them at most.")
@click.option("--replay", "act", flag_value="replay", help="Have them delivered again.")
@click.option("--purge", "act", flag_value="purge", help="Throw them away, for ever.")
@click.option("--all", "is_all", is_flag=True, help="Replay or purge whatever there is.")
@timeout_option
@json_option("each letter, with its body, as JSON on one line")
def dead_letters(
    url: str,
    ids: tuple[str, ...],
    service: str | None,
    event: str | None,
    limit: int | None,
    act: str | None,
    is_all: bool,
    timeout: float,
    as_json: bool,
) -> None:
    """Show events that services could not handle.

    URL is that of a durable transport. Replayed events go to the service that could not handle
    them, and to no other.

    \b
        gemstone dead-letters redis+stream://127.0.0.1:6379/0
        gemstone dead-letters amqp+durable://127.0.0.1/ --service mailer --replay
    """
    chosen = {"service": service, "event_name": event}
    if act is not None:
        if limit is not None:
            raise click.UsageError(f"--limit is for showing them, and --{act} takes them all")
        if not (ids or service or event or is_all):
            raise click.UsageError(f"say which to {act}: IDs, --service, --event, or --all")
    from .._events._dead_letters import dead_letters as letters_of

    late = f"the broker did not answer within {timeout:g} s"
    with failures(), letters_of(url) as letters:
        if act is None:
            found = in_time(lambda: letters.list(ids, limit=limit, **chosen), timeout, late)
            _show(found, as_json)
        else:
            count = in_time(lambda: _act(letters, act, ids, chosen), timeout, late)
            done = "replayed" if act == "replay" else "purged"
            click.echo(json_of({done: count}) if as_json else f"{_counted(count)} {done}")


@click.command()
@click.argument("url")
@click.argument("service")
@click.argument("events", metavar="[EVENT]...", nargs=-1)
@timeout_option
def forget(url: str, service: str, events: tuple[str, ...], timeout: float) -> None:
    """Have a broker keep nothing more for a service that will not return.

    URL is that of a durable transport. What is kept for the SERVICE is thrown away, but for its
    dead letters. RabbitMQ must be told the EVENTs that it has handled, Redis knows them.

    \b
        gemstone forget redis+stream://127.0.0.1:6379/0 mailer
    """
    from .._events._dead_letters import forget_service

    late = f"the broker did not answer within {timeout:g} s"
    with failures():
        count = in_time(lambda: forget_service(url, service, events), timeout, late)
    said = "1 event" if count == 1 else f"{count} events"
    click.echo(f"{shown(service)} is forgotten; it had subscribed to {said}")


def _act(
    letters: "DeadLetters", act: str, ids: Sequence[str], chosen: dict[str, str | None]
) -> int:
    do = letters.replay if act == "replay" else letters.purge
    return do(ids, service=chosen["service"], event_name=chosen["event_name"])


def _counted(count: int) -> str:
    return "1 dead letter was" if count == 1 else f"{count} dead letters were"


def _show(found: "Sequence[DeadLetter]", as_json: bool) -> None:
    if as_json:
        for letter in found:
            click.echo(json_of(_as_json(letter)))
    elif terminal() is not None:
        _show_table(found)
    else:
        for letter in found:
            click.echo("\t".join(map(shown, _row(letter))))


def _row(letter: "DeadLetter") -> list[str]:
    return [letter.id, letter.service, letter.event_name, str(letter.attempts), letter.reason]


def _as_json(letter: "DeadLetter") -> dict[str, Any]:
    from gemstone.errors import InvalidEventError

    told: dict[str, Any] = {
        "id": letter.id,
        "service": letter.service,
        "event": letter.event_name,
        "event_id": letter.event_id,
        "headers": {**letter.headers},
        "attempts": letter.attempts,
        "reason": letter.reason,
        "died_at": letter.died_at,
    }
    try:
        return {**told, "body": letter.body}
    except InvalidEventError:  # that is why it is here
        return {**told, "data": letter.data.decode(errors="backslashreplace")}


def _show_table(found: "Sequence[DeadLetter]") -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    console = terminal()
    assert console is not None
    if not found:
        console.print(Text("there are no dead letters"), soft_wrap=True)
        return
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in ("id", "died", "service", "event", "tries", "reason"):
        table.add_column(column, overflow="fold")
    for letter in found:
        id, *others = map(shown, _row(letter))
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(letter.died_at))
        table.add_row(*map(Text, (id, at, *others)))
    console.print(table)
