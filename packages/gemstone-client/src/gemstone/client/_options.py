"""How a call is made: what `with_options` can change."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """How a call is made.

    Args:
        timeout: how many seconds it may take in all.
        idempotent: whether it may be executed more than once.
        max_attempts: how often it is made at most, if so.
    """

    timeout: float
    idempotent: bool = False
    max_attempts: int = 3
