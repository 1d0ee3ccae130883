"""`batchwright convert`: from a configuration document to manifests, and back."""

import posixpath
from pathlib import Path

import click
from pydantic import ValidationError

from batchwright_operator.cli.render import to_yaml
from batchwright_operator.local.manifestfiles import load_manifests
from batchwright_operator.render.conversion import Placing, render_model_server
from batchwright_operator.render.export import export_document
from batchwright_operator.render.pipeline_conversion import render_pipelines
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources import wording
from batchwright_operator.resources.manifests import InvalidManifests
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_server.config.document import Document, parse_document, render_document
from batchwright_server.config.problems import InvalidDocument, Problem


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", help="Name of the ModelServer to write, or to read of several.")
@click.option(
    "--claim",
    "claims",
    multiple=True,
    metavar="CLAIM[=DIRECTORY]",
    help="The volume that is at DIRECTORY in the paths of the configuration; without a directory the "
    "deepest one that all models are in. Once for each volume.  [default: models]",
)
@click.option("--to-config", is_flag=True, help="The other way: FILE has manifests.")
@click.option("--partial", is_flag=True, help="Write what can be said even where something cannot.")
def convert(
    file: Path, name: str | None, claims: tuple[str, ...], *, to_config: bool, partial: bool
) -> None:
    """Turn an OpenVINO Model Server configuration (JSON) into manifests.

    What cannot be said on the other side is listed on standard error, and then nothing is written
    (exit code 1) unless --partial is given.
    """
    try:
        if to_config:
            text, losses = _to_config(file, name, claims)
        else:
            text, losses = _to_manifest(file, name, claims)
    except InvalidDocument as error:
        raise _fail([f"{file}: {problem}" for problem in _problems(error)]) from error
    except InvalidManifests as error:
        raise _fail(list(map(str, error.faults))) from error
    for loss in losses:
        click.echo(f"{file}: {loss}", err=True)
    if losses and not partial:
        raise _fail(["nothing written; --partial writes all but the above"])
    if not text:
        raise _fail(["nothing written: no valid object is left"])
    click.echo(text, nl=False)


def _problems(error: InvalidDocument) -> tuple[Problem, ...]:
    """What is wrong, in the words of all commands where it is a key or a value."""
    cause = error.__cause__
    return wording.to_problems(cause, Document) if isinstance(cause, ValidationError) else error.problems


def _to_manifest(
    file: Path, name: str | None, claims: tuple[str, ...]
) -> tuple[str, tuple[Problem, ...]]:
    document = parse_document(file.read_bytes())
    for warning in document.warnings:
        click.echo(f"{file}: note: {warning}", err=True)
    placing = Placing(_volumes(document, claims, str(file.parent)), str(file.parent))
    converted = render_model_server(document, name or "models", placing)
    pipelines = render_pipelines(document, name or "models")
    losses = (*converted.losses, *pipelines.losses)
    if converted.manifest is None:
        return "", losses
    return to_yaml([converted.manifest, *pipelines.manifests]), losses


def _to_config(file: Path, name: str | None, claims: tuple[str, ...]) -> tuple[str, tuple[Problem, ...]]:
    server = _pick(load_manifests([file]).servers, name)
    mounts = {claim: directory for claim, directory in map(_parse_claim, claims) if directory}
    exported = export_document(server, Settings(claim_mounts=mounts))
    return render_document(exported.document).decode(), exported.losses


def _pick(servers: tuple[ModelServer, ...], name: str | None) -> ModelServer:
    found = [server for server in servers if name in (None, server.name)]
    if len(found) != 1:
        names = ", ".join(server.name for server in servers)
        raise click.UsageError(f"say with --name which ModelServer is meant; there are: {names}")
    return found[0]


def _volumes(document: Document, claims: tuple[str, ...], root: str) -> dict[str, str]:
    volumes = {}
    for claim, directory in map(_parse_claim, claims or ("models",)):
        volumes[claim] = directory or _deepest(document, root)
    return volumes


def _parse_claim(text: str) -> tuple[str, str]:
    claim, separator, directory = text.partition("=")
    if not claim or (separator and not directory.startswith("/")):
        raise click.UsageError(f"--claim {text}: expected CLAIM or CLAIM=/DIRECTORY")
    return claim, posixpath.normpath(directory) if directory else ""


def _deepest(document: Document, root: str) -> str:
    """The deepest directory that has every model in a directory of its own."""
    paths = [posixpath.normpath(posixpath.join(root, model.base_path)) for model in document.models]
    parents = [posixpath.dirname(path) for path in paths]
    return posixpath.commonpath(parents) if parents else "/"


def _fail(lines: list[str]) -> SystemExit:
    for line in lines:
        click.echo(line, err=True)
    return SystemExit(1)
