"""`batchwright up`: the same manifests, no cluster."""

import asyncio
from pathlib import Path

import click
from rich.console import Console

from batchwright_operator.local.checks import SetupError
from batchwright_operator.local.page.address import PageAddress
from batchwright_operator.local.placement import Placement
from batchwright_operator.local.up import load_setup, run_up
from batchwright_operator.local.view import LiveView, PlainView, View
from batchwright_operator.resources.manifests import InvalidManifests

_LAST_PORT = 65534


class PageAddressType(click.ParamType[PageAddress]):
    """`--page`'s value."""

    name = "address"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> PageAddress:
        try:
            return PageAddress.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--volume",
    "volumes",
    multiple=True,
    metavar="CLAIM=DIRECTORY",
    help="Where the volume of a claim is. Once for each claim.",
)
@click.option(
    "--port",
    type=click.IntRange(1, _LAST_PORT),
    help="gRPC port of the first ModelServer; HTTP is the next, further ones follow. "
    "Without it: the ports in the manifests.",
)
@click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".batchwright"),
    show_default=True,
    help="Where status, events and the servers' output are kept.",
)
@click.option(
    "--page",
    type=PageAddressType(),
    metavar="[HOST:]PORT",
    help="Show what happens on a web page, too, which keeps itself up to date. Without HOST for this "
    "machine alone; port 0 is any that is free.",
)
def up(
    files: tuple[Path, ...],
    volumes: tuple[str, ...],
    port: int | None,
    state_dir: Path,
    page: PageAddress | None,
) -> None:
    """Run the ModelServers in FILES on this machine until Ctrl-C.

    Each pod is a process. The files are watched: an edit is applied as it is saved, one that is not
    valid changes nothing and is told.
    """
    placement = Placement(state_dir.resolve(), _parse_volumes(volumes), port)
    try:
        setup = load_setup(files, placement)
        asyncio.run(run_up(setup, _view(), page))
    except (SetupError, InvalidManifests) as error:
        click.echo(str(error), err=True)
        raise SystemExit(2) from error


def _parse_volumes(texts: tuple[str, ...]) -> dict[str, Path]:
    volumes = {}
    for text in texts:
        claim, separator, directory = text.partition("=")
        if not (claim and separator and directory):
            raise click.UsageError(f"--volume {text}: expected CLAIM=DIRECTORY")
        if claim in volumes:
            raise click.UsageError(f"--volume {text}: the claim {claim!r} was given before")
        volumes[claim] = Path(directory).resolve()
    return volumes


def _view() -> View:
    out, err = Console(), Console(stderr=True)
    return LiveView(out, err) if out.is_terminal else PlainView(out, err)
