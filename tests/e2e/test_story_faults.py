"""Parts of a cluster die; models are served all the time."""

import asyncio

from tests.support.cluster.apiclient import Object
from tests.support.node.onenode import OneNode
from tests.support.polling import eventually
from tests.support.stories import installation
from tests.support.stories.story import Story

_API_DOWN_SECONDS = 60.0


async def test_a_killed_server_is_missed_by_nobody(story: Story, own_node: OneNode) -> None:
    """Its container is started again, and clients are answered by the other pod meanwhile."""
    await story.create_server("killed", replicas=2, models=[story.tiny("m")])
    await story.wait_for_server("killed")

    async with story.traffic(story.ask_tiny("killed", "m")):
        pod = (await story.pods("killed"))[0]
        own_node.kill_container(_container_of(pod)["containerID"])
        with story.within(90, "kill -9 of a server -> ready again"):
            await story.api.wait_for(
                "Pod", pod["metadata"]["name"], story.namespace, until=_was_restarted, seconds=90
            )


async def test_a_pod_that_is_deleted_in_its_first_second_is_missed_by_nobody(story: Story) -> None:
    """A server that is told to end while it begins does so in order, and the next takes its place."""
    await story.create_server("young", replicas=2, models=[story.tiny("m")])
    await story.wait_for_server("young")
    old = {pod["metadata"]["name"] for pod in await story.pods("young")}

    async with story.traffic(story.ask_tiny("young", "m")):
        await story.edit("young", {"replicas": 3})
        born = await _until_one_runs(story, "young", besides=old)
        with story.within(30, "deleted in its first second -> gone"):
            await story.api.delete("Pod", born, story.namespace)
            await story.api.wait_until_gone("Pod", born, story.namespace, seconds=30)
        with story.within(90, "the next in its place"):
            await story.wait_for_pods("young", 3, seconds=90)


async def test_the_other_replica_leads_when_the_leader_is_killed(
    story: Story, own_node: OneNode
) -> None:
    """An edit right after kill -9 of the leading operator is served as soon as there is a leader."""
    await story.create_server("led", models=[story.tiny("m")])
    await story.wait_for_server("led")

    async with story.traffic(story.ask_tiny("led", "m")):
        lease = await story.api.get("Lease", "batchwright-operator", installation.NAMESPACE)
        leader = lease["spec"]["holderIdentity"].split("_")[0]
        pod = await story.api.get("Pod", leader, installation.NAMESPACE)
        own_node.kill_container(_container_of(pod)["containerID"])
        await story.edit("led", {"models": [story.tiny("m"), story.tiny("n")]})
        with story.within(90, "kill -9 of the leader -> an edit is served"):
            await story.wait_for_server("led", seconds=90)


async def test_a_restarted_kubelet_leaves_the_pods_running(story: Story, own_node: OneNode) -> None:
    """Killed and started again, it finds them as they were."""
    await story.create_server("kubelet", models=[story.tiny("m")])
    await story.wait_for_server("kubelet")
    [before] = await story.pods("kubelet")

    async with story.traffic(story.ask_tiny("kubelet", "m")):
        own_node.kubelet.kill()
        own_node.kubelet.start()
        await story.edit("kubelet", {"replicas": 2})
        with story.within(90, "kill -9 of the kubelet -> a second pod is ready"):
            await story.api.wait_for(
                "Deployment", "kubelet", story.namespace, until=_has_two, seconds=90
            )
    after = await story.api.get("Pod", before["metadata"]["name"], story.namespace)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert _container_of(after)["containerID"] == _container_of(before)["containerID"]


async def test_models_are_served_without_an_api_server(story: Story, own_node: OneNode) -> None:
    """A minute without it fails no request; an edit afterwards is served."""
    await story.create_server("alone", replicas=2, models=[story.tiny("m")])
    await story.wait_for_server("alone")
    before = {pod["metadata"]["uid"] for pod in await story.pods("alone")}

    async with story.traffic(story.ask_tiny("alone", "m")):
        own_node.api_server.kill()
        await asyncio.sleep(_API_DOWN_SECONDS)  # the story is this minute
        own_node.api_server.start()
        own_node.wait_until_ready()
        await story.edit("alone", {"models": [story.tiny("m"), story.tiny("n")]})
        with story.within(90, "API server back -> an edit is served"):
            await story.wait_for_server("alone", seconds=90)

    assert {pod["metadata"]["uid"] for pod in await story.pods("alone")} == before


async def _until_one_runs(story: Story, name: str, *, besides: set[str]) -> str:
    """The name of a new pod as soon as its container runs."""
    born: list[str] = []

    async def runs() -> bool:
        pods = await story.pods(name)
        new = [pod for pod in pods if pod["metadata"]["name"] not in besides]
        born[:] = [pod["metadata"]["name"] for pod in new if _is_running(pod)]
        return bool(born)

    await eventually(runs, seconds=60, interval=0.1)
    return born[0]


def _is_running(pod: Object) -> bool:
    statuses = pod["status"].get("containerStatuses") or ()
    return any("running" in status["state"] for status in statuses)


def _container_of(pod: Object) -> Object:
    [status] = pod["status"]["containerStatuses"]
    found: Object = status
    return found


def _was_restarted(pod: Object) -> bool:
    status = _container_of(pod)
    return bool(status["restartCount"] == 1 and status["ready"])


def _has_two(deployment: Object) -> bool:
    return bool(deployment.get("status", {}).get("readyReplicas") == 2)
