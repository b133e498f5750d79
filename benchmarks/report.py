"""What is printed: the machine, tables, and whether the targets were reached."""

import math
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Final

_DISTRIBUTIONS: Final = (
    *("gemstone-core", "gemstone-client", "gemstone-redis", "gemstone-rabbitmq"),
    *("tornado", "httptools", "uvloop", "msgspec", "requests", "redis", "hiredis", "pika"),
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One side against the other, round by round: what the machine does meanwhile hits both.

    Args:
        what: what is compared.
        ratios: the ratio of each round; where the other side is a number, what was measured.
        at_least: the least that is wanted of their median.
        at_most: the most that is wanted of it.
    """

    what: str
    ratios: Sequence[float]
    at_least: float | None = None
    at_most: float | None = None

    @property
    def ratio(self) -> float:
        """The median of the ratios."""
        return median(self.ratios)

    @property
    def missed(self) -> bool:
        """Whether the ratio is not what was wanted."""
        return (self.at_least is not None and self.ratio < self.at_least) or (
            self.at_most is not None and self.ratio > self.at_most
        )

    def row(self) -> list[str]:
        """Its row in the table of comparisons."""
        wanted = "-"
        if self.at_least is not None:
            wanted = f"at least {self.at_least}"
        elif self.at_most is not None:
            wanted = f"at most {self.at_most}"
        verdict = "-" if wanted == "-" else "missed" if self.missed else "reached"
        return [self.what, spread(self.ratios, 2), wanted, verdict]


@dataclass(frozen=True, slots=True)
class Part:
    """What one part of the benchmark found."""

    text: str
    comparisons: Sequence[Comparison]


def comparisons_table(comparisons: Iterable[Comparison]) -> str:
    """The table of all comparisons."""
    header = ["of each round", "median (range)", "wanted", "verdict"]
    return table(header, [comparison.row() for comparison in comparisons])


def ratios(ours: Iterable[float], theirs: Iterable[float]) -> list[float]:
    """The ratio of each round."""
    return [mine / other for mine, other in zip(ours, theirs, strict=True)]


def percentile(values: Iterable[float], percent: float) -> float:
    """What this part of the values does not exceed."""
    ordered = sorted(values)
    return ordered[math.ceil(len(ordered) * percent / 100) - 1]


def spread(values: Sequence[float], digits: int = 0) -> str:
    """The median, and the range in parentheses."""
    return f"{median(values):,.{digits}f} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def machine() -> str:
    """What the figures belong to: versions, and the machine."""
    versions = []
    for name in _DISTRIBUTIONS:
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:  # run from its sources
            versions.append(f"{name} (not installed)")
    python = f"{platform.python_implementation()} {platform.python_version()}"
    cores = len(os.sched_getaffinity(0))
    return (
        f"{python}, {', '.join(versions)}\n"
        f"{_processor()}, {cores} cores, {platform.system()} {platform.release()}"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, aligned so that it reads well as it is."""
    lines = [list(header), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |"
        for line in lines
    )
