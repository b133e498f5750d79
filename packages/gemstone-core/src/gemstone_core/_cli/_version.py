"""``gemstone version``."""

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from typing import Final

import click

from ._options import json_option
from ._output import json_of

_DISTRIBUTIONS: Final = (
    "gemstone",
    "gemstone-client",
    "gemstone-config",
    "gemstone-core",
    "gemstone-redis",
    "gemstone-rabbitmq",
)


@click.command()
@json_option("an object with the version of each, on one line")
def version(as_json: bool) -> None:
    """Show what is installed."""
    versions = {}
    for name in _DISTRIBUTIONS:
        try:
            versions[name] = version_of(name)
        except PackageNotFoundError:
            continue
    versions["python"] = platform.python_version()
    if as_json:
        click.echo(json_of(versions))
        return
    width = max(map(len, versions))
    for name, number in versions.items():
        click.echo(f"{name:<{width}}  {number}")
