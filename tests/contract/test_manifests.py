"""What one part writes, the other reads: examples, manifests and the server's document."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_operator.render.bundle import render_bundle
from batchwright_operator.render.document import render_config
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.manifests import parse_manifests
from batchwright_server.config.document import parse_document
from batchwright_server.config.plan import DEFAULT_STREAMS, Plan
from batchwright_server.settings import parse_settings
from tests.support.modelservers import DEMULTIPLEX, RELOAD, make_server, model_document

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
)
def test_the_server_reads_what_is_rendered(
    plan: Plan, largest: int, entries: int, wait: int, requests: int | None
) -> None:
    """Every value a user writes arrives in the server under its own name."""
    reload = {"queue": {"maxWaitSeconds": wait}, "compiledCache": {"maxEntries": entries}}
    model = model_document(batching={"maxBatchSize": largest, "reload": reload}, inferRequests=requests)
    text = render_config(make_server(model), Settings(), {"resnet": plan})
    (read,) = parse_document(text).models
    batching = read.effective_batching
    assert (read.name, read.base_path, read.nireq) == ("resnet", "/models/models/resnet", requests or 0)
    assert (batching.plan, batching.max_batch_size) == (plan, largest)
    assert batching.reload.compiled_cache.max_entries == entries
    assert batching.reload.queue.max_wait_seconds == wait


def test_the_server_takes_the_rendered_command_line() -> None:
    """Each argument of the container is one the server knows."""
    settings = Settings(server_args=("--grpc_channel_arguments=grpc.so_reuseport=1",))
    pods = render_bundle(make_server(), settings, {}).deployment["spec"]["template"]["spec"]
    read = parse_settings(pods["containers"][0]["args"])
    assert (read.port, read.rest_port) == (9000, 8000)
    assert read.config_path == Path("/etc/batchwright/config.json")
    assert read.grpc_channel_arguments == {"grpc.so_reuseport": 1}


def test_every_strategy_has_streams() -> None:
    """A plan can be made of each strategy that a user may choose."""
    assert {plan.strategy for plan in map(Plan.of, DEFAULT_STREAMS)} == set(DEFAULT_STREAMS)
