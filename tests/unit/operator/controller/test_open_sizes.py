"""Bucket sizes that the user left open: documents, status and another operator agree."""

from dataclasses import replace

import pytest

from batchwright_operator.controller.run import Run
from batchwright_operator.controller.tuning import rules_of
from batchwright_operator.policy.canary import Canary
from batchwright_operator.render.document import render_config
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_server.config.document import parse_document
from batchwright_server.config.plan import Plan, Strategy
from tests.support.controller_bench import Bench
from tests.support.modelservers import RELOAD, make_server, model_document
from tests.unit.operator.controller.test_canaries import CHECK

BUCKETS = Plan.of(Strategy.BUCKETS)
CHOSEN = BUCKETS.with_sizes((3, 7))


def serving(
    *, sizes: list[int] | None = None, strategy: str = "Adaptive", replicas: int = 1, **more: object
) -> ModelServer:
    """A model that may have buckets; its sizes are open unless they are given."""
    blocks = {"adaptive": {"candidates": ["Reload", "Buckets"]}, "strategy": strategy}
    given = {"buckets": {"sizes": sizes}} if sizes else {}
    return make_server(model_document(batching=blocks | given | more), replicas=replicas)


def sizes_in(document: str | bytes) -> tuple[int, ...]:
    """What a document has buckets compiled for."""
    text = document.encode() if isinstance(document, str) else document
    (model,) = parse_document(text).models
    return model.effective_batching.buckets.sizes


def sizes_of_pods(bench: Bench) -> list[tuple[int, ...]]:
    """What the documents of the pods have buckets compiled for."""
    return [sizes_in(pod.document) for pod in bench.cluster.pods.pods.values()]


async def switched(server: ModelServer) -> tuple[Bench, Run]:
    """A bench on which the policy chose buckets with sizes of its own, and all pods followed."""
    bench = Bench()
    await bench.run(server, times=3)
    bench.switch(server, CHOSEN)
    return bench, await bench.run(server, times=4)


@pytest.mark.parametrize(
    ("plan", "sizes"), [(RELOAD, (1, 4, 16)), (BUCKETS, (1, 4, 16)), (CHOSEN, (3, 7))]
)
def test_open_sizes_are_the_usual_ones_until_others_are_chosen(
    plan: Plan, sizes: tuple[int, ...]
) -> None:
    """The document always says what is in force."""
    assert sizes_in(render_config(serving(), Settings(), {"resnet": plan})) == sizes


def test_given_sizes_are_what_they_were() -> None:
    """The user's sizes stand in the document, whatever the policy once chose."""
    server = serving(sizes=[1, 4, 16])
    given = render_config(server, Settings(), {"resnet": BUCKETS})
    assert given == render_config(server, Settings(), {"resnet": CHOSEN})
    assert given == render_config(serving(), Settings(), {"resnet": BUCKETS})


@pytest.mark.parametrize(("entries", "most"), [(3, 3), (100, 32)])
def test_as_many_sizes_as_a_server_keeps(entries: int, most: int) -> None:
    """No more than the cache of compiled models has, nor than a document may have."""
    server = serving(reload={"compiledCache": {"maxEntries": entries}}, maxBatchSize=500)
    rules = rules_of(server, server.spec.models[0])
    assert (rules.most_buckets, rules.max_batch_size) == (most, 500)


@pytest.mark.parametrize(("sizes", "told"), [(None, (1, 4, 16)), ([2, 6], (2, 6))])
async def test_pinned_buckets(sizes: list[int] | None, told: tuple[int, ...]) -> None:
    """Without the policy they have the user's sizes or the usual ones, and are settled."""
    bench = Bench()
    run = await bench.run(serving(sizes=sizes, strategy="Buckets", replicas=2), times=3)
    assert sizes_of_pods(bench) == [told] * 2
    assert run.status.models[0].bucket_sizes == told
    assert "Settled" in bench.reasons()


async def test_all_pods_get_the_sizes_and_the_status_names_them() -> None:
    """The commit, the pods, the status and its sentence agree."""
    bench, run = await switched(serving(replicas=2))
    assert bench.cluster.document is not None
    assert sizes_in(bench.cluster.document) == (3, 7)
    assert sizes_of_pods(bench) == [(3, 7)] * 2
    assert run.status.models[0].bucket_sizes == (3, 7)
    assert run.tuned[0].decision is not None
    assert run.tuned[0].decision.message.startswith("Buckets of 3 and 7 since")
    assert "going to" not in str(run.status.conditions)


async def test_another_operator_keeps_the_sizes() -> None:
    """From the status; without one, from the document that pods start from."""
    for has_status in (True, False):
        server = serving(replicas=2)
        bench, run = await switched(server)
        bench.restart()
        if not has_status:
            bench.cluster.status = None
        commits = list(bench.cluster.commits)
        run = await bench.run(server, times=3)
        assert run.tuned[0].plan == CHOSEN
        assert bench.cluster.commits == commits


async def test_another_operator_goes_on_with_given_sizes() -> None:
    """Without a status, buckets with the user's sizes are known from the document, and stay."""
    server = serving(sizes=[2, 6])
    bench = Bench()
    await bench.run(server, times=3)
    bench.switch(server, BUCKETS)
    await bench.run(server, times=4)
    bench.restart()
    bench.cluster.status = None
    run = await bench.run(server, times=3)
    assert run.tuned[0].plan == BUCKETS
    assert sizes_of_pods(bench) == [(2, 6)]


async def test_one_pod_tries_the_sizes_and_the_others_keep_theirs() -> None:
    """Only its document has them, and nothing is committed."""
    server = serving(replicas=3)
    bench = Bench()
    await bench.run(server, times=4)
    states = bench.controller._memories[server.key].states
    name = bench.cluster.shown[1].name
    canary = Canary(CHOSEN, name, name, int(bench.now), "it is cheaper", CHECK)
    states["resnet"] = replace(states["resnet"], canary=canary)
    await bench.run(server, times=3)
    assert sizes_of_pods(bench) == [(1, 4, 16), (3, 7), (1, 4, 16)]
    assert len(bench.cluster.commits) == 1


async def test_sizes_that_pods_refuse_are_taken_back() -> None:
    """Another set of the same plan is refused like a plan: all serve what they did."""
    server = serving(replicas=1)
    bench, _ = await switched(server)
    other = BUCKETS.with_sizes((5, 30))
    for pod in bench.cluster.pods.pods.values():
        pod.refuse = lambda document: "no memory" if sizes_in(document) == other.sizes else ""
    bench.switch(server, other)
    run = await bench.run(server, times=6)
    assert run.tuned[0].plan == CHOSEN
    assert sizes_of_pods(bench) == [(3, 7)]
    event = next(it for it in bench.cluster.events if it.reason == "StrategyReturned")
    assert "buckets/one/5,30 was refused, back to buckets/one/3,7" in event.message


async def test_sizes_that_the_user_gives_replace_the_chosen_ones() -> None:
    """At once, on all pods; buckets stay the strategy."""
    bench, _ = await switched(serving(replicas=2))
    run = await bench.run(serving(sizes=[2, 6], replicas=2).with_generation(2), times=4)
    assert sizes_of_pods(bench) == [(2, 6)] * 2
    assert run.tuned[0].plan == BUCKETS
    assert run.status.models[0].bucket_sizes == (2, 6)
