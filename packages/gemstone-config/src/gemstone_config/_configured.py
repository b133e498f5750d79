"""``ConfiguredValue``: what came of a configurable."""

from typing import Any, NamedTuple


class ConfiguredValue(NamedTuple):
    """A value of a service as it can be shown, and where it came from.

    Attributes:
        value: the value; ``"***"`` for that of a secret, and for the passwords in URLs.
        source: where it came from: ``"--port"``, ``"users.toml: users.port"``, or ``"default"``
            for what the class, or the program, says.
    """

    value: Any
    source: str
