"""Pipelines for tests, as users write them."""

from typing import Any

from batchwright_operator.resources.pipeline import Pipeline


def pipeline_document(name: str = "twice", /, *, server: str = "vision", **spec: Any) -> dict[str, Any]:
    """A Pipeline of one node over the model `m` with input `x` and output `y`, split at the entry."""
    node = {
        "name": "only",
        "model": "m",
        "inputs": [{"name": "x", "from": {"node": "request", "item": "x"}}],
        "outputs": [{"name": "y", "item": "y"}],
    }
    return {
        "apiVersion": "batchwright.dev/v1alpha1",
        "kind": "Pipeline",
        "metadata": {"name": name},
        "spec": {
            "modelServerRef": {"name": server},
            "inputs": ["x"],
            "demultiplyCount": -1,
            "nodes": [node],
            "outputs": [{"name": "y", "from": {"node": "only", "item": "y"}}],
            **spec,
        },
    }


def broken_pipeline_document(name: str = "broken", /, **spec: Any) -> dict[str, Any]:
    """A Pipeline that is well written and takes an output that its node does not have."""
    outputs = [{"name": "y", "from": {"node": "only", "item": "nothing"}}]
    return pipeline_document(name, outputs=outputs, **spec)


def make_pipeline(name: str = "twice", /, **spec: Any) -> Pipeline:
    """A Pipeline from what `pipeline_document` takes."""
    return Pipeline.model_validate(pipeline_document(name, **spec), by_alias=True, by_name=False)
