"""The code blocks of the manual of 0.12, which are in manual.md, word for word."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gemstone

PLACES: dict[str, str] = dict(
    re.findall(
        r"^## (.+?)\n\n```\w+\n(.*?)^```",
        Path(__file__).with_name("manual.md").read_text(),
        re.DOTALL | re.MULTILINE,
    )
)
#: What the manual says, and what has to be said instead, at each place where it is wrong.
WRONG: dict[str, list[tuple[str, str]]] = {
    "First look: the answer": [(', "error": null', "")],
    "RPC: a coroutine": [("self.get_executor.submit", "self.get_executor().submit")],
    "gemstone.config: Configurable": [
        ('c.set_value("1,2,3,4,5")', 'c2.set_value("1,2,3,4,5")'),
        ("c.get_final_value() # [1,2,3,4,5]", "c2.get_final_value() # [1,2,3,4,5]"),
    ],
    "gemstone.config: the usage of CommandLineConfigurator": [("optional arguments:", "options:")],
}


def said(place: str, *changes: tuple[str, str]) -> str:
    """What the manual says at a place, with changes, each of which has to find its text once."""
    text = PLACES[place]
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} is not there once:\n{text}"
        text = text.replace(old, new)
    return text


def corrected(place: str, *changes: tuple[str, str]) -> str:
    """The same, with what is wrong in the manual put right."""
    return said(place, *WRONG[place], *changes)


def run(text: str, **names: Any) -> dict[str, Any]:
    """Runs a block, and gives the names that are there then."""
    names = {"__name__": "manual", "gemstone": gemstone, **names}
    exec(compile(text, "manual.md", "exec"), names)
    return names


@contextlib.contextmanager
def serving(of: type, **attributes: Any) -> Iterator[Any]:
    """Serves a service of a block, with what its "# ..." left out."""
    left_out = {"name": "manual", "port": 0, "drain_grace": 0, **attributes}
    with type("Service", (of,), left_out)().start_in_thread() as service:
        yield service


@contextlib.contextmanager
def called(of: type, **attributes: Any) -> Iterator[gemstone.RemoteService]:
    """Calls a service of a block."""
    with serving(of, **attributes) as service, gemstone.RemoteService(service.accessible_at) as us:
        yield us
