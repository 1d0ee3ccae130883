"""Which generation a status is about: the last wholly applied; of a newer one only what is wrong."""

import pytest

from batchwright_operator.cluster.errors import ClusterError, NotOurs, Refused
from batchwright_operator.controller.run import Run
from batchwright_operator.render import names
from batchwright_operator.resources.conditions import ConditionType
from batchwright_operator.resources.status import ModelServerStatus
from tests.support.controller_bench import Bench, condition, refusing
from tests.support.fake_cluster import FakeCluster
from tests.support.modelservers import DEMULTIPLEX, make_server, model_document

SERVER = make_server(replicas=2)
POD = make_server(replicas=2, pod={"resources": {"limits": {"cpu": "2"}}}).with_generation(2)
PORT = make_server(replicas=2, service={"grpcPort": 9100}).with_generation(2)
PINNED = make_server(model_document(batching={"strategy": "Demultiplex"}), replicas=2).with_generation(2)


class HeldCluster(FakeCluster):
    """Its pods are replaced when told."""

    is_held = False

    def step(self) -> None:
        if not self.is_held:
            super().step()

    def start_newest(self) -> str:
        """One more pod, of the Deployment's template; its name."""
        annotations = self.objects["Deployment", "vision"]["spec"]["template"]["metadata"]["annotations"]
        return self.start(annotations[names.TEMPLATE_HASH]).name


def generations(run: Run) -> set[int]:
    """Of the status and each of its conditions."""
    return {
        run.status.observed_generation,
        *(found.observed_generation for found in run.status.conditions),
    }


def ready(run: Run) -> tuple[str, str, int]:
    """Ready's status, reason and generation."""
    found = condition(run, ConditionType.READY)
    return found.status, found.reason, found.observed_generation


async def held() -> tuple[Bench, HeldCluster]:
    """A ModelServer that is served, and whose pods are from now on replaced when told."""
    cluster = HeldCluster()
    bench = Bench(cluster)
    assert generations(await bench.run(SERVER, times=3)) == {1}
    cluster.is_held = True
    return bench, cluster


async def test_nothing_is_claimed_of_a_new_object() -> None:
    """Only that its pods are not there yet is about it before it is applied."""
    run = await Bench().run(SERVER)
    assert run.status.observed_generation == 0
    assert ready(run) == ("False", "PodsNotReady", 1)
    others = [found for found in run.status.conditions if found.type is not ConditionType.READY]
    assert {found.observed_generation for found in others} == {0}


async def test_an_edit_of_the_pods_holds_once_all_are_replaced() -> None:
    """Ready stays true of the generation before, and tells how far the new one is."""
    bench, cluster = await held()
    for _ in range(2):  # before the Deployment is written, and after
        run = await bench.run(POD)
        assert ready(run) == ("True", "RollingOut", 1)
        assert generations(run) == {1}
        assert run.next_in < 1
    assert condition(run, ConditionType.READY).message == (
        "2 of 2 pods are ready. 0 of 2 have the newest template."
    )
    cluster.start_newest()
    run = await bench.run(POD)
    assert condition(run, ConditionType.READY).message == (
        "2 of 2 pods are ready. 1 of 2 has the newest template."
    )
    bench.restart()
    assert (await bench.run(POD)).status.observed_generation == 1
    cluster.is_held = False
    run = await bench.run(POD, times=2)
    assert ready(run) == ("True", "AllPodsReady", 2)
    assert generations(run) == {2}


async def test_new_pods_that_die_while_the_old_ones_serve() -> None:
    """Ready stays true; its reason, its words and one warning tell of it."""
    bench, cluster = await held()
    await bench.run(POD)
    name = cluster.start_newest()
    cluster.show(name, ready=False, failed_starts=3, reason="exit code 1: no such file")
    run = await bench.run(POD, times=2)
    assert ready(run) == ("True", "NewPodsCrashing", 1)
    assert f"Pod {name} died 3 times" in condition(run, ConditionType.READY).message
    assert "no such file" in condition(run, ConditionType.READY).message
    assert bench.reasons().count("NewPodsCrashing") == 1
    assert [event.type for event in cluster.events if event.reason == "NewPodsCrashing"] == ["Warning"]


async def test_old_pods_that_die_say_nothing_of_the_edit() -> None:
    """Whoever waits for an edit that mends pods is not told of those it replaces."""
    bench, cluster = await held()
    for pod in cluster.shown:
        cluster.show(pod.name, ready=False, failed_starts=3, reason="out of memory")
    assert ready(await bench.run(POD)) == ("False", "PodsCrashing", 1)
    name = cluster.start_newest()
    cluster.show(name, ready=False, failed_starts=2, reason="again")
    assert ready(await bench.run(POD, times=2)) == ("False", "PodsCrashing", 2)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (NotOurs("Service", "vision"), "ObjectNotOwned"),
        (Refused("spec.ports: Invalid"), "ApplyRefused"),
    ],
)
async def test_an_object_that_cannot_be_written_is_told_at_once(
    error: ClusterError, reason: str
) -> None:
    """Of the edit that it stands against, and not of one that mends it."""
    bench, cluster = await held()

    def trouble(write: str) -> None:
        if write == "apply Service":
            raise error

    cluster.trouble = trouble
    run = await bench.run(PORT, times=2)
    assert ready(run) == ("False", reason, 2)
    assert run.status.observed_generation == 1
    cluster.trouble, cluster.is_held = (lambda _: None), False
    mended = make_server(replicas=2, service={"grpcPort": 9200}).with_generation(3)
    assert ready(await bench.run(mended)) == ("False", reason, 1)
    run = await bench.run(mended, times=2)
    assert ready(run) == ("True", "AllPodsReady", 3)
    assert generations(run) == {3}


async def test_a_configuration_that_is_refused_is_told_at_once() -> None:
    """It is the answer to the edit: nothing is left to be waited for."""
    bench, cluster = await held()
    cluster.fake(1).refuse = refusing(DEMULTIPLEX)
    run = await bench.run(PINNED)
    assert run.status.observed_generation == 1
    run = await bench.run(PINNED, times=2)
    applied = condition(run, ConditionType.CONFIG_APPLIED)
    assert (applied.reason, applied.observed_generation) == ("ConfigRejected", 2)
    assert run.status.observed_generation == 2


async def test_an_edit_of_the_configuration_holds_once_it_is_committed() -> None:
    """Pods that serve it are not enough: new ones would start from the one before."""
    bench, _ = await held()
    for _ in range(2):
        run = await bench.run(PINNED)
        applied = condition(run, ConditionType.CONFIG_APPLIED)
        assert (applied.status, applied.observed_generation) == ("False", 2)
        assert run.status.observed_generation == 1
        assert ready(run)[2] == 1
    assert generations(await bench.run(PINNED)) == {2}


async def test_none_to_wait_for() -> None:
    """Without replicas an edit holds as soon as it is written."""
    bench = Bench()
    await bench.run(SERVER, times=3)
    run = await bench.run(make_server(replicas=0).with_generation(2), times=2)
    assert run.status.observed_generation == 2
    assert ready(run) == ("True", "AllPodsReady", 2)


async def test_a_switch_of_the_policy_is_no_edit() -> None:
    """What was applied stays so while plans change."""
    bench, _ = await held()
    bench.switch(SERVER, DEMULTIPLEX)
    run = await bench.run(SERVER)
    assert not condition(run, ConditionType.CONFIG_APPLIED).is_true
    assert generations(run) == {1}


async def test_a_generation_beyond_the_objects_is_of_another_one() -> None:
    """A status that was restored from elsewhere does not make an edit applied."""
    bench = Bench()
    bench.cluster.status = ModelServerStatus(observed_generation=7)
    assert (await bench.run(SERVER)).status.observed_generation == 0


async def test_an_edit_is_told_anew() -> None:
    """What was said meanwhile of an edit that was not valid does not stay."""
    bench, cluster = await held()
    before = cluster.status
    cluster.status = ModelServerStatus()  # as somebody else has left it
    run = await bench.run(make_server(replicas=2, networkPolicy={}).with_generation(3))
    assert cluster.status == before == run.status
