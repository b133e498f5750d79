"""Reads the flags of configurables, with argparse."""

import argparse
import difflib
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ._configurable import Configurable
from ._configurator import Found
from ._errors import ConfigurationError
from ._shown import shown
from ._usage import usage_of

_FLAG: Final = re.compile(r"--[A-Za-z][A-Za-z0-9_-]*|-[A-Za-z]")
#: What argparse does not always take for one.
_NEGATIVE_NUMBER: Final = re.compile(
    r"-(\d[\d_]*\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE
)


class Flags:
    """The flags of configurables, as argparse reads them.

    Args:
        configurables: what can be set.
    """

    def __init__(self, configurables: Sequence[Configurable]) -> None:
        self._parser = _Parser(
            prog=None if sys.argv else "service",
            argument_default=argparse.SUPPRESS,
            allow_abbrev=False,
            exit_on_error=False,
        )
        self._secrets: list[str] = []
        self._needs_value = {"--help": False}
        #: What a flag is for, by its spelling without dashes.
        self._meant: dict[str, tuple[Configurable, dict[str, Any]]] = {}
        for configurable in configurables:
            self._add_flags(configurable)
        # After all others: one may be called "no-…" itself.
        for configurable in configurables:
            if configurable.type is bool:
                self._add_spellings(
                    f"--no-{configurable.name}", configurable, nargs=0, const="false"
                )

    def read(self, arguments: Sequence[str]) -> Mapping[str, Found]:
        """What the arguments say, by the attribute of the configurable.

        Raises:
            ConfigurationError: one of them is wrong.
            SystemExit: they ask for the usage text, which was printed.
        """
        for argument in arguments:
            self._add_as_written(argument.partition("=")[0])
        try:
            namespace, left = self._parser.parse_known_args(self._with_numbers(arguments))
        except argparse.ArgumentError as error:
            raise ConfigurationError(self._problem(error.argument_name or "")) from None
        if left:
            raise ConfigurationError(self._problem_of_unknown(left[0]))
        found: dict[str, Found] = vars(namespace)
        return found

    def _with_numbers(self, arguments: Sequence[str]) -> Sequence[str]:
        """The arguments, with negative numbers behind their flags."""
        made: list[str] = []
        for argument in arguments:
            if made and self._needs_value.get(made[-1]) and _NEGATIVE_NUMBER.fullmatch(argument):
                made[-1] = f"{made[-1]}={argument}"
            else:
                made.append(argument)
        return made

    def _problem(self, flag: str) -> str:
        """What is wrong with the use of a flag that there is."""
        if self._needs_value.get(flag):
            return f"{flag} needs a value (one that begins with a dash is written {flag}=-…)"
        return f"{flag} takes no value"

    def _problem_of_unknown(self, argument: str) -> str:
        """What is wrong with an argument that is nobody's; it may be a part of a secret."""
        flag = argument.partition("=")[0]
        if _FLAG.fullmatch(flag):
            near = difflib.get_close_matches(flag, self._needs_value, n=1)
            hint = f"did you mean {near[0]}?" if near else "--help lists those that there are"
            # Behind the flag of a secret, the secret may stand.
            begun = [secret for secret in self._secrets if flag.startswith(secret)]
            return f"there is no option {f'{begun[0]}…' if begun else flag}: {hint}"
        what = "an argument (not shown, it may be secret)" if self._secrets else shown(argument)
        return f"{what} belongs to no option: a value with spaces must be in quotes"

    def _add_flags(self, configurable: Configurable) -> None:
        flag = f"--{configurable.name}"
        if flag in self._needs_value:
            raise ConfigurationError(f"{flag} can't be an option of its own: call it otherwise")
        options: dict[str, Any] = {}
        if configurable.type is bool:
            options = {"nargs": "?", "const": "true", "metavar": "true|false"}
        self._add_spellings(flag, configurable, help=usage_of(configurable), **options)

    def _add_spellings(self, flag: str, configurable: Configurable, **options: Any) -> None:
        """Add a flag, and its other spellings; the usage text tells of it only if it has a help."""
        name = flag.removeprefix("--")
        hidden = {**options, "help": argparse.SUPPRESS}
        self._meant.setdefault(flag.replace("-", "_"), (configurable, hidden))
        for spelling in dict.fromkeys((name, name.replace("_", "-"), name.replace("-", "_"))):
            spelled = f"--{spelling}"
            if spelled not in self._needs_value:
                is_told = spelled == flag and "help" in options
                self._add_spelling(spelled, configurable, options if is_told else hidden)

    def _add_as_written(self, flag: str) -> None:
        """Add a flag in which dashes and underscores are mixed, if it is one of ours."""
        meant = self._meant.get(flag.replace("-", "_")) if flag.startswith("--") else None
        if meant is not None and flag not in self._needs_value:
            self._add_spelling(flag, *meant)

    def _add_spelling(
        self, spelled: str, configurable: Configurable, options: Mapping[str, Any]
    ) -> None:
        self._parser.add_argument(spelled, dest=configurable.attribute, action=_Keep, **options)
        self._needs_value[spelled] = "nargs" not in options
        if configurable.secret:
            self._secrets.append(spelled)


class _Parser(argparse.ArgumentParser):
    """Prints its usage text also where some of the characters can't be printed."""

    def _print_message(self, message: str, file: Any = None) -> None:
        encoding = getattr(file, "encoding", None) or "utf-8"
        printable = message.encode(encoding, "backslashreplace").decode(encoding)
        super()._print_message(printable, file)


class _Keep(argparse.Action):
    """Keeps a value, and the flag that was written."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        value = self.const if self.nargs == 0 else values
        setattr(namespace, self.dest, Found(value, option_string or ""))
