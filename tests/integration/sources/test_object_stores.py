"""Fetching from a real S3 server: what changed, whole or not at all, and why not."""

import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.support import foreign
from tests.support.polling import eventually
from tests.support.sources import s3server
from tests.support.sources.program import FetchProgram
from tests.support.sources.s3server import Bucket, Call, Fault

pytestmark = pytest.mark.slow

URI = "s3://models/resnet"
FILES = {"1/model.bin": b"w" * 3_000_000, "1/model.xml": b"<net/>"}


@pytest.fixture
async def bucket() -> AsyncIterator[Bucket]:
    """A bucket with one model in it."""
    async with s3server.serve() as found:
        for path, content in FILES.items():
            await found.put(f"resnet/{path}", content)
        yield found


@pytest.fixture
def program(bucket: Bucket, tmp_path: Path) -> FetchProgram:
    """The program with the bucket's credentials."""
    flags = (f"--endpoint={bucket.endpoint}", "--region=us-east-1", "--attempts=3")
    return FetchProgram(tmp_path, bucket.environ, flags)


def of(name: str) -> Callable[[Call], bool]:
    return lambda call: call.method == "GET" and call.path.endswith(name)


async def test_a_model_is_fetched_whole(program: FetchProgram) -> None:
    """The server finds the folders of versions with each file as it is in the bucket."""
    ended = await program.run(URI)

    assert (ended.code, ended.reason) == (0, ""), ended.log
    assert program.files() == FILES
    assert "fetched model=resnet files=2/2" in ended.log


async def test_only_what_changed_is_fetched_again(bucket: Bucket, program: FetchProgram) -> None:
    """Nothing is read where nothing changed; else the changed object, and the others stay the same."""
    await program.run(URI)
    before = (program.model / "1/model.bin").stat().st_ino
    bucket.calls.clear()

    again = await program.run(URI)
    assert (again.code, bucket.read_paths) == (0, [])
    assert "unchanged" in again.log

    await bucket.put("resnet/1/model.xml", b"<new/>")
    changed = await program.run(URI)
    assert (changed.code, set(bucket.read_paths)) == (0, {"resnet/1/model.xml"})
    assert program.files() == {**FILES, "1/model.xml": b"<new/>"}
    assert (program.model / "1/model.bin").stat().st_ino == before
    assert len(list((program.model.parent / "snapshots").glob("*/"))) == 1


async def test_versions_that_are_not_served_are_not_fetched(
    bucket: Bucket, program: FetchProgram
) -> None:
    """Of many versions those of the policy come, the newest by default."""
    for version in (2, 10):
        await bucket.put(f"resnet/{version}/model.onnx", b"x")

    assert (await program.run(URI)).code == 0
    assert set(program.files()) == {"10/model.onnx"}
    policy = '--model_version_policy={"specific": {"versions": [1, 2]}}'
    assert (await program.run(URI, policy)).code == 0
    assert set(program.files()) == {*FILES, "2/model.onnx"}


async def test_what_is_killed_goes_on_where_it_was(bucket: Bucket, program: FetchProgram) -> None:
    """Killed in the middle of a file, it leaves no half for a server; whole files are not read again."""
    bucket.faults.append(Fault(of("model.bin"), share=0.5, waits=True, times=1))
    process = await program.start(URI)
    await bucket.held.wait()

    async def has_noted() -> bool:
        journals = (program.folder / "volume").rglob("*.jsonl")
        return any("model.xml" in path.read_text() for path in journals)

    await eventually(has_noted)
    process.kill()
    await process.wait()
    assert not program.model.exists()
    bucket.calls.clear()

    ended = await program.run(URI)

    assert ended.code == 0, ended.log
    assert program.files() == FILES
    assert set(bucket.read_paths) == {"resnet/1/model.bin"}
    parts = [path for path in program.folder.rglob("*") if path.name.endswith(".part")]
    assert parts == []


async def test_a_truncated_object_is_read_again(bucket: Bucket, program: FetchProgram) -> None:
    """A connection that ends in the middle of an object costs another attempt, no wrong file."""
    bucket.faults.append(Fault(of("model.bin"), share=0.5, times=2))

    ended = await program.run(URI)

    assert ended.code == 0, ended.log
    assert program.files() == FILES


async def test_a_busy_store_is_asked_again_with_pauses(bucket: Bucket, program: FetchProgram) -> None:
    """What passes is waited for; what does not is told with its status."""
    bucket.faults.append(Fault(lambda call: True, status=503, times=3))
    ended = await program.run(URI)
    assert ended.code == 0, ended.log
    assert "503" in ended.log
    assert "again_in_seconds=1" in ended.log

    shutil.rmtree(program.folder / "volume")
    bucket.faults[:] = [Fault(lambda call: True, status=503)]
    ended = await program.run(URI, "--attempts=2")
    assert ended.code == 1
    assert "the server is not able to answer (503)" in ended.reason


async def test_a_store_that_is_away_does_not_stop_who_has_the_files(
    bucket: Bucket, program: FetchProgram
) -> None:
    """A pod that starts with the files on its volume starts, and says what it could not ask."""
    await program.run(URI)
    bucket.faults.append(Fault(lambda call: True, status=503))

    ended = await program.run(URI, "--attempts=1")

    assert ended.code == 0
    assert "what was fetched before is kept" in ended.log
    assert program.files() == FILES


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("s3://nobody/resnet", "s3://nobody/resnet: nothing is there (404, NoSuchBucket)"),
        ("s3://models/missing", "s3://models/missing: nothing is there"),
        ("s3://models", "found resnet/: name the model's own folder"),
        ("s3://models/resnet/1/model.onnx", "nothing is there"),
    ],
)
async def test_what_is_not_there_is_named(program: FetchProgram, uri: str, told: str) -> None:
    """A wrong address fails at once, in one sentence with the model, the address and what to do."""
    ended = await program.run(uri)

    assert ended.code == 1
    assert ended.reason.startswith("model resnet: ")
    assert told in ended.reason
    assert "again_in_seconds" not in ended.log
    assert "Traceback" not in ended.log


async def test_wrong_credentials_are_told_and_never_shown(bucket: Bucket, program: FetchProgram) -> None:
    """A refusal is told as one, with neither the key nor the secret."""
    environ = {**bucket.environ, "AWS_SECRET_ACCESS_KEY": "open-sesame"}
    wrong = FetchProgram(program.folder, environ, program.flags)

    ended = await wrong.run(URI)

    assert ended.code == 1
    assert "access is denied (403, SignatureDoesNotMatch): check the credentials" in ended.reason
    for secret in environ.values():
        assert secret not in ended.log + ended.reason


async def test_what_does_not_fit_is_not_begun(bucket: Bucket, program: FetchProgram) -> None:
    """More bytes or files than the volume may have are refused before the first is read."""
    too_large = await program.run(URI, "--max_bytes=2000000")
    too_many = await program.run(URI, "--max_files=1")

    assert "its files need 3000006 bytes, and 2000000 are left" in too_large.reason
    assert "it has more than 1 files" in too_many.reason
    assert bucket.read_paths == []


async def test_a_model_without_versions_is_its_first(bucket: Bucket, program: FetchProgram) -> None:
    """A folder of one model's files, or one file with its weights beside it, is version 1."""
    await bucket.put("bare/net.xml", b"<net/>")
    await bucket.put("bare/net.bin", b"weights")
    await bucket.put("bare/README.md", b"about")

    assert (await program.run("s3://models/bare")).code == 0
    assert set(program.files()) == {"1/net.xml", "1/net.bin", "1/README.md"}
    assert (await program.run("s3://models/bare/net.xml")).code == 0
    assert set(program.files()) == {"1/net.xml", "1/net.bin"}


async def test_names_that_lead_out_of_the_folder_are_refused(
    bucket: Bucket, program: FetchProgram
) -> None:
    """An object called ../x writes nothing anywhere."""
    signed = "resnet/1/../../../x"
    await _put_raw(bucket, signed)

    ended = await program.run(URI)

    assert ended.code == 1, ended.log
    assert list(program.folder.rglob("x")) == []


async def _put_raw(bucket: Bucket, path: str) -> None:
    """An object of a name that a careful client does not write."""
    python = str(foreign.CLIENTS / s3server.MOTO.name / "bin" / "python")
    code = (
        "import boto3,sys; boto3.client('s3', endpoint_url=sys.argv[1], region_name='us-east-1')"
        ".put_object(Bucket='models', Key=sys.argv[2], Body=b'x')"
    )
    endpoint = bucket.store.config["endpoint"]
    await foreign.run(python, "-c", code, endpoint, path, environment=bucket.environ)
