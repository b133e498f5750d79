"""What the usage text says of a configurable."""

from pathlib import PurePath
from typing import Any

from ._configurable import UNSET, Configurable
from ._shown import one_line, shown


def usage_of(configurable: Configurable) -> str | None:
    """Its help text, choices and default, as argparse takes it; ``None`` if there is nothing."""
    said = []
    if configurable.help:
        said.append(one_line(configurable.help))
    if configurable.choices is not None and not configurable.secret:
        said.append(f"one of {', '.join(map(_plain, configurable.choices))}")
    if configurable.type is bool:
        said.append(f"--no-{configurable.name} turns it off")
    text = "; ".join(said)
    if configurable.required:
        text += " (required)"
    elif (default := _default(configurable)) is not None:
        text += f" (default: {default})"
    return text.strip().replace("%", "%%") or None  # for argparse a lone "%" is a format


def _default(configurable: Configurable) -> str | None:
    """The default, if there is one that says something to people."""
    value = configurable.default
    if value is UNSET or value is None:
        return None
    if configurable.secret:
        return "***"
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return ", ".join(map(_plain, value)) or None
    return _plain(value) if isinstance(value, bool | int | float | str | PurePath) else None


def _plain(value: Any) -> str:
    """A value, as one would write it on the command line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | PurePath) and (text := one_line(str(value))):
        return text
    return shown(value)
