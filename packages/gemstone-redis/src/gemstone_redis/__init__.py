"""Redis for gemstone: event transports and service discovery.

Nothing is here yet but the version.
"""

from typing import TYPE_CHECKING

__all__ = ["__version__"]

__version__: str

if not TYPE_CHECKING:  # else a type checker would believe that every name is here

    def __getattr__(name: str) -> str:
        if name == "__version__":
            from importlib.metadata import version

            return version("gemstone-redis")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
