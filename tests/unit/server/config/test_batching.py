import json
from typing import Any

import pytest

from batchwright_server.config.batching import Batching, OnMiss
from batchwright_server.config.document import parse_document, render_document
from batchwright_server.config.problems import InvalidDocument


def parse(**batching: Any) -> Batching:
    config = {"name": "m", "base_path": "/m", "batching": batching}
    document = parse_document(json.dumps({"model_config_list": [{"config": config}]}).encode())
    assert parse_document(render_document(document)) == document
    return document.models[0].effective_batching


def test_buckets_are_sorted_sizes() -> None:
    """In whatever order they are written, the same document means the same."""
    assert parse(strategy="buckets", buckets={"sizes": [16, 1, 4]}).buckets.sizes == (1, 4, 16)
    assert parse(strategy="buckets").buckets.sizes == (1, 4, 16)


def test_nothing_is_coalesced_or_split_unless_asked() -> None:
    """Both change when a request is inferred, so both are off by default."""
    plain = parse(strategy="reload")
    assert (plain.coalesce, plain.reload.on_miss) == (None, OnMiss.WAIT)

    asked = parse(
        strategy="dynamic",
        coalesce={"max_batch_size": 8, "max_delay_seconds": 0.0005},
        reload={"on_miss": "split"},
    )
    assert asked.coalesce is not None
    assert (asked.coalesce.max_batch_size, asked.coalesce.max_delay_seconds) == (8, 0.0005)
    assert asked.reload.on_miss is OnMiss.SPLIT


@pytest.mark.parametrize(
    ("batching", "path"),
    [
        ({"buckets": {"sizes": []}}, "buckets.sizes"),
        ({"buckets": {"sizes": [0]}}, "buckets.sizes[0]"),
        ({"buckets": {"sizes": [4, 4]}}, "buckets.sizes"),
        ({"buckets": {"sizes": list(range(1, 34))}}, "buckets.sizes"),
        ({"coalesce": {}}, "coalesce.max_batch_size"),
        ({"coalesce": {"max_batch_size": 8, "max_delay_seconds": -1}}, "coalesce.max_delay_seconds"),
        ({"reload": {"on_miss": "Split"}}, "reload.on_miss"),
    ],
)
def test_what_cannot_be_is_told_by_its_path(batching: dict[str, Any], path: str) -> None:
    """The field is named that has to be mended."""
    with pytest.raises(InvalidDocument) as caught:
        parse(strategy="buckets", **batching)

    paths = [problem.path for problem in caught.value.problems]
    assert f"model_config_list[0].config.batching.{path}" in paths
