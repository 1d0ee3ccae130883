"""What is rendered, compared with files that a person has read.

After a wanted change: `batchwright render FILE > golden/NAME.yaml`, and read the difference.
"""

from pathlib import Path

import pytest
import yaml

from batchwright_operator.render.bundle import render_bundle
from batchwright_operator.render.settings import POD_IP, Settings
from batchwright_operator.resources.attachment import attach
from batchwright_operator.resources.manifests import parse_manifests

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", ["smallest", "full"])
def test_golden(name: str) -> None:
    """The manifests are those in the file, to the last key."""
    source = GOLDEN / f"{name}.modelserver.yaml"
    (server,) = attach(parse_manifests(source.read_text(), file=source.name)).servers
    expected = list(yaml.safe_load_all((GOLDEN / f"{name}.yaml").read_text()))
    assert list(render_bundle(server, Settings(), {}).manifests) == expected


def test_golden_local() -> None:
    """On one machine the addresses are the pod's own, and volumes are real directories."""
    source = GOLDEN / "smallest.modelserver.yaml"
    (server,) = attach(parse_manifests(source.read_text(), file=source.name)).servers
    settings = Settings(
        config_mount="/state/config",
        claim_mounts={"models": "/here/models"},
        scratch_mount=None,
        calibration_mount=None,
        admin_port=None,
        grpc_bind_address="127.0.0.1",
        rest_bind_address=POD_IP,
        server_args=("--grpc_channel_arguments=grpc.so_reuseport=1",),
    )
    container = render_bundle(server, settings, {}).deployment["spec"]["template"]["spec"]["containers"][
        0
    ]
    assert container["args"] == [
        "--config_path=/state/config/config.json",
        "--port=9000",
        "--rest_port=8000",
        "--grpc_bind_address=127.0.0.1",
        "--rest_bind_address=$(POD_IP)",
        "--file_system_poll_wait_seconds=1",
        "--grpc_channel_arguments=grpc.so_reuseport=1",
    ]
    mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
    assert mounts == ["/state/config", "/here/models"]
    assert container["readinessProbe"]["httpGet"]["port"] == "http"
