"""``FileConfigurator``: values from a file."""

import difflib
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ._configurable import Configurable
from ._configurator import FindingConfigurator, Found
from ._errors import ConfigurationError
from ._reading import READERS, read
from ._shown import kind, one_line, shown

_logger: Final = logging.getLogger("gemstone.config")


class FileConfigurator(FindingConfigurator):
    """Finds the value of ``port`` as ``port`` in the table of the service, in a file.

    The file is read each time that a service is configured. A key that is no configurable is a
    warning in the log.

    Args:
        path: the file, which ends in ``.toml`` or ``.json``; if relative, to the folder that the
            program runs in.
        table: the table in which the values are; by default that of the service's name.
        optional: whether it is fine if there is no such file.

    Raises:
        ConfigurationError: the file is of no kind that can be read.
        TypeError: an argument is of the wrong type.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, table: str | None = None, optional: bool = False
    ) -> None:
        if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str):
            raise TypeError(f"path is {shown(path)}: it must be a text or a pathlib.Path")
        if table is not None and not isinstance(table, str):
            raise TypeError(f"table is {shown(table)}: it must be a text")
        self._path = Path(path)
        self._table = table
        self._optional = optional
        self._name = one_line(str(self._path))
        if self._path.suffix.lower() not in READERS:
            raise ConfigurationError(
                f"{self._name} can't be read: the name of a file of values ends in "
                f"{' or '.join(READERS)}"
            )

    def _find(self) -> Mapping[str, Found]:
        """What is in the file now, by the attribute of the configurable."""
        found: dict[str, Found] = {}
        for key, value in self._read_table().items():
            configurable = self.get_configurable_by_name(key)
            if configurable is None:
                self._warn_of(key)
                continue
            source = self._place(key)
            if configurable.attribute in found:
                raise ConfigurationError(
                    f"{found[configurable.attribute].source} and {source} are the same, written "
                    "with a dash and an underscore: keep one of them"
                )
            found[configurable.attribute] = Found(value, source)
        return found

    def _where(self, configurable: Configurable) -> str:
        """Where the value of a configurable is looked for."""
        return self._place(configurable.name)

    def _place(self, key: str) -> str:
        return f"{self._name}: {one_line(self._used_table())}.{one_line(key)}"

    def _read_table(self) -> Mapping[str, Any]:
        content = read(self._path, self._name, optional=self._optional)
        name = self._used_table()
        table: Any = content.get(name)
        if table is None:  # TOML's [users.v2], without quotes, is a table in a table
            table = content
            for part in name.split("."):
                table = table.get(part, {}) if isinstance(table, dict) else {}
        if table is None:
            return {}
        if not isinstance(table, dict):
            raise ConfigurationError(
                f"{self._name}: {one_line(name)} is {kind(table)}: it must be a table"
            )
        return table

    def _used_table(self) -> str:
        name = self.service_name if self._table is None else self._table
        if name is None:
            raise ConfigurationError(
                f"{self!r} belongs to no service whose name could be that of its table: give it "
                'one, table="…"'
            )
        return name

    def _warn_of(self, key: str) -> None:
        known = [configurable.name for configurable in self.configurables]
        near = difflib.get_close_matches(key, known, n=1)
        hint = f": did you mean {near[0]}?" if near else ""
        _logger.warning("%s is nothing that can be configured%s", self._place(key), hint)

    def __repr__(self) -> str:
        return f"FileConfigurator({self._name!r})"
