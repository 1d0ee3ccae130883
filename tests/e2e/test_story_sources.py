"""Where models come from: a claim, and an OCI image that pods mount."""

from tests.support.node import images
from tests.support.stories.story import Story


async def test_a_model_comes_from_a_claim(story: Story) -> None:
    """Two pods read one claim, and a second model on it is served without another pod."""
    with story.within(90, "models on a claim -> two pods ready"):
        await story.create_server("claimed", replicas=2, models=[story.tiny("m")])
        await story.wait_for_server("claimed", seconds=90)
    before = {pod["metadata"]["uid"] for pod in await story.pods("claimed")}

    async with story.traffic(story.ask_tiny("claimed", "m")):
        with story.within(60, "another model of the claim -> served"):
            await story.edit("claimed", {"models": [story.tiny("m"), story.tiny("n")]})
            await story.wait_for_server("claimed", seconds=60)

    assert {pod["metadata"]["uid"] for pod in await story.pods("claimed")} == before


async def test_a_model_comes_from_an_image(story: Story) -> None:
    """An image with nothing but models is mounted, read only, and its model answers rightly."""
    source = {"image": {"reference": images.MODELS, "pullPolicy": "Never", "path": "tiny"}}
    with story.within(90, "models in an image -> ready"):
        await story.create_server("pictured", models=[{"name": "m", "source": source}])
        await story.wait_for_server("pictured", seconds=90)

    [pod] = await story.pods("pictured")
    volumes = [volume["image"] for volume in pod["spec"]["volumes"] if "image" in volume]
    assert volumes == [{"reference": images.MODELS, "pullPolicy": "Never"}]
    async with story.traffic(story.ask_tiny("pictured", "m")):
        with story.within(120, "a second pod from the image"):
            await story.edit("pictured", {"replicas": 2})
            await story.wait_for_pods("pictured", 2)
