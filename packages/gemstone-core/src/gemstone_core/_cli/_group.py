"""The commands, and how all of them end."""

import sys
from typing import Any, Final

import click

from ._call import call, call_raw
from ._dead_letters import dead_letters, forget
from ._emit import emit
from ._listen import listen
from ._registry import registry
from ._run import run
from ._services import services
from ._streams import give_up_stdout
from ._version import version

#: As the shell says of programs that a signal has ended: SIGINT, and SIGPIPE.
_INTERRUPTED: Final = 130
_NOBODY_READS: Final = 141


class _Commands(click.Group):
    """Commands in the order in which they were added; dashes and underscores are the same."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, cmd_name.replace("-", "_"))

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().main(*args, **kwargs)
        except OSError as error:  # --help and --version print before there is a command
            give_up_stdout()
            _unwritten(error).show()
            raise SystemExit(click.ClickException.exit_code) from None

    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except KeyboardInterrupt:
            if sys.stderr.isatty():
                click.echo(err=True)  # else the prompt would follow the ^C
            raise click.exceptions.Exit(_INTERRUPTED) from None
        except BrokenPipeError:
            give_up_stdout()
            raise click.exceptions.Exit(_NOBODY_READS) from None
        except OSError as error:
            give_up_stdout()
            raise _unwritten(error) from None


def _unwritten(error: OSError) -> click.ClickException:
    return click.ClickException(f"the output can't be written: {error.strerror}")


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gemstone-core", prog_name="gemstone")
def gemstone() -> None:
    """Run services, call them, and see what goes on between them.

    The status at the end is 0 if all went well, 1 if a service answered an error, 2 if the command
    can't be understood, and 3 if somebody can't be reached.
    """


for command in (
    *(run, call, call_raw, services, emit, listen),
    *(dead_letters, forget, registry, version),
):
    gemstone.add_command(command)
