"""Fetching from a real Azure Blob server: whole, only what changed, and why not."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.support.sources import azureserver
from tests.support.sources.azureserver import Container
from tests.support.sources.gate import gate
from tests.support.sources.program import FetchProgram

pytestmark = pytest.mark.slow

URI = f"az://{azureserver.CONTAINER}/resnet"
FILES = {"1/model.bin": b"w" * 3_000_000, "1/model.xml": b"<net/>"}


@pytest.fixture
async def container() -> AsyncIterator[Container]:
    """A container with one model in it."""
    async with azureserver.serve() as found:
        for path, content in FILES.items():
            await found.put(f"resnet/{path}", content)
        yield found


@pytest.fixture
def program(container: Container, tmp_path: Path) -> FetchProgram:
    """The program with the account's key."""
    flags = (f"--endpoint={container.endpoint}", "--attempts=2")
    return FetchProgram(tmp_path, container.environ, flags)


async def test_a_model_is_fetched_whole_and_then_only_what_changed(
    container: Container, program: FetchProgram
) -> None:
    """Every file comes as it is; nothing is read where nothing changed, and else the changed blob."""
    ended = await program.run(URI)
    assert (ended.code, ended.reason) == (0, ""), ended.log
    assert program.files() == FILES
    before = (program.model / "1/model.bin").stat().st_ino
    container.calls.clear()

    again = await program.run(URI)
    assert (again.code, "unchanged" in again.log, container.read_paths) == (0, True, [])

    await container.put("resnet/1/model.xml", b"<new/>")
    changed = await program.run(URI)
    assert (changed.code, set(container.read_paths)) == (0, {"resnet/1/model.xml"})
    assert program.files() == {**FILES, "1/model.xml": b"<new/>"}
    assert (program.model / "1/model.bin").stat().st_ino == before


async def test_a_shared_signature_and_the_other_form_of_address_do(
    container: Container, program: FetchProgram
) -> None:
    """A SAS in place of the key opens it, also by an abfs address, and is not shown."""
    signature = azureserver.shared_signature(container.key)
    environ = {"AZURE_STORAGE_SAS_KEY": signature, "AZURE_STORAGE_ACCOUNT_NAME": azureserver.ACCOUNT}
    address = f"abfs://{azureserver.CONTAINER}@{azureserver.ACCOUNT}.dfs.core.windows.net/resnet"

    for uri in (URI, address):
        ended = await FetchProgram(program.folder, environ, program.flags).run(uri)
        assert ended.code == 0, ended.log
        assert program.files() == FILES
        assert "sig=" not in ended.log


@pytest.mark.parametrize(
    ("environ", "flags", "told"),
    [
        ({"AZURE_STORAGE_ACCOUNT_KEY": "b3Blbi1zZXNhbWU="}, (), "access is denied (403, "),
        (
            {"AZURE_STORAGE_ACCOUNT_KEY": "open sesame"},
            (),
            "the credentials in the Secret cannot be read",
        ),
        ({"AZURE_STORAGE_ACCOUNT_KEY": ""}, ("--anonymous",), "access is denied (403, "),
    ],
)
async def test_wrong_credentials_are_told_at_once_and_never_shown(
    program: FetchProgram, environ: dict[str, str], flags: tuple[str, ...], told: str
) -> None:
    """A refused key, what is no key, and none at all are told as that, and no key is."""
    given = {**program.environ, **environ}
    secret = given["AZURE_STORAGE_ACCOUNT_KEY"]

    ended = await FetchProgram(program.folder, given, program.flags).run(URI, *flags)

    assert (ended.code, told in ended.reason) == (1, True), ended.reason
    assert "again_in_seconds" not in ended.log
    assert not secret or secret not in ended.log + ended.reason


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("az://nobody/resnet", "az://nobody/resnet: nothing is there (404, ContainerNotFound)"),
        (f"{URI}/2", "nothing is there"),
        (f"az://{azureserver.CONTAINER}", "found resnet/: name the model's own folder"),
    ],
)
async def test_what_is_not_there_is_named(program: FetchProgram, uri: str, told: str) -> None:
    """A container or a path that is not there fails at once, in one sentence."""
    ended = await program.run(uri)

    assert ended.code == 1
    assert told in ended.reason
    assert "again_in_seconds" not in ended.log
    assert "Traceback" not in ended.log


async def test_a_pod_has_the_rights_of_its_service_account(tmp_path: Path) -> None:
    """The token mounted for it is exchanged for one that the store is asked with; neither is shown.

    The store here knows that token alone, and has nothing.
    """
    mounted, given, asked_with = "mounted-token", "given-token", set[str]()

    def answer(asked: web.Request) -> web.Response:
        if asked.path == "/tenant/oauth2/v2.0/token":
            return web.json_response({"access_token": given, "expires_in": 3600, "token_type": "Bearer"})
        asked_with.add(asked.headers.get("Authorization", ""))
        return web.Response(status=404, text="<Error><Code>ContainerNotFound</Code></Error>")

    file = tmp_path / "token"
    file.write_text(mounted)
    async with gate("http://nowhere.invalid", lambda _: None, answer) as address:
        environ = {  # as the webhook of workload identity sets them
            "AZURE_AUTHORITY_HOST": f"{address}/",
            "AZURE_CLIENT_ID": "client",
            "AZURE_FEDERATED_TOKEN_FILE": str(file),
            "AZURE_TENANT_ID": "tenant",
            "AZURE_STORAGE_ACCOUNT_NAME": azureserver.ACCOUNT,
        }
        flags = (f"--endpoint={address}/{azureserver.ACCOUNT}", "--attempts=1")
        ended = await FetchProgram(tmp_path, environ, flags).run(URI)

    assert asked_with == {f"Bearer {given}"}, ended.log
    assert "nothing is there (404, ContainerNotFound)" in ended.reason
    assert not {mounted, given} & set(ended.log.split())
