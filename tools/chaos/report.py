"""What a scenario found, as it is printed."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Found:
    """What a scenario found.

    Args:
        row: its row in the table of its set; whose it is, and its name, come first.
        problems: all that may not be, in words.
    """

    row: Sequence[str]
    problems: Sequence[str]


def seconds(values: Sequence[float]) -> str:
    """The median, and the greatest."""
    return f"{median(values):.1f}, {max(values):.1f}" if values else "-"
