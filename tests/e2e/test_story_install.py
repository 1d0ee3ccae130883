"""From nothing to a first prediction, as the README has it."""

import re

from tests.support.node.images import ROOT
from tests.support.stories import installation
from tests.support.stories.clientpods import MOUNT
from tests.support.stories.story import EXAMPLES, Story

# The README's flags for the sample network and images; only the address is another.
_FLAGS = (
    "example_client/grpc_serving_client.py",
    f"--images_numpy_path={MOUNT}/imgs.npy",
    f"--labels_numpy_path={MOUNT}/lbs.npy",
    "--model_name=resnet",
    "--input_name=0",
    "--output_name=1463",
    "--transpose_input=False",
    "--batchsize=8",
)


async def test_an_applied_modelserver_answers_the_example_client(story: Story) -> None:
    """A ModelServer of the examples is ready in time and classifies for an unchanged client, by name."""
    with story.within(90, "kubectl apply -> Ready"):
        story.apply_file(EXAMPLES / "auto.yaml")
        await story.wait_for_server("auto")
    story.say(story.cluster.kubectl("get", "bms", "--namespace", story.namespace).rstrip())

    with story.within(120, "64 images, 8 a request, from a client's pod"):
        text = await story.run_client([*_FLAGS, f"--grpc_address=auto.{story.namespace}"])

    accuracy = re.search(r"Classification accuracy: ([\d.]+)", text)
    assert accuracy is not None, text
    story.say(accuracy[0])
    assert float(accuracy[1]) >= 85


async def test_the_manifests_of_the_examples_are_admitted_as_they_are(story: Story) -> None:
    """Each example is taken by the API server; what pods need is what the restricted standard admits."""
    for path in sorted((ROOT / "example_client" / "manifests").glob("*.yaml")):
        story.cluster.kubectl(
            "apply", "--namespace", story.namespace, "--dry-run=server", "--filename", str(path)
        )


async def test_the_charts_own_test_passes(story: Story) -> None:
    """`helm test` serves a model, asks it and says so, and leaves nothing of it behind."""
    with story.within(180, "helm test"):
        text = story.installation.test()

    story.say("; ".join(line for line in text.splitlines() if "answers" in line))
    assert "ok" in text.splitlines()
    left = await story.api.list("ModelServer", installation.NAMESPACE)
    assert [server for server in left if "deletionTimestamp" not in server["metadata"]] == []
