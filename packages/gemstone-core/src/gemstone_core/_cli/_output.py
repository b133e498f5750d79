"""What is printed: for people in a terminal, for people through a pipe, and for scripts."""

import json
import logging
import re
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import click

from .._backends import mask_message

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

#: Colours take their time; nobody looks at all of such a text.
_TOO_LONG_FOR_COLOURS: Final = 100_000
#: What may do something to a terminal. All of it is within strings, but for line breaks.
_MAY_BE_CONTROL: Final = re.compile(r"[^\n -~]")


def json_of(value: Any, *, pretty: bool = False) -> str:
    """A value as JSON, all of whose characters can be printed here.

    Args:
        value: what was decoded from JSON.
        pretty: whether it is for people, on several lines.
    """
    text = json.dumps(value, ensure_ascii=False, indent=2 if pretty else None)
    is_utf8 = sys.stdout.encoding.lower().replace("-", "") == "utf8"

    def escaped(found: re.Match[str]) -> str:
        char = found[0]
        return char if is_utf8 and char.isprintable() else json.dumps(char)[1:-1]

    return _MAY_BE_CONTROL.sub(escaped, text)


def shown(text: str) -> str:
    """What somebody else has said, on one line, and without the passwords of URLs."""
    return "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in mask_message(text)
    )


def show(value: Any) -> None:
    """Print a value as JSON, for people."""
    text = json_of(value, pretty=True)
    if terminal() is None:
        click.echo(text)
    else:
        show_line(coloured_json(text))


def show_line(text: "Text") -> None:
    """Print a text in the terminal, whose lines it wraps, and not us: so they can be copied."""
    console = terminal()
    assert console is not None
    console.print(text, soft_wrap=True)


def coloured_json(text: str) -> "Text":
    """JSON in colours."""
    from rich.highlighter import JSONHighlighter
    from rich.text import Text

    plain = Text(text)
    return plain if len(text) > _TOO_LONG_FOR_COLOURS else JSONHighlighter()(plain)


@cache
def terminal() -> "Console | None":
    """The terminal that the standard output is, or ``None`` if it is none."""
    if not sys.stdout.isatty():
        return None
    from rich.console import Console

    return Console()


def show_log(*levels: int) -> None:
    """Have on stderr what the library logs: a broker that went away, or is there again.

    Args:
        levels: which of it, as :data:`logging.WARNING`.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.addFilter(lambda record: record.levelno in levels)
    logger = logging.getLogger("gemstone")
    logger.addHandler(handler)
    logger.setLevel(min(levels))
