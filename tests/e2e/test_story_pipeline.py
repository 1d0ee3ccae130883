"""A pipeline with a demultiplexer at its entry, for clients of one image and of eight."""

import re

from tests.support.cluster.apiclient import Object
from tests.support.stories.clientpods import MOUNT
from tests.support.stories.story import EXAMPLES, Story

_FLAGS = (
    "example_client/grpc_serving_client.py",
    f"--images_numpy_path={MOUNT}/imgs.npy",
    f"--labels_numpy_path={MOUNT}/lbs.npy",
    "--model_name=resnet50DAG",
    "--input_name=0",
    "--output_name=1463",
    "--transpose_input=False",
    "--dag-batch-size-auto",
    "--iterations=8",
)


async def test_a_pipeline_takes_batches_of_one_and_of_eight(story: Story) -> None:
    """The example's pipeline is accepted, served, and right for both sizes."""
    with story.within(150, "kubectl apply -> Pipeline ready"):
        story.apply_file(EXAMPLES / "pipeline.yaml")
        await story.wait_for_server("pipeline")
        await story.api.wait_for(
            "Pipeline", "resnet50dag", story.namespace, until=_is_served, seconds=60
        )

    for size in (1, 8):
        with story.within(120, f"8 requests of {size}"):
            text = await story.run_client(
                [*_FLAGS, f"--batchsize={size}", f"--grpc_address=pipeline.{story.namespace}"]
            )
        accuracy = re.search(r"Classification accuracy: ([\d.]+)", text)
        assert accuracy is not None, text
        story.say(accuracy[0])
        assert float(accuracy[1]) >= 75


def _is_served(pipeline: Object) -> bool:
    conditions = {
        item["type"]: item["status"] for item in pipeline.get("status", {}).get("conditions") or ()
    }
    return conditions.get("Accepted") == conditions.get("Ready") == "True"
