"""`batchwright validate`: every fault of every file."""

from pathlib import Path

import click

from batchwright_operator.cli.arguments import MANIFEST_FILE
from batchwright_operator.local.manifestfiles import load_manifests
from batchwright_operator.resources.attachment import describe_orphan
from batchwright_operator.resources.manifests import InvalidManifests


@click.command()
@click.argument("files", nargs=-1, required=True, type=MANIFEST_FILE)
def validate(files: tuple[Path, ...]) -> None:
    """Check manifests (-: standard input). Every fault is listed; exit code 1 if there is any."""
    try:
        manifests = load_manifests(files)
    except InvalidManifests as error:
        click.echo(str(error), err=True)
        raise SystemExit(1) from error
    for server in manifests.servers:
        click.echo(f"{server.kind} {server.key}: valid")
        for pipeline in server.pipelines:
            click.echo(f"{pipeline.kind} {pipeline.key}: valid")
    for pipeline in manifests.orphans:
        click.echo(f"{pipeline.kind} {pipeline.key}: valid")
        click.echo(f"warning: {describe_orphan(pipeline)}", err=True)
