"""`batchwright validate`: every fault of every file."""

from pathlib import Path

import click

from batchwright_operator.local.manifestfiles import load_manifests
from batchwright_operator.resources.manifests import InvalidManifests


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
def validate(files: tuple[Path, ...]) -> None:
    """Check manifests. Every fault is listed; exit code 1 if there is any."""
    try:
        servers = load_manifests(files)
    except InvalidManifests as error:
        click.echo(str(error), err=True)
        raise SystemExit(1) from error
    for server in servers:
        click.echo(f"{server.kind} {server.key}: valid")
