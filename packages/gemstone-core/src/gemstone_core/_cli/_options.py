"""Options that several commands have."""

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

Decorated = TypeVar("Decorated", bound=Callable[..., Any] | click.Command)

#: Longer than anybody waits, in seconds, and not longer than the system can.
_LONGEST: Final = 1_000_000.0


class WordsCommand(click.Command):
    """A command whose last words may be anything, also negative numbers."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if re.match(r"-\.?\d", error.option_name):
                words = [each for each in self.params if isinstance(each, click.Argument)]
                raise click.UsageError(
                    f"{error.option_name} is no option. Write -- before "
                    f"{words[1].human_readable_name} if it is a value",
                    ctx,
                ) from None
            raise


def checked_host(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """A host, as the callback of an option: of an empty one nobody expects what it stands for."""
    if value == "":
        raise click.BadParameter("it is empty; all addresses are 0.0.0.0, or ::")
    return value


def checked_port(ctx: click.Context, param: click.Parameter, value: str) -> int:
    """A port, as the callback of an option: a number, or ``random``."""
    from .._attributes import port_from

    try:
        return port_from(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}, not {value!r}") from None


def checked_seconds(
    ctx: click.Context, param: click.Parameter, value: float | None
) -> float | None:
    """A time to wait, as the callback of an option."""
    if value is not None and not 0 < value <= _LONGEST:  # false of NaN as well
        raise click.BadParameter(
            f"{value:g} is no number of seconds above 0 and up to {_LONGEST:,.0f}"
        )
    return value


def pairs(separator: str, example: str) -> Callable[..., list[tuple[str, str]]]:
    """The callback of an option that holds a name and a value, which may be a secret.

    Args:
        separator: what is between the two.
        example: how it is written; what was written is not shown.
    """

    def split(
        ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
    ) -> list[tuple[str, str]]:
        found = []
        for each in values:
            name, is_there, value = each.partition(separator)
            if not is_there or not name.strip():
                raise click.BadParameter(f"it is written as {example}")
            found.append((name.strip(), value))
        return found

    return split


registry_option: Final = click.option(
    "--registry",
    metavar="URL",
    envvar="GEMSTONE_REGISTRY",
    show_envvar=True,
    required=True,
    help="Where services are looked up: redis://…, http://…, or what else is installed.",
)
timeout_option: Final = click.option(
    "--timeout",
    metavar="SECONDS",
    type=float,
    callback=checked_seconds,
    default=30.0,
    show_default=True,
    help="How long all of it may take.",
)


def header_option(function: Decorated) -> Decorated:
    """The option ``--header``: a mapping, by the name of ``headers``."""
    split = pairs(":", "'Name: value'")

    def headers(
        ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
    ) -> dict[str, str]:
        return {name: value.strip() for name, value in split(ctx, param, values)}

    return click.option(
        "--header",
        "headers",
        metavar="'NAME: VALUE'",
        multiple=True,
        callback=headers,
        help="A header to send; may be repeated.",
    )(function)


def json_option(what: str) -> Callable[[Decorated], Decorated]:
    """The option ``--json``: by the name of ``as_json``.

    Args:
        what: what is printed then.
    """
    return click.option("--json", "as_json", is_flag=True, help=f"Print {what}, for scripts.")
