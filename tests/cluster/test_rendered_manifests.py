"""What is rendered, put to a real API server: accepted as it is, and the same when written again."""

import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from batchwright_operator.reconcile import drift
from batchwright_operator.render.bundle import Bundle, render_bundle
from batchwright_operator.render.names import Manifest
from batchwright_operator.render.revisions.registry import REVISIONS
from batchwright_operator.render.settings import Settings
from batchwright_operator.render.template import Revisions, choose_template
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.objects import read_object
from tests.support.cluster import monitors
from tests.support.cluster.apiclient import ApiClient, ApiError, Patch
from tests.support.cluster.kinds import find_kind
from tests.support.template_revisions import NEXT

_TESTS = Path(__file__).parents[1]
_FILES = (
    _TESTS / "golden" / "modelservers.yaml",
    _TESTS / "unit" / "operator" / "render" / "golden" / "full.modelserver.yaml",
)
_MANAGER = "batchwright"
SETTINGS = Settings(admin_keys=(b"new", b"old"))


def _documents() -> Iterator[Manifest]:
    for file in _FILES:
        yield from yaml.safe_load_all(file.read_text())


DOCUMENTS = {document["metadata"]["name"]: document for document in _documents()}


@pytest.fixture
async def restricted(api: ApiClient, namespace: str) -> str:
    """A namespace in which pods have to meet the restricted Pod Security Standard."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    await api.patch("Namespace", namespace, patch={"metadata": {"labels": labels}})
    deadline = time.monotonic() + 20
    while await _is_accepted(api, _pod({"containers": [{"name": "a", "image": "a"}]}), namespace):
        assert time.monotonic() < deadline, "a pod that is not restricted is still accepted"
    return namespace


@pytest.fixture
async def monitored(api: ApiClient) -> AsyncIterator[None]:
    """The kind ServiceMonitor, for as long as the test runs where the cluster does not have it."""
    async with monitors.monitors(api):
        yield


@pytest.mark.usefixtures("monitored")
@pytest.mark.parametrize("name", DOCUMENTS)
async def test_manifests_are_accepted_and_settle(api: ApiClient, restricted: str, name: str) -> None:
    """Each manifest is taken, and what the API server keeps of it is what was asked for.

    Written a second time nothing changes, so that an operator never writes for writing's sake.
    """
    bundle = await _bundle_of(api, DOCUMENTS[name], restricted)
    for manifest in bundle.manifests:
        await _apply(api, manifest, dry_run=True)
    for manifest in bundle.manifests:
        first = await _apply(api, manifest)
        second = await _apply_undisturbed(api, manifest)
        assert second.get("spec") == first.get("spec"), manifest["kind"]
        assert drift.find_difference(manifest, second) is None, manifest["kind"]


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_pods_are_restricted(api: ApiClient, restricted: str, name: str) -> None:
    """The pods meet the strictest of the Pod Security Standards, whatever a ModelServer asks for."""
    bundle = await _bundle_of(api, DOCUMENTS[name], restricted)
    account = bundle.find("ServiceAccount", name)
    assert account is not None
    await _apply(api, account)
    spec = dict(bundle.deployment["spec"]["template"]["spec"])
    spec.pop("priorityClassName", None)  # of a class that is not there
    assert await _is_accepted(api, _pod(spec), restricted, refusals=False)


@pytest.mark.usefixtures("monitored")
async def test_everything_goes_with_its_modelserver(api: ApiClient, restricted: str) -> None:
    """Deleting the object is all that has to be done, operator or not."""
    bundle = await _bundle_of(api, DOCUMENTS["full"], restricted)
    for manifest in bundle.manifests:
        await _apply(api, manifest)
    await api.delete("ModelServer", "full", restricted)
    for manifest in bundle.manifests:
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        await api.wait_until_gone(kind, name, restricted, seconds=60)


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_other_releases_of_the_operator_replace_no_pods(
    api: ApiClient, namespace: str, name: str
) -> None:
    """Upgraded, rolled back and upgraded again, the pod template is to Kubernetes as it was."""
    server = await _create(api, DOCUMENTS[name], namespace)
    older, newer = (REVISIONS, SETTINGS), (NEXT, replace(SETTINGS, image="registry.example/server:2"))
    for first in (older, newer):
        made = await _apply(api, _deployment(server, None, *first))
        for release in (newer, older, newer):
            found = await api.get("Deployment", name, namespace)
            again = await _apply(api, _deployment(server, found, *release))
            assert again["spec"] == made["spec"]
        await api.wait_for("Deployment", name, namespace, until=_is_seen)
        owned = await api.list("ReplicaSet", namespace)
        assert len([one for one in owned if _owner(one) == made["metadata"]["uid"]]) == 1
        await api.delete("Deployment", name, namespace)
        await api.wait_until_gone("Deployment", name, namespace)


def _is_seen(deployment: Manifest) -> bool:
    """Whether Kubernetes has made of it what there is to be made."""
    seen = deployment.get("status", {}).get("observedGeneration")
    return bool(seen == deployment["metadata"]["generation"])


def _owner(found: Manifest) -> str:
    return str(found["metadata"]["ownerReferences"][0]["uid"])


def _deployment(
    server: ModelServer, found: Manifest | None, revisions: Revisions, settings: Settings
) -> Manifest:
    """The Deployment as a release of the operator renders it that knows these revisions."""
    chosen = choose_template(server, settings, found, may_upgrade=False, revisions=revisions)
    return render_bundle(server, settings, {}, chosen, revisions=revisions).deployment


async def _bundle_of(api: ApiClient, document: Manifest, namespace: str) -> Bundle:
    """What is rendered for the ModelServer as the API server has it."""
    return render_bundle(await _create(api, document, namespace), SETTINGS, {})


async def _create(api: ApiClient, document: Manifest, namespace: str) -> ModelServer:
    own = {key: value for key, value in document["metadata"].items() if key != "uid"}
    given = {**document, "metadata": {**own, "namespace": namespace}}
    server = read_object(await api.create(given))
    assert isinstance(server, ModelServer)
    return server


async def _apply(api: ApiClient, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
    metadata = manifest["metadata"]
    path = find_kind(manifest["kind"]).path(metadata["namespace"], metadata["name"])
    query = {"fieldManager": _MANAGER, "force": "true", "fieldValidation": "Strict"}
    if dry_run:
        query["dryRun"] = "All"
    return await api.call("PATCH", path, body=manifest, query=query, content_type=Patch.APPLY.value)


async def _apply_undisturbed(api: ApiClient, manifest: Manifest) -> Manifest:
    """The answer to writing it once more, of a moment at which no controller wrote at the same time."""
    kind, name = manifest["kind"], manifest["metadata"]["name"]
    namespace = manifest["metadata"]["namespace"]
    deadline = time.monotonic() + 20
    while True:
        before = await api.get(kind, name, namespace)
        after = await _apply(api, manifest)
        if _version(before) == _version(after):
            return after
        assert before["metadata"].get("generation") == after["metadata"].get("generation"), kind
        assert time.monotonic() < deadline, f"{kind} {name} changes each time it is written"


def _version(found: Manifest) -> str:
    return str(found["metadata"]["resourceVersion"])


async def _is_accepted(api: ApiClient, pod: Manifest, namespace: str, *, refusals: bool = True) -> bool:
    try:
        await api.create(pod, namespace=namespace, dryRun="All", fieldValidation="Strict")
    except ApiError as error:
        if not refusals or error.status != 403:
            raise
        return False
    return True


def _pod(spec: Manifest) -> Manifest:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tried"}, "spec": spec}
