"""The command ``gemstone``.

- ``_group``: its commands, one file each: ``_run``, ``_call``, ``_services``, ``_emit``,
  ``_listen``, ``_dead_letters``, ``_registry``, ``_version``;
- ``_target``: the service that ``run`` is told; ``_given``: what it is told to set;
- ``_options``, ``_values``: what people write, read and checked;
- ``_failures``: what can go wrong, and with which status the process ends then;
- ``_asking``: asking a registry, for a while; ``_output``: what people and scripts read;
  ``_streams``: where that goes.

The modules import click only, and what else they need when a command runs: ``gemstone`` is started
by hand, again and again. Nothing else in this package imports click or rich, which come with the
distribution ``gemstone``, and not with ``gemstone-core``.
"""

from importlib.util import find_spec
from typing import Final

_NEEDED: Final = ("click", "rich")


def main() -> None:
    """Run the command that the arguments of the process say, and end the process.

    Raises:
        SystemExit: always; its status is 0 where all went well.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise SystemExit(
            f"gemstone: {' and '.join(missing)} can't be found, which the command line needs. "
            'Install everything with: pip install "gemstone>=1"'
        )
    from ._group import gemstone
    from ._streams import prepare_streams

    prepare_streams()
    gemstone()
