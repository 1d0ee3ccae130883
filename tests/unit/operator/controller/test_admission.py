"""Pipelines that are left out of a document, remembered and tried again."""

import pytest

from batchwright_operator.controller.admission import admit
from batchwright_operator.controller.memory import Applied, Memory
from batchwright_operator.controller.refusal import refused_by
from batchwright_operator.reconcile.observed import Observed, Phase, Pod, Reports
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_server.config.signals import Signals
from tests.support.modelservers import (
    DEMULTIPLEX,
    RELOAD,
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


def admitted(server: ModelServer, memory: Memory, report: Signals) -> list[str]:
    reports: Reports = {"pod": report}
    return [pipeline.name for pipeline in admit(server, memory, (OBSERVED, reports)).pipelines]


@pytest.fixture
def memory() -> Memory:
    """The memory of a document that pods refuse for the Pipeline `b`, which is left out then."""
    memory = Memory(wanted=Applied("h", 1, {"resnet": RELOAD}, SERVER.pipelines))
    assert admitted(SERVER, memory, refusing()) == ["a"]
    memory.wanted = Applied("without", 1, {"resnet": RELOAD}, (FINE,))
    return memory


def test_it_stays_out_while_nothing_changes(memory: Memory) -> None:
    """With the words of the server as the reason, also while the old refusal is still to be read."""
    assert admitted(SERVER, memory, refusing()) == ["a"]
    assert memory.left_out["b"].message == "pipeline 'b': no such model"


def test_it_is_tried_again_when_something_changes(memory: Memory) -> None:
    """Itself, a model of the ModelServer, or a version that serves."""
    edited = SERVER.with_pipelines((FINE, BAD.with_generation(2)))
    other = make_server(model_document("other")).with_pipelines(SERVER.pipelines)

    for server, report in (
        (edited, refusing()),
        (other, refusing()),
        (SERVER, refusing(version=2)),
    ):
        again = Memory(wanted=memory.wanted, left_out=dict(memory.left_out))
        assert admitted(server, again, report) == ["a", "b"]


@pytest.mark.parametrize(("pipelines", "is_the_plans"), [((FINE, BAD), True), ((FINE,), False)])
def test_what_was_changed_is_what_is_taken_back(
    pipelines: tuple[object, ...], *, is_the_plans: bool
) -> None:
    """A plan that breaks a Pipeline is withdrawn; a Pipeline that is new is left out, no plan is."""
    good = Applied("good", 1, {"resnet": RELOAD}, tuple(p for p in (FINE, BAD) if p in pipelines))
    memory = Memory(wanted=Applied("h", 1, {"resnet": DEMULTIPLEX}, (FINE, BAD)), good=good)

    assert bool(refused_by(memory, OBSERVED, {"pod": refusing()})) is is_the_plans
    assert admitted(SERVER, memory, refusing()) == (["a", "b"] if is_the_plans else ["a"])
