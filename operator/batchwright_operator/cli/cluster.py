"""`batchwright operator`: the operator on a cluster."""

import asyncio
from pathlib import Path

import click

from batchwright_operator.render.revisions.registry import REVISIONS
from batchwright_operator.render.template import Revisions

_PATH = click.Path(dir_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_LAST_PORT = 65535


@click.command(context_settings={"auto_envvar_prefix": "BATCHWRIGHT_OPERATOR", "show_default": True})
@click.option(
    "--namespace", "namespaces", multiple=True, help="A namespace to serve; once for each. None: all."
)
@click.option(
    "--operator-namespace",
    default="batchwright-system",
    help="The operator's own: for its Lease, and as the one that pods' network policies admit.",
)
@click.option(
    "--admin-key-file",
    type=_FILE,
    help="Keys from which the tokens of servers' admin ports are derived: one a line, the newest first. "
    "Without it admin ports ask for no token.",
)
@click.option("--server-image", help="The image of the servers.  [default: this release's]")
@click.option("--workers", type=click.IntRange(1, 256), default=16, help="Objects worked on at a time.")
@click.option(
    "--http-port", type=click.IntRange(0, _LAST_PORT), default=8080, help="For probes and metrics."
)
@click.option("--http-bind-address", default="0.0.0.0", help="Where that is listened on.")  # noqa: S104
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", help="Of the log.")
@click.option("--kubeconfig", type=_FILE, help="Without it: the credentials that a pod is given.")
@click.option("--context", help="The context in the kubeconfig.  [default: its current one]")
@click.option(
    "--resync-seconds",
    type=click.IntRange(min=10),
    default=600,
    help="Each object is looked at again after about so long.",
)
@click.option(
    "--identity", default="", show_default=False, help="This replica's name.  [default: the host's]"
)
@click.option("--no-leader-election", is_flag=True, help="For a single replica.")
@click.option("--pod-addresses", type=_PATH, hidden=True)
@click.option("--models-mount", hidden=True)
@click.option("--config-mount", hidden=True)
@click.pass_obj  # the pod template revisions of the program that this command is in; None: of this one
def operator(
    revisions: Revisions | None,
    /,
    *,
    log_format: str,
    identity: str,
    no_leader_election: bool,
    **options: object,
) -> None:
    """Run the operator on a Kubernetes cluster until it is told to stop.

    Each option can be given in the environment too: --log-format as BATCHWRIGHT_OPERATOR_LOG_FORMAT.
    """
    # Imported only here: the clients of Kubernetes take a second, which no other subcommand needs.
    from batchwright_operator.cluster.kubernetes.connection import ConnectionFault  # noqa: PLC0415
    from batchwright_operator.manager import logs  # noqa: PLC0415
    from batchwright_operator.manager.files import FileFault  # noqa: PLC0415
    from batchwright_operator.manager.manager import run_operator  # noqa: PLC0415
    from batchwright_operator.manager.settings import OperatorSettings, new_identity  # noqa: PLC0415

    logs.configure(log_format)
    settings = OperatorSettings(
        identity=new_identity(identity),
        has_leader_election=not no_leader_election,
        revisions=revisions or REVISIONS,
        **options,  # type: ignore[arg-type]  # each is of the type that its option says
    )
    try:
        code = asyncio.run(run_operator(settings))
    except (ConnectionFault, FileFault, OSError) as error:
        click.echo(str(error), err=True)
        raise SystemExit(2) from error
    raise SystemExit(code)
