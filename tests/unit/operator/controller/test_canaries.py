"""One pod is sent a document of its own; all else goes on, over pods that are only remembered."""

from dataclasses import replace

from batchwright_operator.policy.canary import Canary
from batchwright_operator.policy.pending import Basis, Gains, Measured, PendingCheck
from batchwright_operator.resources.conditions import ConditionType
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_server.config.plan import Plan
from tests.support.controller_bench import Bench, condition, plans_of, refusing
from tests.support.modelservers import DEMULTIPLEX, RELOAD, make_server, model_document

SERVER = make_server(replicas=3)
TWO = make_server(model_document(), model_document("tiny"), replicas=3)
NOTHING = Measured(0, 0, 0, 0, 0, 0, is_saturated=False)
CHECK = PendingCheck(RELOAD, NOTHING, Gains(2000, 2000, 2000), Basis.WORK, False, 500)


def try_plan(bench: Bench, server: ModelServer, pod: int = 1, model: str = "resnet") -> None:
    """As if the policy had just had a pod try the demultiplexer."""
    states = bench.controller._memories[server.key].states
    name = bench.cluster.shown[pod].name
    canary = Canary(DEMULTIPLEX, name, name, int(bench.now), "it is cheaper", CHECK)
    states[model] = replace(states[model], canary=canary)


async def trying(server: ModelServer = SERVER) -> Bench:
    """A bench on which the second of three pods is about to try."""
    bench = Bench()
    await bench.run(server, times=4)
    try_plan(bench, server)
    return bench


def serving(bench: Bench, model: str = "resnet") -> list[Plan]:
    """What the pods serve a model with."""
    return [plans_of(pod.document, model) for pod in bench.cluster.pods.pods.values()]


async def test_only_one_pod_is_sent_the_plan() -> None:
    """The others and those that start serve as before, nothing is committed, and the status says so."""
    bench = await trying()
    run = await bench.run(SERVER, times=3)
    assert serving(bench) == [RELOAD, DEMULTIPLEX, RELOAD]
    run = await bench.run(make_server(replicas=4), times=3)
    assert serving(bench) == [RELOAD, DEMULTIPLEX, RELOAD, RELOAD]
    assert len(bench.cluster.commits) == 1
    settled = condition(run, ConditionType.STRATEGY_SETTLED)
    assert (settled.is_true, settled.reason) == (False, "Canary")
    assert "resnet is tried with demultiplex/optimum on pod-2" in settled.message
    assert condition(run, ConditionType.CONFIG_APPLIED).is_true
    assert run.status.summary.strategies == "Reload"


async def test_the_rest_follow_and_it_is_committed() -> None:
    """Without a word against it, all pods serve it and new ones start from it."""
    bench = await trying()
    run = await bench.run(SERVER, times=70)
    assert serving(bench) == [DEMULTIPLEX] * 3
    assert [plans_of(text) for text in bench.cluster.commits] == [RELOAD, DEMULTIPLEX]
    assert condition(run, ConditionType.STRATEGY_SETTLED).is_true
    assert bench.reasons().count("StrategySwitched") == 1


async def test_a_plan_that_the_pod_refuses() -> None:
    """It is remembered at once, and no other pod is ever asked; a later try is one of its own."""
    bench = await trying()
    bench.cluster.fake(1).refuse = refusing(DEMULTIPLEX)
    run = await bench.run(SERVER, times=3)
    state = run.tuned[0].state
    assert state is not None
    assert state.canary is None
    assert [failure.plan for failure in state.failures] == [DEMULTIPLEX]
    event = next(it for it in bench.cluster.events if it.reason == "StrategyReturned")
    assert "pod-2: not enough memory" in event.message
    assert all(DEMULTIPLEX not in map(plans_of, bench.cluster.fake(it).sent) for it in (0, 2))
    bench.cluster.fake(1).refuse = lambda _: ""
    try_plan(bench, SERVER)
    await bench.run(SERVER, times=2)
    assert serving(bench) == [RELOAD, DEMULTIPLEX, RELOAD]
    assert bench.reasons().count("StrategyReturned") == 1


async def test_an_edit_goes_to_all_pods_at_once() -> None:
    """The trial ends without a verdict, in the run that sees the edit."""
    bench = await trying()
    await bench.run(SERVER, times=2)
    edited = make_server(model_document(batching={"maxBatchSize": 64}), replicas=3).with_generation(2)
    run = await bench.run(edited)
    assert serving(bench) == [RELOAD] * 3
    assert len({pod.document for pod in bench.cluster.pods.pods.values()}) == 1
    assert run.tuned[0].canary is None
    assert run.tuned[0].state is not None
    assert run.tuned[0].state.failures == ()
    run = await bench.run(edited, times=3)
    assert condition(run, ConditionType.CONFIG_APPLIED).observed_generation == 2


async def test_another_operator_goes_on_with_the_same_pod() -> None:
    """Whether it dies before or after the pod was sent the document."""
    for runs_before in (1, 3):
        bench = await trying()
        if runs_before == 1:
            bench.cluster.afterwards = lambda what: _die() if what == "status" else None
            try:
                await bench.run(SERVER)
            except InterruptedError:
                bench.cluster.afterwards = lambda _: None
        else:
            await bench.run(SERVER, times=runs_before)
        bench.restart()
        await bench.run(SERVER, times=2)
        assert serving(bench) == [RELOAD, DEMULTIPLEX, RELOAD]
        assert len(bench.cluster.commits) == 1
        assert "CanaryStarted" not in bench.reasons()


async def test_a_pod_that_tries_and_starts_again_serves_as_before() -> None:
    """It starts from what is committed, and another pod tries."""
    bench = await trying()
    await bench.run(SERVER, times=2)
    assert bench.cluster.document is not None
    bench.cluster.fake(1).restart(bench.cluster.document.encode())
    run = await bench.run(SERVER, times=2)
    canary = run.tuned[0].canary
    assert canary is not None
    assert canary.pod != "pod-2" or canary.lost == 0
    assert serving(bench)[1] == RELOAD


async def test_one_models_trial_delays_no_others_switch() -> None:
    """While a pod tries a plan for one model, another model is switched on all pods and committed."""
    bench = await trying(TWO)
    await bench.run(TWO, times=2)
    states = bench.controller._memories[TWO.key].states
    states["tiny"] = bench.switched(states["tiny"], DEMULTIPLEX)
    run = await bench.run(TWO, times=4)
    assert serving(bench, "tiny") == [DEMULTIPLEX] * 3
    assert serving(bench) == [RELOAD, DEMULTIPLEX, RELOAD]
    assert bench.cluster.document is not None
    assert plans_of(bench.cluster.document, "tiny") == DEMULTIPLEX
    assert plans_of(bench.cluster.document) == RELOAD
    assert condition(run, ConditionType.CONFIG_APPLIED).is_true


def _die() -> None:
    raise InterruptedError
