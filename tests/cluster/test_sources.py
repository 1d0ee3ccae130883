"""Models by an address: the pod's init step fetches them, and its failures reach the status."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.cluster.apiclient import Object
from tests.support.cluster.stage import Stage, all_hold, condition, is_told
from tests.support.sources import s3server
from tests.support.sources.s3server import Bucket

pytestmark = pytest.mark.slow

SECRET = "reader"  # noqa: S105  its name


@pytest.fixture
async def bucket(stage: Stage) -> AsyncIterator[Bucket]:
    """A bucket with the models of the stage, whose credentials are in a Secret beside it."""
    async with s3server.serve() as found:
        await stage.open()
        await found.put_folder(stage.folder / "models", "repository")
        data = {key: base64.b64encode(text.encode()).decode() for key, text in found.environ.items()}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET}, "data": data}
        await stage.api.create(secret, namespace=stage.namespace)
        yield found


def fetched(bucket: Bucket, name: str = "m", *, path: str = "repository/m", **access: Any) -> Object:
    """One model by its address in the bucket."""
    given = {"endpoint": bucket.endpoint, "region": "us-east-1", "credentialsSecretName": SECRET}
    source = {"uri": f"s3://models/{path}", "access": {**given, **access}}
    return {"name": name, "source": source, "batching": {"strategy": "Reload"}}


async def test_a_model_from_a_bucket_is_served(stage: Stage, bucket: Bucket) -> None:
    """A ModelServer with nothing but an address and a Secret's name is ready and answers."""
    await stage.create(fetched(bucket))

    await stage.settled()

    async with stage.client() as service, service.load("m", sizes=[1, 3], clients=2) as load:
        await load.answered(20)
    load.results.require_flawless()


async def test_a_model_that_cannot_be_fetched_is_told(stage: Stage, bucket: Bucket) -> None:
    """The condition has the model, the address and the reason; the next edit makes it good."""
    await stage.create(fetched(bucket, path="repository/missing"))

    found = await stage.told("vision", is_told("Ready", "ModelNotFetched"))

    message = condition(found, "Ready")["message"]
    stage.say(message)
    assert "cannot fetch model m: s3://models/repository/missing: nothing is there" in message
    assert condition(found, "ModelsAvailable")["reason"] == "ModelNotFetched"
    assert "ModelNotFetched" in stage.kubectl("events", "--for=modelserver/vision")
    await stage.edit(models=[fetched(bucket)])
    await stage.told("vision", all_hold, seconds=90)


async def test_a_wrong_credential_is_told_without_it(stage: Stage, bucket: Bucket) -> None:
    """What a store refuses is told as a refusal; a Secret that is not there, too."""
    data = {"AWS_ACCESS_KEY_ID": bucket.key, "AWS_SECRET_ACCESS_KEY": "open-sesame"}
    wrong = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "wrong"}, "stringData": data}
    await stage.api.create(wrong, namespace=stage.namespace)
    await stage.create(fetched(bucket, credentialsSecretName="wrong"))
    found = await stage.told("vision", is_told("Ready", "ModelNotFetched"))
    message = condition(found, "Ready")["message"]
    assert "access is denied (403, SignatureDoesNotMatch)" in message
    assert "open-sesame" not in str(found)

    await stage.edit(models=[fetched(bucket, credentialsSecretName="absent")])
    found = await stage.told("vision", lambda one: "absent" in str(condition(one, "Ready")))
    stage.say(condition(found, "Ready")["message"])


async def test_another_address_replaces_the_pods_one_by_one(stage: Stage, bucket: Bucket) -> None:
    """Another address is another pod: the old one serves until the new one does."""
    await stage.create(fetched(bucket))
    await stage.settled()
    [before] = await stage.processes()

    async with stage.client() as service, service.load("m", sizes=[1], clients=1) as load:
        await load.answered(5)
        await stage.edit(models=[fetched(bucket, path="copy/m")])
        await stage.told("vision", lambda one: condition(one, "Ready")["reason"] == "NewPodsNotFetched")
        await bucket.put_folder(stage.folder / "models", "copy")
        await stage.told("vision", all_hold, seconds=90)
    load.results.require_flawless()

    assert before not in await stage.processes()
