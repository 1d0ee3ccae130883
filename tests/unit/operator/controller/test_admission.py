"""Pipelines that are left out of a document, remembered and tried again."""

import pytest

from batchwright_operator.controller.admission import admit
from batchwright_operator.controller.memory import Memory, Wanted
from batchwright_operator.reconcile.observed import Observed, Phase, Pod, Reports
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_server.config.signals import Signals
from tests.support.modelservers import (
    make_model_signals,
    make_server,
    make_signals,
    model_document,
)
from tests.support.pipelines import make_pipeline

OBSERVED = Observed(pods=(Pod("pod", "127.0.0.1", Phase.RUNNING, ready=True),))
FINE, BAD = make_pipeline("a"), make_pipeline("b")
ERROR = "pipeline_config_list[1]: pipeline 'b': no such model"
SERVER = make_server().with_pipelines((FINE, BAD))


def refusing(*, version: int = 1) -> Signals:
    model = make_model_signals(version=version)
    return make_signals(model, config_hash="good", rejected_hash="h", error=ERROR)


def admitted(
    server: ModelServer, memory: Memory, report: Signals, *, are_plans_to_blame: bool = False
) -> list[str]:
    reports: Reports = {"pod": report}
    admitted = admit(server, memory, (OBSERVED, reports), are_plans_to_blame=are_plans_to_blame)
    return [pipeline.name for pipeline in admitted.pipelines]


@pytest.fixture
def memory() -> Memory:
    """The memory of a document that pods refuse for the Pipeline `b`, which is left out then."""
    memory = Memory(SERVER, wanted=Wanted("h", 1, SERVER.pipelines))
    assert admitted(SERVER, memory, refusing()) == ["a"]
    memory.wanted = Wanted("without", 1, (FINE,))
    return memory


def test_it_stays_out_while_nothing_changes(memory: Memory) -> None:
    """With the words of the server as the reason, also while the old refusal is still to be read."""
    assert admitted(SERVER, memory, refusing()) == ["a"]
    assert memory.left_out["b"].message == "pipeline 'b': no such model"


def test_what_is_written_beside_the_spec_changes_nothing(memory: Memory) -> None:
    """Its own status, which says that it was refused, is no reason to try it again."""
    metadata = BAD.metadata.model_copy(update={"resource_version": "77", "labels": {"a": "b"}})
    told = BAD.model_copy(update={"metadata": metadata, "status": {"conditions": []}})
    assert admitted(SERVER.with_pipelines((FINE, told)), memory, refusing()) == ["a"]


def test_it_is_tried_again_when_something_changes(memory: Memory) -> None:
    """Itself, a model of the ModelServer, or a version that serves."""
    edited = SERVER.with_pipelines((FINE, BAD.with_generation(2)))
    other = make_server(model_document("other")).with_pipelines(SERVER.pipelines)

    for server, report in (
        (edited, refusing()),
        (other, refusing()),
        (SERVER, refusing(version=2)),
    ):
        again = Memory(SERVER, wanted=memory.wanted, left_out=dict(memory.left_out))
        assert admitted(server, again, report) == ["a", "b"]


@pytest.mark.parametrize("are_plans_to_blame", [True, False])
def test_what_was_changed_is_what_is_taken_back(*, are_plans_to_blame: bool) -> None:
    """Where a plan that broke a Pipeline is withdrawn, no Pipeline is left out."""
    memory = Memory(SERVER, wanted=Wanted("h", 1, SERVER.pipelines))
    found = admitted(SERVER, memory, refusing(), are_plans_to_blame=are_plans_to_blame)
    assert found == (["a", "b"] if are_plans_to_blame else ["a"])
