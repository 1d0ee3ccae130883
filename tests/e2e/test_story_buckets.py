"""A model that comes from an S3 server inside the cluster."""

import json
from collections.abc import AsyncIterator

import pytest

from tests.support import foreign
from tests.support.cluster import workloads
from tests.support.cluster.apiclient import Object
from tests.support.polling import eventually
from tests.support.sources import s3server
from tests.support.stories import clientpods
from tests.support.stories.logscan import read_log
from tests.support.stories.story import Story

_PORT = 9900
_PROGRAM = "/opt/store"
_NAME = "store"


@pytest.fixture
async def credentials(story: Story) -> AsyncIterator[dict[str, str]]:
    """An S3 server in a pod, with the sample models in a bucket; who may read it."""
    await _mount(story)
    program = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "store-program"}}
    await story.api.create(
        {**program, "data": {"s3_program.py": s3server.PROGRAM.read_text()}}, namespace=story.namespace
    )
    service = {"selector": {"app": _NAME}, "ports": [{"port": _PORT}]}
    await story.api.create(
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": _NAME}, "spec": service},
        namespace=story.namespace,
    )
    await story.api.create(_pod(), namespace=story.namespace)

    async def is_up() -> bool:
        return (await read_log(story.api, story.namespace, _NAME)).startswith("{")

    await eventually(is_up, seconds=90, interval=0.5)
    told = json.loads((await read_log(story.api, story.namespace, _NAME)).splitlines()[0])
    yield {"AWS_ACCESS_KEY_ID": told["key"], "AWS_SECRET_ACCESS_KEY": told["secret"]}
    await story.api.delete("Pod", _NAME, story.namespace, grace_seconds=0)


async def test_a_model_from_a_bucket_answers(story: Story, credentials: dict[str, str]) -> None:
    """A ModelServer with an address and a Secret's name serves; a wrong address is told, and mended."""
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "reader"}}
    await story.api.create({**secret, "stringData": credentials}, namespace=story.namespace)

    await story.create_server("fetched", models=[_model(story, "missing")])
    with story.within(60, "wrong address -> told"):
        found = await story.wait_for_server("fetched", until=_is_told)
    story.say(_ready(found)["message"])
    assert "cannot fetch model tiny: s3://models/missing: nothing is there" in _ready(found)["message"]

    with story.within(120, "right address -> Ready"):
        await story.edit("fetched", {"models": [_model(story, "tiny")]})
        await story.wait_for_server("fetched")
    async with story.traffic(story.ask_tiny("fetched", "tiny")):
        pass


def _model(story: Story, path: str) -> Object:
    access = {
        "endpoint": f"http://{_NAME}.{story.namespace}.svc.cluster.local:{_PORT}",
        "region": "us-east-1",
        "credentialsSecretName": "reader",
    }
    return {"name": "tiny", "source": {"uri": f"s3://models/{path}", "access": access}}


def _ready(server: Object) -> Object:
    conditions = server.get("status", {}).get("conditions") or ()
    return next((item for item in conditions if item["type"] == "Ready"), {})


def _is_told(server: Object) -> bool:
    return bool(_ready(server).get("reason") == "ModelNotFetched")


async def _mount(story: Story) -> None:
    """The packages of the S3 server, made here, on a claim."""
    packages = next((foreign.require(s3server.MOTO).folder / "lib").glob("python3*/site-packages"))
    await workloads.create_claim(story.api, story.namespace, "packages", packages)


def _pod() -> Object:
    arguments = [f"{_PROGRAM}/s3_program.py", "0.0.0.0", str(_PORT), "models", clientpods.MOUNT]  # noqa: S104
    pod = clientpods.render_client(_NAME, arguments, {"app": _NAME})
    [container] = pod["spec"]["containers"]
    container["env"] = [{"name": "PYTHONPATH", "value": f"{_PROGRAM}-packages"}]
    container["volumeMounts"] += [
        {"name": "program", "mountPath": _PROGRAM},
        {"name": "packages", "mountPath": f"{_PROGRAM}-packages", "readOnly": True},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
    ]
    pod["spec"]["volumes"] += [
        {"name": "program", "configMap": {"name": "store-program"}},
        {"name": "packages", "persistentVolumeClaim": {"claimName": "packages", "readOnly": True}},
        {"name": "tmp", "emptyDir": {}},
    ]
    return pod
