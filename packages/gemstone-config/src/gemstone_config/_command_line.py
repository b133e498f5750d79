"""``CommandLineConfigurator``: values from the command line."""

import sys
from collections.abc import Mapping, Sequence

from ._configurable import Configurable
from ._configurator import FindingConfigurator, Found


class CommandLineConfigurator(FindingConfigurator):
    """Finds the value of ``port`` in the arguments ``--port 8000`` or ``--port=8000``.

    ``--help`` prints the usage text, and ends the program with the status 0.

    Args:
        arguments: what to read instead of the arguments of the process.

    Raises:
        TypeError: the arguments are no list of texts.
    """

    def __init__(self, arguments: Sequence[str] | None = None) -> None:
        if arguments is not None and (
            isinstance(arguments, str)
            or not isinstance(arguments, Sequence)
            or not all(isinstance(each, str) for each in arguments)
        ):
            raise TypeError('arguments must be a list of texts, like ["--port", "8000"]')
        self._arguments = arguments

    def _find(self) -> Mapping[str, Found]:
        """What is on the command line now, by the attribute of the configurable."""
        # Loads argparse, which services that nobody configures can do without.
        from ._flags import Flags

        given = sys.argv[1:] if self._arguments is None else self._arguments
        return Flags(self.configurables).read(given)

    def _where(self, configurable: Configurable) -> str:
        """Where the value of a configurable is looked for."""
        return f"--{configurable.name}"
