"""The operator comes and goes; models are served all the time."""

from tests.support.stories import installation
from tests.support.stories.story import Story


async def test_upgrade_and_rollback_leave_the_pods_of_servers_alone(story: Story) -> None:
    """Each operator pod is another after either, each server pod the same."""
    await story.create_server("kept", models=[story.tiny("m")])
    await story.wait_for_server("kept")
    before = {pod["metadata"]["uid"] for pod in await story.pods("kept")}
    operators = await _operators(story)

    async with story.traffic(story.ask_tiny("kept", "m")):
        with story.within(180, "helm upgrade"):
            story.installation.install("--set-string=podAnnotations.upgraded=yes")
        await story.edit("kept", {"models": [story.tiny("m"), story.tiny("n")]})
        with story.within(90, "an edit after the upgrade -> served"):
            await story.wait_for_server("kept", seconds=90)
        upgraded = await _operators(story)
        with story.within(180, "helm rollback"):
            story.installation.roll_back()
        await story.edit("kept", {"models": [story.tiny("m")]})
        with story.within(90, "an edit after the rollback -> served"):
            await story.wait_for_server("kept", seconds=90)

    assert {pod["metadata"]["uid"] for pod in await story.pods("kept")} == before
    assert operators & upgraded == set()
    assert upgraded & await _operators(story) == set()


async def test_servers_go_on_without_the_operator(story: Story) -> None:
    """`helm uninstall` leaves them serving; the next install takes them over as they are."""
    await story.create_server("left", models=[story.tiny("m")])
    await story.wait_for_server("left")
    before = {pod["metadata"]["uid"] for pod in await story.pods("left")}

    try:
        async with story.traffic(story.ask_tiny("left", "m")) as traffic:
            story.installation.uninstall()
            assert await _operators(story) == set()
            answered = (await traffic.observe())["answered"]
            with story.within(180, "helm install over running servers"):
                story.installation.install()
            assert (await traffic.observe())["answered"] > answered
            await story.edit("left", {"models": [story.tiny("m"), story.tiny("n")]})
            await story.wait_for_server("left", seconds=90)
    finally:
        story.installation.install()

    assert {pod["metadata"]["uid"] for pod in await story.pods("left")} == before


async def _operators(story: Story) -> set[str]:
    pods = await story.api.list("Pod", installation.NAMESPACE, labels=installation.SELECTOR)
    return {pod["metadata"]["uid"] for pod in pods if "deletionTimestamp" not in pod["metadata"]}
