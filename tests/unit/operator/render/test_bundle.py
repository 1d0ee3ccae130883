"""What depends on plans, and what must not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_operator.render.bundle import render_bundle, rendered_hash
from batchwright_operator.render.settings import Settings
from batchwright_server.config.digest import digest
from batchwright_server.config.document import parse_document
from batchwright_server.config.plan import Plan, Strategy
from tests.support.modelservers import DEMULTIPLEX, RELOAD, make_server, model_document


def test_a_switch_changes_the_config_map_alone() -> None:
    """A switch never replaces a pod."""
    server = make_server()
    before = render_bundle(server, Settings(), {"resnet": RELOAD})
    after = render_bundle(server, Settings(), {"resnet": DEMULTIPLEX})
    assert before.config_map != after.config_map
    assert (before.deployment, before.service) == (after.deployment, after.service)
    assert before.config_hash != after.config_hash


def test_the_other_candidate_is_measured_beside_the_plan() -> None:
    """The document names the plan that serves, and the others that are to be measured."""
    server = make_server()
    bundle = render_bundle(server, Settings(), {"resnet": DEMULTIPLEX})
    (model,) = parse_document(bundle.config_map["data"]["config.json"].encode()).models
    assert model.effective_batching.plans == (DEMULTIPLEX, RELOAD, Plan.of(Strategy.DYNAMIC))


@pytest.mark.parametrize("strategy", ["Reload", "Demultiplex", "Dynamic", "Fixed"])
def test_a_pinned_strategy_has_no_candidates(strategy: str) -> None:
    """Nothing is measured that cannot be chosen."""
    server = make_server(model_document(batching={"strategy": strategy, "fixed": {"batchSize": 3}}))
    bundle = render_bundle(server, Settings(), {})
    (model,) = parse_document(bundle.config_map["data"]["config.json"].encode()).models
    assert model.effective_batching.plans == (Plan.of(Strategy(strategy.lower())),)
    assert model.effective_batching.fixed.batch_size == 3


def test_hash_is_that_of_the_document() -> None:
    """The annotation is what a pod will answer."""
    bundle = render_bundle(make_server(), Settings(), {})
    text = bundle.config_map["data"]["config.json"]
    assert bundle.config_hash == digest(text.encode())


@given(st.sampled_from([RELOAD, DEMULTIPLEX]), st.integers(1, 4096), st.integers(1, 9))
def test_rendering_is_repeatable(plan: Plan, largest: int, replicas: int) -> None:
    """The same input gives the same manifests and marks, or pods would be touched for nothing."""
    server = make_server(model_document(batching={"maxBatchSize": largest}), replicas=replicas)
    one, other = (render_bundle(server, Settings(), {"resnet": plan}) for _ in range(2))
    assert one == other
    marks = [rendered_hash(manifest) for manifest in one.manifests]
    assert None not in marks
    assert len(set(marks)) == len(marks)
