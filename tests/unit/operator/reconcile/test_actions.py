"""From wanted and observed to actions."""

import dataclasses

import pytest

from batchwright_operator.reconcile.actions import (
    Action,
    ApplyManifest,
    RefreshPods,
    ReloadPods,
    plan_actions,
)
from batchwright_operator.reconcile.observed import Observed, Phase, Pod, Report, Unreachable
from batchwright_operator.render.bundle import Bundle, render_bundle
from batchwright_operator.render.settings import Settings
from tests.support.modelservers import DEMULTIPLEX, RELOAD, make_server, make_signals

SERVER = make_server()
BEFORE = render_bundle(SERVER, Settings(), {"resnet": RELOAD})
WANTED = render_bundle(SERVER, Settings(), {"resnet": DEMULTIPLEX})
POD = Pod("vision-0", "127.0.0.1", Phase.RUNNING, ready=True)


def _existing(bundle: Bundle, *pods: Pod) -> Observed:
    return Observed(bundle.config_map, bundle.deployment, bundle.service, pods)


def _names(actions: tuple[Action, ...]) -> list[str]:
    return [
        f"apply {action.kind}" if isinstance(action, ApplyManifest) else type(action).__name__
        for action in actions
    ]


def test_nothing_exists() -> None:
    """Everything is made, the configuration before the pods that read it."""
    actions = plan_actions(WANTED, Observed(), {})
    assert _names(actions) == ["apply ConfigMap", "apply Deployment", "apply Service"]


def test_all_is_as_wanted() -> None:
    """Nothing is touched that is as it should be."""
    report = make_signals(config_hash=WANTED.config_hash)
    assert plan_actions(WANTED, _existing(WANTED, POD), {POD.name: report}) == ()


def test_a_switch() -> None:
    """The document is changed and brought to the pods; the pods themselves stay."""
    report = make_signals(config_hash=BEFORE.config_hash)
    actions = plan_actions(WANTED, _existing(BEFORE, POD), {POD.name: report})
    assert _names(actions) == ["apply ConfigMap", "RefreshPods", "ReloadPods"]
    assert actions[1:] == (RefreshPods((POD.name,), WANTED.config_hash), ReloadPods((POD,)))


@pytest.mark.parametrize(
    "report",
    [
        Unreachable("no answer"),
        make_signals(config_hash=BEFORE.config_hash, rejected_hash=WANTED.config_hash),
        make_signals(config_hash=WANTED.config_hash),
    ],
)
def test_pods_that_are_left_alone(report: Report) -> None:
    """A pod that is silent, has refused the document, or has it, is not asked again."""
    assert plan_actions(WANTED, _existing(WANTED, POD), {POD.name: report}) == ()


def test_a_pod_that_ends_is_left_alone() -> None:
    """A pod that is going away needs no new document."""
    ending = dataclasses.replace(POD, phase=Phase.TERMINATING)
    report = make_signals(config_hash=BEFORE.config_hash)
    assert plan_actions(WANTED, _existing(WANTED, ending), {POD.name: report}) == ()
