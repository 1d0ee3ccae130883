"""`batchwright explain`: why a model is served as it is, and what would change that."""

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from batchwright_operator.cli import explanation
from batchwright_operator.resources.status import ModelServerStatus

Manifest = Mapping[str, Any]


@click.command()
@click.argument("name")
@click.option("--model", help="Only this model.")
@click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".batchwright"),
    show_default=True,
    help="Where `batchwright up` keeps its status; looked at first, unless a cluster is named.",
)
@click.option("--namespace", "-n", default="default", show_default=True, help="On a cluster.")
@click.option(
    "--kubeconfig",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Of the cluster.  [default: as kubectl finds it]",
)
@click.option("--context", help="The context in the kubeconfig.  [default: its current one]")
def explain(name: str, model: str | None, state_dir: Path, **cluster: Any) -> None:
    """Say why each model of the ModelServer NAME is served as it is, with all numbers."""
    is_elsewhere = cluster["kubeconfig"] is not None or cluster["context"] is not None
    local = None if is_elsewhere else _read_local(state_dir, name)
    found = local or _read_cluster(name, **cluster)
    status = ModelServerStatus.model_validate(found.get("status") or {})
    models = [item for item in status.models if model in (None, item.name)]
    if not models:
        wanted = f"model {model!r}" if model else "a model"
        raise click.ClickException(f"{name}: expected {wanted} in the status, found none")
    saving = {
        item.get("name"): item.get("batching", {}).get("adaptive", {}).get("minSavingPercent")
        for item in (found.get("spec") or {}).get("models", ())
    }
    console = Console()
    for item in models:
        for part in explanation.render(name, item, min_saving_percent=saving.get(item.name)):
            console.print(part)


def _read_local(state_dir: Path, name: str) -> Manifest | None:
    """The object as `batchwright up` left it; None where it keeps none of that name."""
    path = state_dir / name / "status.json"
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{path}: cannot be read: {error}") from error
    return found if isinstance(found, dict) else {}


def _read_cluster(
    name: str, *, namespace: str, kubeconfig: Path | None, context: str | None
) -> Manifest:
    # Imported only here: the client of Kubernetes takes a second.
    from batchwright_operator.cluster.errors import ClusterError  # noqa: PLC0415
    from batchwright_operator.cluster.kubernetes.client import Client  # noqa: PLC0415
    from batchwright_operator.cluster.kubernetes.connection import (  # noqa: PLC0415
        Connection,
        ConnectionFault,
        Credentials,
    )
    from batchwright_operator.resources.metadata import ObjectKey  # noqa: PLC0415

    async def read() -> Manifest:
        credentials = await Credentials.load(Connection(kubeconfig or default_kubeconfig(), context))
        client = Client(credentials)
        try:
            return await client.get("ModelServer", ObjectKey(namespace, name))
        finally:
            await client.close()

    try:
        return asyncio.run(read())
    except (ConnectionFault, ClusterError, OSError) as error:
        raise click.ClickException(f"{namespace}/{name}: {error}") from error


def default_kubeconfig() -> Path | None:
    """The user's own kubeconfig, as kubectl finds it, if there is one."""
    named = (Path(name) for name in os.environ.get("KUBECONFIG", "").split(os.pathsep) if name)
    places = (*named, Path.home() / ".kube" / "config")
    return next((path for path in places if path.is_file()), None)
