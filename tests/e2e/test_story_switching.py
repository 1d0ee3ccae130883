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


async def test_three_pods_are_switched_there_and_back(story: Story) -> None:
    """To the demultiplexer and, when the traffic turns, to reloads again: no failed or wrong answer."""
    with story.within(180, "three pods ready"):
        await story.create_server("mixed", replicas=3, models=[story.tiny("m", batching=_ADAPTIVE)])
        await story.wait_for_server("mixed", seconds=180)
    uids = {pod["metadata"]["uid"] for pod in await story.pods("mixed")}

    async with story.traffic(story.ask_tiny("mixed", "m", sizes=(1, 2, 4, 8), clients=4)):
        await _see_switch(story, "mixed load", "demultiplex")
    async with story.traffic(story.ask_tiny("mixed", "m", sizes=(64,), clients=4)):
        await _see_switch(story, "one large size", "reload")

    assert {pod["metadata"]["uid"] for pod in await story.pods("mixed")} == uids


async def _see_switch(story: Story, load: str, strategy: str) -> None:
    """Wait until all pods serve what the load calls for, and tell how long that took and why."""
    with story.within(240, f"{load} -> decided"):
        await story.wait_for_server("mixed", until=lambda it: _is_decided(it, strategy), seconds=240)
    with story.within(180, "decided -> all pods confirmed"):
        found = await story.wait_for_server(
            "mixed", until=lambda it: _is_settled(it, strategy), seconds=180
        )
    story.say(found["status"]["models"][0]["decision"]["message"])


def _is_decided(server: Object, strategy: str) -> bool:
    """Whether a switch to that strategy has begun."""
    models = server.get("status", {}).get("models") or ()
    return any(model.get("strategy") == strategy for model in models)


def _is_settled(server: Object, strategy: str) -> bool:
    """Whether all pods serve what was decided, and its check is over."""
    conditions = {item["type"]: item["status"] for item in server["status"]["conditions"]}
    wanted = ("Ready", "ConfigApplied")
    return _is_decided(server, strategy) and all(conditions.get(name) == "True" for name in wanted)
