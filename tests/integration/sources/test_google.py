"""Fetching from a Google Cloud Storage server: whole, only what changed, by whose rights, why not."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.sources import gcsserver
from tests.support.sources.gcsserver import Bucket
from tests.support.sources.program import FetchProgram

pytestmark = pytest.mark.slow

URI = f"gs://{gcsserver.BUCKET}/resnet"
FILES = {"1/model.bin": b"w" * 3_000_000, "1/model.xml": b"<net/>"}


@pytest.fixture
async def bucket(tmp_path: Path) -> AsyncIterator[Bucket]:
    """A bucket with one model in it."""
    async with gcsserver.serve(tmp_path) as found:
        for path, content in FILES.items():
            await found.put(f"resnet/{path}", content)
        yield found


def program(bucket: Bucket, folder: Path, environ: dict[str, str]) -> FetchProgram:
    """The program with these variables; with no credentials of whoever runs the test."""
    flags = (f"--endpoint={bucket.endpoint}", "--attempts=2")
    return FetchProgram(folder, {"HOME": str(folder), **bucket.metadata_environ, **environ}, flags)


async def test_a_model_is_fetched_whole_and_then_only_what_changed(
    bucket: Bucket, tmp_path: Path
) -> None:
    """Every file comes as it is; nothing is read where nothing changed, and else the changed object."""
    fetch = program(bucket, tmp_path, bucket.environ)
    ended = await fetch.run(URI)
    assert (ended.code, ended.reason) == (0, ""), ended.log
    assert fetch.files() == FILES
    before = (fetch.model / "1/model.bin").stat().st_ino
    bucket.calls.clear()

    again = await fetch.run(URI)
    assert (again.code, "unchanged" in again.log, bucket.read_paths) == (0, True, [])

    await bucket.put("resnet/1/model.xml", b"<new/>")
    changed = await fetch.run(URI)
    assert (changed.code, set(bucket.read_paths)) == (0, {"resnet/1/model.xml"})
    assert fetch.files() == {**FILES, "1/model.xml": b"<new/>"}
    assert (fetch.model / "1/model.bin").stat().st_ino == before


async def test_a_pod_has_the_rights_that_the_metadata_service_gives(
    bucket: Bucket, tmp_path: Path
) -> None:
    """Without credentials of its own the token of the metadata service opens it, and is not shown."""
    fetch = program(bucket, tmp_path, {})

    ended = await fetch.run(URI)

    assert ended.code == 0, ended.log
    assert fetch.files() == FILES
    assert gcsserver.METADATA_TOKEN not in ended.log


async def test_a_metadata_service_that_is_not_there_is_waited_for_and_told(
    bucket: Bucket, tmp_path: Path
) -> None:
    """It may come up after the pod: it is asked again, and then told what to give in its place."""
    nowhere = {"GCE_METADATA_HOST": "127.0.0.1:1", "GCE_METADATA_IP": "127.0.0.1:1"}

    ended = await program(bucket, tmp_path, nowhere).run(URI)

    assert ended.code == 1
    assert "metadata service, where pods get theirs, does not answer" in ended.reason
    assert "name a Secret in access.credentialsSecretName" in ended.reason
    assert "again_in_seconds=1" in ended.log
    assert bucket.calls == []


async def test_wrong_credentials_are_told_at_once_and_never_shown(
    bucket: Bucket, tmp_path: Path
) -> None:
    """Another account's key, what is no key, and none at all are told as that, and no key is."""
    (tmp_path / "other").mkdir()
    other, _ = gcsserver.make_key(tmp_path / "other")
    denied = "access is denied (401, AuthenticationRequired): check the credentials"
    unreadable = "the credentials in the Secret cannot be read"

    for key, told in ((other, denied), ("open sesame", unreadable), ('{"open": "sesame"}', unreadable)):
        ended = await program(bucket, tmp_path, {"GOOGLE_SERVICE_ACCOUNT_KEY": key}).run(URI)
        assert (ended.code, told in ended.reason) == (1, True), ended.reason
        assert "again_in_seconds" not in ended.log
        assert "sesame" not in ended.log
        assert "PRIVATE" not in ended.log

    nobody = await program(bucket, tmp_path, {}).run(URI, "--anonymous")
    assert "access is denied (401" in nobody.reason


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("gs://nobody/resnet", "gs://nobody/resnet: nothing is there (404, NoSuchBucket)"),
        (f"{URI}/2", "nothing is there"),
    ],
)
async def test_what_is_not_there_is_named(bucket: Bucket, tmp_path: Path, uri: str, told: str) -> None:
    """A bucket or a path that is not there fails at once, in one sentence."""
    ended = await program(bucket, tmp_path, bucket.environ).run(uri)

    assert ended.code == 1
    assert told in ended.reason
    assert "again_in_seconds" not in ended.log
    assert "Traceback" not in ended.log
