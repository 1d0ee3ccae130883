"""The store: the newest of each object, whatever the order in which news come."""

from hypothesis import given
from hypothesis import strategies as st

from batchwright_operator.cluster.kubernetes.store import Store
from batchwright_operator.resources.metadata import ObjectKey
from tests.unit.operator.cluster.kubernetes.raw_objects import owned, pipeline, pod, raw, server

VISION = ObjectKey("team", "vision")
OTHER = ObjectKey("team", "other")
CONFIG = ("ConfigMap", ObjectKey("team", "vision-config"))


@given(
    order=st.permutations(
        [("upsert", 10), ("upsert", 11), ("remove", 12), ("upsert", 13), ("upsert", 14), ("remove", 15)]
    ),
    last=st.integers(0, 5),
)
def test_any_order_gives_the_newest(order: list[tuple[str, int]], last: int) -> None:
    """News in any order, each any number of times, leave what the newest of them says."""
    store = Store()
    news = [item for item in order if item[1] <= 10 + last]
    for action, version in (*news, *news):
        change = store.upsert if action == "upsert" else store.remove
        change("ConfigMap", owned("ConfigMap", "vision-config", version, data={"v": str(version)}))
    action, version = max(news, key=lambda item: item[1])
    found = store.get(*CONFIG)
    assert (found["data"] if found else None) == ({"v": str(version)} if action == "upsert" else None)
    assert len(store.owned_by(VISION)) == (action == "upsert")


def test_only_news_concern_anybody() -> None:
    """The watch's echo of a write whose answer was kept already wakes nobody."""
    store = Store()
    assert store.upsert("ModelServer", server(5)) == (VISION,)
    assert store.upsert("ModelServer", server(5)) == ()
    assert store.upsert("ModelServer", server(4)) == ()
    assert store.remove("ModelServer", server(4)) == ()
    assert store.remove("ModelServer", server(6)) == (VISION,)
    assert store.remove("ModelServer", server(6)) == ()


def test_a_pipeline_that_moves_concerns_both_servers() -> None:
    """The ModelServer that a Pipeline leaves has to know as much as the one that it comes to."""
    store = Store()
    store.upsert("Pipeline", pipeline(1))
    assert store.upsert("Pipeline", pipeline(2, refers_to="other")) == (VISION, OTHER)
    assert store.pipelines_of(VISION) == ()
    assert [item["metadata"]["name"] for item in store.pipelines_of(OTHER)] == ["ocr"]


def test_pipelines_wait_for_their_server() -> None:
    """Pipelines without their ModelServer are found until it comes."""
    store = Store()
    store.upsert("Pipeline", pipeline(1))
    assert [item["metadata"]["name"] for item in store.pipelines_without_server()] == ["ocr"]
    store.upsert("ModelServer", server(2))
    assert store.pipelines_without_server() == ()
    assert store.keys() == (VISION,)


def test_objects_are_found_by_their_server() -> None:
    """What says it is a ModelServer's is found with it; pods and Pipelines apart."""
    store = Store()
    for kind, name in (("ConfigMap", "vision-config"), ("Service", "vision"), ("Service", "vision-b")):
        store.upsert(kind, owned(kind, name, 1))
    store.upsert("Pod", pod())
    store.upsert("Pipeline", pipeline())
    store.upsert("ConfigMap", raw("ConfigMap", "heartbeat", 3))
    found = [(item["kind"], item["metadata"]["name"]) for item in store.owned_by(VISION)]
    assert found == [("ConfigMap", "vision-config"), ("Service", "vision"), ("Service", "vision-b")]
    assert [item["metadata"]["name"] for item in store.pods_of(VISION)] == ["vision-abc-x"]
    assert store.affected("ConfigMap", raw("ConfigMap", "heartbeat", 4)) == ()
    assert store.affected("Pod", pod()) == (VISION,)


def test_what_nobody_reads_is_not_kept() -> None:
    """Owners of fields, kubectl's copy of the whole object and most of a pod take no memory."""
    store = Store()
    noise = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "note": "kept"}
    store.upsert("ModelServer", server(1, metadata={"managedFields": [{}], "annotations": noise}))
    found = store.model_server(VISION)
    assert found is not None
    assert found["metadata"]["annotations"] == {"note": "kept"}
    assert "managedFields" not in found["metadata"]
    spec = {
        "volumes": [{}],
        "containers": [{"name": "server", "env": [{}], "ports": [{"name": "admin"}]}],
    }
    annotations = {"batchwright.dev/template-hash": "h", "cni": "x"}
    store.upsert("Pod", pod(1, spec=spec, metadata={"annotations": annotations}, status={"hostIP": "1"}))
    (kept,) = store.pods_of(VISION)
    assert kept["spec"] == {"containers": [{"name": "server", "ports": [{"name": "admin"}]}]}
    assert kept["metadata"]["annotations"] == {"batchwright.dev/template-hash": "h"}
    assert kept["status"] == {}


def test_a_list_item_gets_its_kind() -> None:
    """Items of a list lack kind and apiVersion; what is read back has both."""
    store = Store()
    store.upsert("Deployment", {"metadata": owned("Deployment", "vision", 1)["metadata"], "spec": {}})
    (found,) = store.owned_by(VISION)
    assert (found["apiVersion"], found["kind"]) == ("apps/v1", "Deployment")


def test_fields_of_the_creation_are_left_to_applies() -> None:
    """An object that was only created gets a patch before its first apply, and never again."""
    store = Store()
    ours = {"manager": "batchwright", "apiVersion": "v1"}
    entries = [{"manager": "kubelet", "operation": "Update"}, {**ours, "operation": "Update"}]
    store.upsert("ConfigMap", owned("ConfigMap", "vision-config", 7) | _managed(7, entries))
    assert store.transfer_of(*CONFIG) == [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"},
        {"op": "replace", "path": "/metadata/managedFields/1/operation", "value": "Apply"},
    ]
    applied = [{**ours, "operation": "Apply"}, {**ours, "operation": "Update"}]
    store.upsert("ConfigMap", _managed(8, applied))
    assert store.transfer_of(*CONFIG)[1] == {"op": "remove", "path": "/metadata/managedFields/1"}
    status = {**ours, "operation": "Update", "subresource": "status"}
    store.upsert("ConfigMap", _managed(9, [applied[0], status]))
    assert store.transfer_of(*CONFIG) == []


def _managed(version: int, entries: list[dict[str, str]]) -> dict[str, object]:
    found = owned("ConfigMap", "vision-config", version)
    return {**found, "metadata": {**found["metadata"], "managedFields": entries}}
