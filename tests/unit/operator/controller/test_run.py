"""One run after another, over a cluster and pods that are only remembered."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import pytest

from batchwright_operator.controller.run import Controller
from batchwright_operator.policy.state import ModelState
from batchwright_operator.render.revisions.registry import REVISIONS, Revision
from batchwright_operator.resources.conditions import ConditionType
from batchwright_operator.resources.status import ModelServerStatus, ModelStatus
from batchwright_server.config.plan import Plan
from tests.support.controller_bench import Bench, condition, plans_of, refusing
from tests.support.modelservers import DEMULTIPLEX, RELOAD, make_server, model_document

PINNED = make_server(model_document(batching={"strategy": "Demultiplex"}), replicas=2)
SERVER = make_server(replicas=2)


def _status_with(policy: Mapping[str, Any] | None) -> ModelServerStatus:
    return ModelServerStatus(
        models=(ModelStatus(name="resnet", policy=dict(policy) if policy else None),)
    )


def _committed(bench: Bench) -> Plan:
    assert bench.cluster.document is not None
    return plans_of(bench.cluster.document)


def _serving(bench: Bench) -> list[Plan]:
    return [plans_of(pod.document) for pod in bench.cluster.pods.pods.values()]


async def test_from_nothing_to_settled() -> None:
    """A new object gets its objects, the document first, then conditions; then nothing is written."""
    bench = Bench()
    first = await bench.run(SERVER)
    made = [write for write in bench.cluster.writes if write.startswith("apply")]
    assert bench.cluster.writes[0] == "status"
    assert made[0] == "apply ConfigMap"
    assert set(made) >= {"apply Deployment", "apply Service", "apply PodDisruptionBudget"}
    assert first.next_in < 1
    run = await bench.run(SERVER, times=3)
    assert all(found.is_true for found in run.status.conditions)
    assert run.next_in >= 1
    bench.cluster.writes.clear()
    await bench.run(SERVER, times=3)
    assert set(bench.cluster.writes) <= {"status"}
    assert bench.reasons() == ["AllPodsReady", "Applied", "AllAvailable", "Settled"]


async def test_every_condition_is_there_from_the_first() -> None:
    """What nobody knows yet is told as unknown."""
    run = await Bench().run(SERVER)
    found = {found.type: found.status for found in run.status.conditions}
    assert found[ConditionType.READY] == "False"
    for kind in ("ConfigApplied", "ModelsAvailable", "StrategySettled"):
        assert found[ConditionType(kind)] == "Unknown"


@pytest.mark.parametrize(("strategy", "plan"), [("Reload", RELOAD), ("Demultiplex", DEMULTIPLEX)])
async def test_a_pinned_strategy(strategy: str, plan: Plan) -> None:
    """What the user pins is served, and the policy has no say."""
    bench = Bench()
    run = await bench.run(make_server(model_document(batching={"strategy": strategy})), times=2)
    assert _committed(bench) == plan
    assert run.tuned[0].decision is None
    assert run.status.models[0].policy is None


async def test_adaptive_goes_on_with_what_was_pinned() -> None:
    """Pinned and then handed back to the policy, a model stays on the plan it serves: no switch."""
    bench = Bench()
    await bench.run(PINNED, times=2)
    run = await bench.run(SERVER.with_generation(2), times=3)
    assert _committed(bench) == DEMULTIPLEX
    assert run.tuned[0].state is not None
    assert run.tuned[0].state.plan == DEMULTIPLEX


async def test_adaptive_leaves_a_plan_that_is_no_candidate() -> None:
    """What was pinned is given up where the policy may not choose it."""
    bench = Bench()
    await bench.run(make_server(model_document(batching={"strategy": "Fixed"})), times=2)
    await bench.run(make_server().with_generation(2), times=3)
    assert _committed(bench) == RELOAD


async def test_an_edit_is_proposed_and_then_committed() -> None:
    """The running pods get it first, in place; new ones start from it once all serve it."""
    bench = Bench()
    await bench.run(SERVER, times=3)
    bench.cluster.writes.clear()
    edited = PINNED.with_generation(2)
    await bench.run(edited)
    assert _serving(bench) == [DEMULTIPLEX, DEMULTIPLEX]
    assert _committed(bench) == RELOAD
    run = await bench.run(edited, times=2)
    assert _committed(bench) == DEMULTIPLEX
    assert [write for write in bench.cluster.writes if write.startswith("apply")] == ["apply ConfigMap"]
    found = condition(run, ConditionType.CONFIG_APPLIED)
    assert (found.is_true, found.observed_generation) == (True, 2)


async def test_the_state_is_adopted_from_the_status() -> None:
    """A controller that starts anew goes on with the plan in the status: no switch."""
    state = ModelState.initial(DEMULTIPLEX, 500)
    bench = Bench()
    bench.cluster.status = _status_with(state.to_status())
    run = await bench.run(SERVER, times=2)
    assert _committed(bench) == DEMULTIPLEX
    assert run.status.models[0].since == "1970-01-01T00:08:20Z"
    assert "StrategySwitched" not in bench.reasons()


@pytest.mark.parametrize("status", [None, _status_with(None), _status_with({"version": 99})])
@pytest.mark.parametrize("has_document", [True, False])
async def test_the_state_is_adopted_from_what_is_served(
    status: ModelServerStatus | None, *, has_document: bool
) -> None:
    """Without a status that can be read, the plan of the document stays, else that of the pods."""
    bench = Bench()
    await bench.run(PINNED, times=3)
    bench.restart()
    bench.cluster.status = status
    if not has_document:
        del bench.cluster.objects["ConfigMap", "vision-config"]
    await bench.run(SERVER.with_generation(2), times=3)
    assert _committed(bench) == DEMULTIPLEX


async def test_the_state_is_written_before_any_pod_is_told() -> None:
    """A crash in between leaves a state whose document is only still to be sent."""
    bench = Bench()
    await bench.run(SERVER, times=3)
    bench.switch(SERVER, DEMULTIPLEX)
    seen: list[list[Plan]] = []
    bench.cluster.trouble = lambda write: seen.append(_serving(bench)) if write == "status" else None
    await bench.run(SERVER)
    assert seen == [[RELOAD, RELOAD]]
    assert _serving(bench) == [DEMULTIPLEX, DEMULTIPLEX]


async def test_a_refused_plan_is_taken_back() -> None:
    """When one pod refuses the policy's document, all go back at once, and it is remembered."""
    bench = Bench()
    await bench.run(SERVER, times=3)
    bench.cluster.fake(1).refuse = refusing(DEMULTIPLEX)
    bench.switch(SERVER, DEMULTIPLEX)
    await bench.run(SERVER)
    assert _serving(bench) == [DEMULTIPLEX, RELOAD]
    run = await bench.run(SERVER)
    assert _serving(bench) == [RELOAD, RELOAD]
    event = next(item for item in bench.cluster.events if item.reason == "StrategyReturned")
    assert "not enough memory" in event.message
    assert (event.from_plan, event.to_plan) == (str(DEMULTIPLEX), str(RELOAD))
    state = run.tuned[0].state
    assert state is not None
    assert [failure.plan for failure in state.failures] == [DEMULTIPLEX]
    run = await bench.run(SERVER, times=3)
    assert all(found.is_true for found in run.status.conditions)
    assert {plans_of(text) for text in bench.cluster.commits} == {RELOAD}


async def test_a_users_edit_that_is_refused() -> None:
    """It says so and stays wanted; who took it goes back after a minute, and it is tried again later."""
    bench = Bench()
    await bench.run(SERVER, times=3)
    bench.cluster.fake(1).refuse = refusing(DEMULTIPLEX)
    edited = PINNED.with_generation(2)
    run = await bench.run(edited, times=3)
    found = condition(run, ConditionType.CONFIG_APPLIED)
    assert found.reason == "ConfigRejected"
    assert "pod-2" in found.message
    assert "not enough memory" in found.message
    assert _serving(bench) == [DEMULTIPLEX, RELOAD]
    run = await bench.run(edited, times=2, seconds=40)
    assert _serving(bench) == [RELOAD, RELOAD]
    assert condition(run, ConditionType.CONFIG_APPLIED).reason == "ConfigRejected"
    bench.cluster.fake(1).refuse = lambda _: ""
    run = await bench.run(edited, times=8, seconds=60)
    assert _serving(bench) == [DEMULTIPLEX, DEMULTIPLEX]
    assert _committed(bench) == DEMULTIPLEX
    assert condition(run, ConditionType.CONFIG_APPLIED).is_true


async def test_an_edit_that_all_refuse_is_never_committed() -> None:
    """A pod that starts meanwhile starts from what was good, also under another controller."""
    bench = Bench()
    await bench.run(SERVER, times=3)
    for index in (0, 1):
        bench.cluster.fake(index).refuse = refusing(DEMULTIPLEX)
    edited = PINNED.with_generation(2)
    await bench.run(edited, times=2)
    bench.restart()
    bench.cluster.lose_pods()  # nobody is left to refuse it again
    run = await bench.run(edited, times=3)
    assert _committed(bench) == RELOAD
    assert _serving(bench) == [RELOAD, RELOAD]
    assert condition(run, ConditionType.CONFIG_APPLIED).reason == "ConfigRejected"


async def test_a_pod_that_starts_in_the_middle() -> None:
    """It begins with what is committed, is sent what is proposed, and is waited for."""
    bench = Bench()
    await bench.run(SERVER, times=3)
    bench.cluster.fake(0).is_slow = True
    edited = PINNED.with_generation(2)
    await bench.run(edited)
    bigger = make_server(model_document(batching={"strategy": "Demultiplex"}), replicas=3)
    await bench.run(bigger.with_generation(3))
    assert _serving(bench) == [RELOAD, DEMULTIPLEX, RELOAD]
    await bench.run(bigger.with_generation(3))
    assert _serving(bench) == [RELOAD, DEMULTIPLEX, DEMULTIPLEX]
    assert _committed(bench) == RELOAD
    bench.cluster.fake(0).finish()
    await bench.run(bigger.with_generation(3), times=2)
    assert _committed(bench) == DEMULTIPLEX


async def test_scaling_in_in_the_middle() -> None:
    """A pod that goes is not waited for; with none left the document is committed at once."""
    bench = Bench()
    await bench.run(SERVER, times=3)
    bench.cluster.fake(1).is_slow = True
    await bench.run(PINNED.with_generation(2), times=2)
    assert _committed(bench) == RELOAD
    one = make_server(model_document(batching={"strategy": "Demultiplex"}))
    await bench.run(one.with_generation(3), times=3)
    assert _committed(bench) == DEMULTIPLEX
    none = make_server(model_document(batching={"strategy": "Reload"}), replicas=0)
    await bench.run(none.with_generation(4), times=3)
    assert _serving(bench) == []
    assert _committed(bench) == RELOAD


async def test_a_pod_that_started_from_a_stale_volume() -> None:
    """It serves an older document, and is sent the newest at the next look."""
    bench = Bench()
    await bench.run(SERVER, times=3)
    stale = bench.cluster.fake(0).document
    edited = PINNED.with_generation(2)
    await bench.run(edited, times=4)
    bench.cluster.fake(0).restart(stale)
    run = await bench.run(edited)
    assert condition(run, ConditionType.CONFIG_APPLIED).reason == "Applying"
    await bench.run(edited)
    assert _serving(bench) == [DEMULTIPLEX, DEMULTIPLEX]


async def test_silent_pods_change_nothing() -> None:
    """Without numbers the plan stays, no document is committed, and the reason is told."""
    bench = Bench()
    await bench.run(SERVER, times=3)
    for pod in bench.cluster.pods.pods.values():
        pod.is_silent = True
    run = await bench.run(PINNED.with_generation(2), times=5, seconds=50)
    assert _committed(bench) == RELOAD
    assert condition(run, ConditionType.CONFIG_APPLIED).reason == "MetricsUnreachable"


async def test_one_silent_pod_blocks_for_a_minute() -> None:
    """Then the others decide; what it says when it is back still counts."""
    bench = Bench()
    await bench.run(SERVER, times=3)
    lost = bench.cluster.fake(1)
    lost.is_silent = True
    edited = PINNED.with_generation(2)
    await bench.run(edited, times=5, seconds=10)
    assert _committed(bench) == RELOAD
    await bench.run(edited, times=3, seconds=10)
    assert _committed(bench) == DEMULTIPLEX
    lost.is_silent, lost.refuse = False, refusing(DEMULTIPLEX)
    run = await bench.run(edited, times=3)
    assert _committed(bench) == RELOAD
    assert condition(run, ConditionType.CONFIG_APPLIED).reason == "ConfigRejected"


async def test_tokens_and_certificates() -> None:
    """Pods that want a token are asked with it; those with TLS by the name of their Service."""
    bench = Bench()
    server = make_server(tls={"secretName": "s", "caConfigMap": {"name": "ca", "key": "ca.crt"}})
    bench.cluster.authority = "pem"
    run = await bench.run(server, times=3)
    assert condition(run, ConditionType.CONFIG_APPLIED).is_true
    bench.settings = dataclasses.replace(bench.settings, admin_keys=(b"another",))
    run = await bench.run(server, times=2)
    assert condition(run, ConditionType.CONFIG_APPLIED).reason == "MetricsUnreachable"
    bench.settings = dataclasses.replace(bench.settings, admin_keys=(b"another", b"key"))
    run = await bench.run(server, times=3)
    assert condition(run, ConditionType.CONFIG_APPLIED).is_true


async def test_an_idle_server_is_looked_at_less() -> None:
    """Down to once a minute, and as often as before once there are requests."""
    bench = Bench()
    run = await bench.run(SERVER, times=3)
    assert run.next_in == 3
    run = await bench.run(SERVER, times=10, seconds=run.next_in)
    assert run.next_in > 3
    run = await bench.run(SERVER, times=10, seconds=100)
    assert run.next_in == 60


async def test_without_pods_nobody_is_asked_again() -> None:
    """Once all is made, an object without pods waits for what makes itself heard."""
    bench = Bench()
    await bench.run(make_server(replicas=0), times=2)
    run = await bench.run(make_server(replicas=0))
    assert run.next_in == math.inf


async def test_a_refusal_from_before_is_no_answer() -> None:
    """A document that is wanted again is sent again, though its last refusal is still to be read."""
    bench = Bench()
    await bench.run(SERVER, times=3)
    bench.cluster.fake(0).refuse = bench.cluster.fake(1).refuse = refusing(DEMULTIPLEX)
    await bench.run(PINNED.with_generation(2), times=2)
    await bench.run(SERVER.with_generation(3), times=2)
    bench.cluster.fake(0).refuse = bench.cluster.fake(1).refuse = lambda _: ""
    await bench.run(PINNED.with_generation(4), times=3)
    assert _committed(bench) == DEMULTIPLEX


async def test_a_refusal_that_only_signals_tell() -> None:
    """A pod that took its time and then refused counts like one that answered at once."""
    bench = Bench()
    await bench.run(SERVER, times=3)
    slow = bench.cluster.fake(1)
    slow.is_slow, slow.refuse = True, refusing(DEMULTIPLEX)
    await bench.run(PINNED.with_generation(2), times=3)
    slow.finish()
    slow.is_slow = False
    run = await bench.run(PINNED.with_generation(2))
    assert condition(run, ConditionType.CONFIG_APPLIED).reason == "ConfigRejected"
    await bench.run(PINNED.with_generation(2), times=2, seconds=40)
    assert _serving(bench) == [RELOAD, RELOAD]


async def test_edits_of_pods_that_only_a_newer_operator_knows() -> None:
    """What an older operator cannot tell from what was there replaces no pod, and Ready says so."""
    bench = Bench()
    newer = (Revision("r9", REVISIONS[-1].render),)
    bench.controller = Controller(
        bench.cluster, bench.cluster.pods, clock=lambda: bench.now, revisions=newer
    )
    run = await bench.run(SERVER, times=3)
    assert "wait" not in condition(run, ConditionType.READY).message
    bench.restart()
    edited = make_server(pod={"priorityClassName": "high"})
    run = await bench.run(edited, times=3)
    assert "pod template 'r9'" in condition(run, ConditionType.READY).message
    deployment = run.observed.deployment
    assert deployment is not None
    assert "priorityClassName" not in deployment["spec"]["template"]["spec"]
