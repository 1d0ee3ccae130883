"""Clients that take pods in turn meet new ones; nobody tells them."""

import asyncio
import re

from tests.support.cluster.apiclient import ApiError, Object
from tests.support.cluster.kinds import find_kind
from tests.support.polling import eventually
from tests.support.stories.story import Story

_AGE_SECONDS = 15
_ANSWERED = re.compile(r'^batchwright_requests_total\{[^}]*method="Predict"[^}]*\} (\S+)', re.MULTILINE)
_ASK_SECONDS = 120
_ENOUGH = 90  # requests to judge by
_SHARE = 0.2  # of three pods each has about a third; less than this is no turn taken


async def test_requests_spread_over_new_pods_within_the_connections_age(story: Story) -> None:
    """One pod becomes three: the example client asks each, as soon as its connection is of age."""
    await story.create_server(
        "turns", models=[story.tiny("m")], service={"maxConnectionAgeSeconds": _AGE_SECONDS}
    )
    await story.wait_for_server("turns")

    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(_ask(story))
        await eventually(lambda: _all_asked(story, 1), seconds=60, interval=0.5)
        with story.within(120, "from one pod to three"):
            await story.edit("turns", {"replicas": 3})
            await story.wait_for_pods("turns", 3)
        # The age varies by a tenth; names are asked for anew, and known, within seconds.
        with story.within(_AGE_SECONDS * 1.1 + 10, "three pods -> each is asked"):
            await eventually(lambda: _all_asked(story, 3), seconds=60, interval=0.5)
        before = await _counts(story)
        await eventually(lambda: _has_grown(story, before), seconds=60, interval=0.5)
        shares = {name: count - before[name] for name, count in (await _counts(story)).items()}
        text = await asking

    story.say(f"requests by pod, once all were known: {shares}")
    story.say(text.strip().splitlines()[-1].strip())
    assert min(shares.values()) > _SHARE * sum(shares.values())


async def _ask(story: Story) -> str:
    """What the example client prints; any request that fails in the end makes it fail."""
    flags = ["--model_name=m", "--input_name=input", "--shape=64", f"--seconds={_ASK_SECONDS}"]
    address = f"--grpc_address=turns-headless.{story.namespace}.svc.cluster.local"
    program = "example_client/round_robin_client.py"
    return await story.run_client([program, *flags, address], seconds=_ASK_SECONDS + 60)


async def _all_asked(story: Story, pods: int) -> bool:
    counts = await _counts(story)
    return len(counts) == pods and all(counts.values())


async def _has_grown(story: Story, before: dict[str, int]) -> bool:
    return sum((await _counts(story)).values()) >= sum(before.values()) + _ENOUGH


async def _counts(story: Story) -> dict[str, int]:
    """The predictions that each pod has answered so far, by what it tells itself."""
    return {pod["metadata"]["name"]: await _count(story, pod) for pod in await story.pods("turns")}


async def _count(story: Story, pod: Object) -> int:
    path = find_kind("Pod").path(story.namespace, f"{pod['metadata']['name']}:8000", "proxy/metrics")
    try:
        text = await story.api.read_text(path)
    except ApiError:  # it does not listen yet
        return 0
    return sum(int(float(number)) for number in _ANSWERED.findall(text))
