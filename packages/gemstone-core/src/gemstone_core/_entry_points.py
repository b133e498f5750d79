"""What installed distributions offer to gemstone, by the entry points of a group."""

from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points

from gemstone.errors import GemstoneError


def offered(group: str) -> list[str]:
    """The names that installed distributions offer, in alphabetical order."""
    return sorted({point.name for point in entry_points(group=group)})


def load(group: str, name: str, what: str, error: type[GemstoneError]) -> object | None:
    """What an installed distribution offers under a name, imported now.

    Args:
        group: the group of entry points.
        name: the name of the entry point.
        what: what is looked for, for messages.
        error: what to raise.

    Returns:
        It, or ``None`` if nobody offers it.

    Raises:
        GemstoneError: two distributions offer it, or it can't be imported.
    """
    found = list(entry_points(group=group, name=name))
    if not found:
        return None
    if len(found) > 1:
        both = " and ".join(sorted(_distribution(point) for point in found))
        raise error(f"{both} both offer {what}: uninstall one of them")
    try:
        loaded: object = found[0].load()
    except Exception as problem:
        raise error(
            f"{what} of {_distribution(found[0])} can't be imported: {problem}"
        ) from problem
    return loaded


def those(names: Iterable[str]) -> str:
    """What there is, for a message that says what there is not."""
    listed = ", ".join(sorted(names))
    return f"there are {listed}" if listed else "there is none at all"


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value
