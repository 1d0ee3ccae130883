"""The operator finds the better strategy while clients ask, and no client notices."""

from tests.support.cluster.apiclient import Object
from tests.support.stories.story import Story

_ADAPTIVE = {
    "strategy": "Adaptive",
    "adaptive": {
        "candidates": ["Reload", "Demultiplex"],
        "windowSeconds": 20,
        "cooldownSeconds": 30,
        "minSavingPercent": 10,
    },
    # As OpenVINO Model Server keeps them: one compiled model, so each change of size compiles again.
    "reload": {"compiledCache": {"maxEntries": 1}, "queue": {"maxRequests": 256, "maxWaitSeconds": 30}},
}


async def test_three_pods_are_switched_under_mixed_load(story: Story) -> None:
    """From reloading to the demultiplexer on every pod, without one failed or wrong answer."""
    with story.within(180, "three pods ready"):
        await story.create_server("mixed", replicas=3, models=[story.tiny("m", batching=_ADAPTIVE)])
        await story.wait_for_server("mixed", seconds=180)
    uids = {pod["metadata"]["uid"] for pod in await story.pods("mixed")}

    async with story.traffic(story.ask_tiny("mixed", "m", sizes=(1, 2, 4, 8), clients=4)):
        with story.within(240, "mixed load -> decided"):
            await story.wait_for_server("mixed", until=_has_decided, seconds=240)
        with story.within(180, "decided -> all pods confirmed"):
            found = await story.wait_for_server("mixed", until=_is_settled, seconds=180)

    story.say(found["status"]["models"][0]["decision"]["message"])
    assert {pod["metadata"]["uid"] for pod in await story.pods("mixed")} == uids


def _has_decided(server: Object) -> bool:
    """Whether a switch has begun."""
    models = server.get("status", {}).get("models") or ()
    return any(model.get("strategy") == "demultiplex" for model in models)


def _is_settled(server: Object) -> bool:
    """Whether all pods serve what was decided, and its check is over."""
    conditions = {item["type"]: item["status"] for item in server["status"]["conditions"]}
    wanted = ("Ready", "ConfigApplied")
    return _has_decided(server) and all(conditions.get(name) == "True" for name in wanted)
