"""`batchwright render`: the manifests that the operator would apply on a cluster."""

import json
import re
from pathlib import Path

import click
import yaml

from batchwright_operator.cli.arguments import MANIFEST_FILE
from batchwright_operator.local.manifestfiles import load_manifests
from batchwright_operator.render.bundle import render_bundle
from batchwright_operator.render.names import Manifest
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.attachment import describe_orphan
from batchwright_operator.resources.manifests import InvalidManifests


@click.command()
@click.argument("files", nargs=-1, required=True, type=MANIFEST_FILE)
@click.option(
    "--output",
    "-o",
    type=click.Choice(["yaml", "json"]),
    default="yaml",
    show_default=True,
    help="How they are written.",
)
def render(files: tuple[Path, ...], output: str) -> None:
    """Print the manifests for each object, its models on the strategy they start with."""
    try:
        loaded = load_manifests(files)
    except InvalidManifests as error:
        click.echo(str(error), err=True)
        raise SystemExit(1) from error
    for pipeline in loaded.orphans:
        click.echo(f"left out: {describe_orphan(pipeline)}", err=True)
    bundles = [render_bundle(server, Settings(), {}) for server in loaded.servers]
    manifests = [manifest for bundle in bundles for manifest in bundle.manifests]
    click.echo(_to_json(manifests) if output == "json" else to_yaml(manifests), nl=False)


def to_yaml(manifests: list[Manifest]) -> str:
    """The manifests as YAML documents, texts of several lines as blocks."""
    return str(yaml.dump_all(manifests, Dumper=_BlockDumper, sort_keys=False, width=100))


def _to_json(manifests: list[Manifest]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests}, indent=2) + "\n"


class _BlockDumper(yaml.SafeDumper):
    """Writes what a person would."""

    def ignore_aliases(self, data: object) -> bool:
        """Labels that are one object here are still written out wherever they belong."""
        return True


# What some reader of YAML, 1.1 or 1.2, in Python, Go or elsewhere, may take for a number or a date ...
_LIKE_A_NUMBER = re.compile(r"[-+]?\.?[0-9][-+0-9A-Za-z_.: ]*")
# ... or for a truth value, or nothing, or a number that is none.
_LIKE_A_WORD = re.compile(r"y|n|yes|no|on|off|true|false|null|~|[-+]?\.inf|\.nan", re.IGNORECASE)


def _style(text: str) -> str | None:
    if "\n" in text:
        return "|"
    return "'" if _LIKE_A_NUMBER.fullmatch(text) or _LIKE_A_WORD.fullmatch(text) else None


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = _style(text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_BlockDumper.add_representer(str, _represent_text)
