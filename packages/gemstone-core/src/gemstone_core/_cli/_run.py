"""``gemstone run``."""

import click

from ._options import checked_host, pairs


@click.command(context_settings={"allow_extra_args": True})
@click.argument("target")
@click.option("--host", callback=checked_host, help="The address to listen on.")
@click.option("--port", help='The port to listen on, or "random" for any free one.')
@click.option(
    "--set",
    "settings",
    metavar="NAME=VALUE",
    multiple=True,
    callback=pairs("=", "name=value"),
    help="What else of its configurables to set; may be repeated.",
)
@click.pass_context
def run(
    ctx: click.Context,
    target: str,
    host: str | None,
    port: str | None,
    settings: list[tuple[str, str]],
) -> None:
    """Run a service.

    TARGET is module:Service, or path/file.py:Service. The name may be left out where there is only
    one service. It may also be that of an instance, or of a function that makes one. The service is
    configured by what its configurators find, and in place of its command line by what is given
    here.

    \b
        gemstone run users.py
        gemstone run shop.users:Users --port 8001 --set endpoint=/rpc
    """
    from gemstone.errors import ServiceStateError

    from ._given import configure
    from ._target import WRONGLY_DECLARED, code_of_others, make_service

    if ctx.args:  # click would show them
        raise click.UsageError(
            "there are words that belong to no option (not shown, they may be secret): a value "
            "with spaces must be in quotes"
        )
    service = make_service(target)
    failed = f"{service.name} has failed"
    with code_of_others(failed, (*WRONGLY_DECLARED, ServiceStateError)):
        configure(service, host, port, settings)
    with code_of_others(failed, WRONGLY_DECLARED):
        service.start()
