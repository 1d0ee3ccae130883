import dataclasses

import numpy as np
from google.protobuf import json_format

from batchwright_server.api import kserve_documents
from batchwright_server.protos import grpc_predict_v2_pb2 as messages
from batchwright_server.runtime.dataplane import VersionStatus
from batchwright_server.runtime.servable import State
from batchwright_server.runtime.serving_statistics import Duration, ModelStatistics
from tests.unit.server.api import samples

MODEL = samples.describe(x=(np.float32, (-1, 3)))
VERSIONS = (
    VersionStatus(1, State.UNLOADING),
    VersionStatus(2, State.LOADING, "broken"),
    VersionStatus(3, State.AVAILABLE),
    VersionStatus(4, State.LOADING),
)


def test_a_model_is_described_with_the_versions_that_serve() -> None:
    """-1 stands where any batch is taken, and only serving versions are listed."""
    document = kserve_documents.describe_model(MODEL, VERSIONS)

    assert document["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 3]}]
    assert document["versions"] == ["3"]


def test_the_configuration_leaves_the_batch_to_clients_only_where_it_is_free() -> None:
    """A largest batch size comes with dims of one sample; without one, dims are whole shapes."""
    free = kserve_documents.describe_config(MODEL)
    fixed = kserve_documents.describe_config(samples.describe(0, x=(np.int8, (8, 3))))
    unbatched = kserve_documents.describe_config(
        dataclasses.replace(MODEL, outputs=samples.describe(x=(np.int8, (8, 3))).inputs)
    )

    assert (free["max_batch_size"], free["input"][0]["dims"]) == (64, [3])
    assert (fixed["max_batch_size"], fixed["input"][0]["dims"]) == (0, [8, 3])
    assert (unbatched["max_batch_size"], unbatched["input"][0]["dims"]) == (0, [-1, 3])


def test_the_index_tells_every_version_and_why_it_does_not_serve() -> None:
    """All versions, or those that are ready."""
    index = kserve_documents.describe_index({"m": VERSIONS}, ready_only=False)
    ready = kserve_documents.describe_index({"m": VERSIONS}, ready_only=True)

    assert [item["state"] for item in index] == ["UNAVAILABLE", "UNAVAILABLE", "READY", "LOADING"]
    assert index[1]["reason"] == "broken"
    assert [item["version"] for item in ready] == ["3"]


def test_every_document_is_a_message_too() -> None:
    """What HTTP answers and what gRPC answers have the same fields."""
    some = Duration(3, 0.5)
    statistics = ModelStatistics("m", 3, 1.5, 12, 3, some, some, some, some)
    described = kserve_documents.describe_statistics([statistics])

    json_format.ParseDict(kserve_documents.describe_server(), messages.ServerMetadataResponse())
    json_format.ParseDict(
        kserve_documents.describe_model(MODEL, VERSIONS), messages.ModelMetadataResponse()
    )
    json_format.ParseDict(kserve_documents.describe_config(MODEL), messages.ModelConfig())
    message = json_format.ParseDict(described, messages.ModelStatisticsResponse())

    assert message.model_stats[0].inference_stats.success.ns == 500_000_000
    assert message.model_stats[0].last_inference == 1500
