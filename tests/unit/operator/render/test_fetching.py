"""What a pod runs before its server, for models that come by an address."""

from typing import Any

from batchwright_operator.render import names
from batchwright_operator.render.bundle import render_bundle
from batchwright_operator.render.settings import Settings
from batchwright_server.config.document import parse_document
from tests.support.modelservers import make_server, model_document

SETTINGS = Settings()


def model(name: str = "m", uri: str = "s3://models/m", **more: Any) -> dict[str, Any]:
    return {"name": name, "source": {"uri": uri, **more}}


def pod_of(*models: dict[str, Any], **spec: Any) -> names.Manifest:
    server = make_server(*models, **spec)
    pod: names.Manifest = render_bundle(server, SETTINGS, {}).deployment["spec"]["template"]["spec"]
    return pod


def flags(step: names.Manifest) -> dict[str, str]:
    command, *rest = step["args"]
    assert command == "fetch"
    return dict(text.removeprefix("--").partition("=")[::2] for text in rest)


def test_models_on_volumes_are_not_fetched() -> None:
    """Without an address there is nothing to run before, and no volume for it."""
    pod = pod_of(model_document(), modelCache={"sizeLimit": "1Gi"})

    assert "initContainers" not in pod
    assert all("cache" not in volume["name"] for volume in pod["volumes"])


def test_a_model_is_fetched_to_where_the_server_looks() -> None:
    """The directory in the document is the one that the step was told, on a volume that both have."""
    server = make_server(model(), model_document("other"))
    bundle = render_bundle(server, SETTINGS, {})
    pod = bundle.deployment["spec"]["template"]["spec"]
    [step] = pod["initContainers"]
    told = flags(step)

    place = f"{told['cache_dir']}/{told['cache_key']}/model"
    [first, _] = parse_document(bundle.document).model_config_list
    assert first.config.base_path == place
    mounts = {item["mountPath"]: item for item in pod["containers"][0]["volumeMounts"]}
    assert mounts[told["cache_dir"]] == {
        "name": "model-cache", "mountPath": told["cache_dir"], "readOnly": True,
    }  # fmt: skip
    assert {"name": "model-cache", "mountPath": told["cache_dir"]} in step["volumeMounts"]
    assert {"name": "model-cache", "emptyDir": {"sizeLimit": "10Gi"}} in pod["volumes"]
    assert told["max_bytes"] == str(10 << 30)


def test_a_step_is_as_confined_as_the_server() -> None:
    """Image, resources, security and the user's variables are the server's own."""
    pod = pod_of(
        model(),
        pod={
            "image": "mine:1",
            "env": [{"name": "HTTPS_PROXY", "value": "http://proxy"}],
            "resources": {"limits": {"memory": "1Gi"}},
        },
    )
    [step], [server] = pod["initContainers"], pod["containers"]

    for key in ("image", "resources", "securityContext", "env"):
        assert step[key] == server[key], key


def test_credentials_are_named_and_never_read() -> None:
    """The Secret's keys are variables of the step alone; the authority is a file of it."""
    access = {"credentialsSecretName": "reader", "region": "eu", "caConfigMap": {"name": "ca"}}
    pod = pod_of(model(access=access))
    [step] = pod["initContainers"]

    assert step["envFrom"] == [{"secretRef": {"name": "reader"}}]
    assert "envFrom" not in pod["containers"][0]
    assert flags(step)["region"] == "eu"
    [authority] = [item for item in step["volumeMounts"] if item["name"].startswith("ca-")]
    assert flags(step)["ca_file"] == f"{authority['mountPath']}/ca.crt"
    assert authority["name"] in {volume["name"] for volume in pod["volumes"]}


def test_a_claim_holds_what_it_holds() -> None:
    """On a claim only a limit that the user set bounds what is fetched."""
    free = pod_of(model(), modelCache={"claimName": "kept"})
    bounded = pod_of(model(), modelCache={"claimName": "kept", "sizeLimit": "2Gi"})

    claim = {"name": "model-cache", "persistentVolumeClaim": {"claimName": "kept"}}
    assert claim in free["volumes"]
    assert "max_bytes" not in flags(free["initContainers"][0])
    assert flags(bounded["initContainers"][0])["max_bytes"] == str(2 << 30)


def test_what_is_fetched_alike_is_fetched_once() -> None:
    """Two names for one address share its files; other versions, or another place, have their own."""
    same = pod_of(model("a"), model("b"))
    others = pod_of(
        model("a"),
        {**model("b"), "versionPolicy": {"all": {}}},
        model("c", access={"endpoint": "http://minio:9000"}),
    )

    assert len(same["initContainers"]) == 1
    assert len({step["name"] for step in others["initContainers"]}) == 3
    policies = [flags(step)["model_version_policy"] for step in others["initContainers"]]
    assert policies == ['{"latest": {"num_versions": 1}}', '{"all": {}}', policies[0]]


def test_an_address_is_no_reference_to_a_variable() -> None:
    """A dollar sign in an address reaches the step as it is."""
    [step] = pod_of(model(uri="s3://models/$(POD_NAME)"))["initContainers"]

    assert flags(step)["uri"] == "s3://models/$$(POD_NAME)"
