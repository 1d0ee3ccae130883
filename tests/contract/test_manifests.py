"""What one part writes, the other reads: examples, manifests and the server's document."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_operator.render.bundle import render_bundle
from batchwright_operator.render.document import render_config
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.manifests import parse_manifests
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_server.api.http_server import HttpAddress
from batchwright_server.app import DRAIN_SECONDS
from batchwright_server.config.document import parse_document
from batchwright_server.config.plan import DEFAULT_STREAMS, Plan
from batchwright_server.settings import parse_settings
from tests.support.modelservers import DEMULTIPLEX, RELOAD, make_server, model_document
from tests.support.template_revisions import golden_servers

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "example_client" / "manifests").glob("*.yaml"))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_examples_are_valid(file: Path) -> None:
    """Every manifest that is shown to users is accepted."""
    assert parse_manifests(file.read_text(), file=file.name)


@given(
    plan=st.sampled_from([RELOAD, DEMULTIPLEX]),
    largest=st.integers(1, 10_000),
    entries=st.integers(1, 64),
    wait=st.integers(1, 600),
    requests=st.none() | st.integers(1, 64),
    waiting=st.none() | st.integers(1, 64),
)
def test_the_server_reads_what_is_rendered(
    plan: Plan, largest: int, entries: int, wait: int, requests: int | None, waiting: int | None
) -> None:
    """Every value a user writes arrives in the server under its own name."""
    queue = {"maxWaitSeconds": wait} | ({"maxBytes": f"{waiting}Mi"} if waiting else {})
    reload = {"queue": queue, "compiledCache": {"maxEntries": entries}}
    model = model_document(batching={"maxBatchSize": largest, "reload": reload}, inferRequests=requests)
    text = render_config(make_server(model), Settings(), {"resnet": plan})
    (read,) = parse_document(text).models
    batching = read.effective_batching
    assert (read.name, read.base_path, read.nireq) == ("resnet", "/models/models/resnet", requests or 0)
    assert (batching.plan, batching.max_batch_size) == (plan, largest)
    assert batching.reload.compiled_cache.max_entries == entries
    assert batching.reload.queue.max_wait_seconds == wait
    assert batching.reload.queue.max_bytes == (waiting << 20 if waiting else None)


def test_the_server_takes_the_rendered_command_line() -> None:
    """Each argument of the container is one the server knows."""
    settings = Settings(server_args=("--grpc_channel_arguments=grpc.so_reuseport=1",))
    pods = render_bundle(make_server(), settings, {}).deployment["spec"]["template"]["spec"]
    read = parse_settings(pods["containers"][0]["args"])
    assert (read.port, read.rest_port) == (9000, 8000)
    assert read.config_path == Path("/etc/batchwright/config.json")
    assert read.grpc_channel_arguments == {"grpc.so_reuseport": 1}


@pytest.mark.parametrize("server", golden_servers(), ids=lambda server: server.name)
def test_the_server_takes_every_rendered_command_line(server: ModelServer) -> None:
    """Each flag is one that the server has, and each file is in a directory that is mounted."""
    pods = render_bundle(server, Settings(), {}).deployment["spec"]["template"]["spec"]
    container = pods["containers"][0]
    read = parse_settings(container["args"])
    ports = {item["name"]: item["containerPort"] for item in container["ports"]}
    assert ports == {"grpc": read.port, "http": read.rest_port, "admin": read.admin_port}
    mounts = {Path(item["mountPath"]) for item in container["volumeMounts"]}
    files = [read.config_path, read.auth_token_file, read.calibration_dir]
    if read.tls is not None:
        files += read.tls.paths
    for file in filter(None, files):
        assert mounts & {file, *file.parents}
    assert (read.tls is None) == (server.spec.tls is None)
    assert (read.auth_token_file is None) == (server.spec.auth is None)


def test_a_pod_has_the_time_that_the_server_takes_to_end() -> None:
    """The kubelet kills nobody who is still answering."""
    pods = render_bundle(make_server(), Settings(), {}).deployment["spec"]["template"]["spec"]
    sleep = pods["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    admin, traces = 1, 3
    longest = DRAIN_SECONDS + HttpAddress.shutdown_seconds + admin + traces
    assert pods["terminationGracePeriodSeconds"] > sleep + longest + 10


def test_every_strategy_has_streams() -> None:
    """A plan can be made of each strategy that a user may choose."""
    assert {plan.strategy for plan in map(Plan.of, DEFAULT_STREAMS)} == set(DEFAULT_STREAMS)
