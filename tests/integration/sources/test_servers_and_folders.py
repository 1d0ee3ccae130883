"""Fetching from an HTTPS server with an authority of its own, and from folders of this machine."""

import hashlib
import io
import ssl
import tarfile
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from tests.support.certificates import issue, make_authority
from tests.support.sources.program import FetchProgram

pytestmark = pytest.mark.slow

FILES = {"1/model.bin": b"w" * 100_000, "1/model.xml": b"<net/>"}


@dataclass
class Website:
    """An HTTPS server, what it has, and what it was asked for."""

    address: str
    authority: Path
    pages: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    token: str = ""


@pytest.fixture
async def website(tmp_path: Path) -> AsyncIterator[Website]:
    """A server on loopback."""
    authority = make_authority(tmp_path / "tls", "authority")
    pair = issue(authority, tmp_path / "tls", "server")
    found = Website("", authority.certificate)

    async def answer(request: web.Request) -> web.Response:
        found.asked.append((request.method, request.path))
        if request.headers.get("Authorization", "") != found.token:
            return web.Response(status=401)
        content = found.pages.get(request.path)
        if content is None:
            return web.Response(status=404)
        return web.Response(body=content, headers={"ETag": f'"{hashlib.sha256(content).hexdigest()}"'})

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.certificate, pair.key)
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    found.address = f"https://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    await runner.cleanup()


def _archive(files: dict[str, bytes], *, link: str = "") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for path, content in files.items():
            item = tarfile.TarInfo(path)
            item.size = len(content)
            tar.addfile(item, io.BytesIO(content))
        if link:
            item = tarfile.TarInfo("1/link")
            item.type, item.linkname = tarfile.SYMTYPE, link
            tar.addfile(item)
    return packed.getvalue()


@pytest.fixture
def program(website: Website, tmp_path: Path) -> FetchProgram:
    """The program that trusts the website's authority."""
    return FetchProgram(tmp_path, {}, (f"--ca_file={website.authority}", "--attempts=1"))


async def test_an_archive_is_unpacked_and_read_once(website: Website, program: FetchProgram) -> None:
    """Folders of versions are served, without what is around them; unchanged, it is not read again."""
    website.pages["/m.tar.gz"] = _archive({f"resnet/{path}": text for path, text in FILES.items()})
    uri = f"{website.address}/m.tar.gz"

    ended = await program.run(uri)
    assert ended.code == 0, ended.log
    assert program.files() == FILES

    website.asked.clear()
    again = await program.run(uri)
    assert (again.code, "unchanged" in again.log) == (0, True)
    assert {method for method, _ in website.asked} == {"HEAD"}


async def test_a_zip_and_a_single_file_are_taken(website: Website, program: FetchProgram) -> None:
    """A zip of one model's files is version 1, and so is a file, with its weights beside it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as opened:
        opened.writestr("model.onnx", b"onnx")
    website.pages |= {"/m.zip": packed.getvalue(), "/net.xml": b"<net/>", "/net.bin": b"weights"}

    assert (await program.run(f"{website.address}/m.zip")).code == 0
    assert program.files() == {"1/model.onnx": b"onnx"}
    assert (await program.run(f"{website.address}/net.xml")).code == 0
    assert program.files() == {"1/net.xml": b"<net/>", "1/net.bin": b"weights"}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (_archive({"../x": b"x", "1/model.onnx": b"x"}), "expected names that stay inside the folder"),
        (_archive({"/etc/x": b"x", "1/model.onnx": b"x"}), "expected names that stay inside the folder"),
        (_archive({"1/model.onnx": b"x"}, link="/etc/passwd"), "is a link or a device"),
        (_archive({"1/model.onnx": bytes(3_000_000)}), "unpacks to 3000000 bytes"),
        (_archive({"README.md": b"x"}), "found README.md: name the model's own folder"),
        (_archive(FILES)[:-2000], "no archive that can be read"),
        (b"<html>moved</html>", "no archive that can be read"),
    ],
)
async def test_an_archive_may_not_do_harm(
    website: Website, program: FetchProgram, content: bytes, told: str
) -> None:
    """What leads out of the folder, is too large or no archive at all is refused, and leaves nothing."""
    website.pages["/m.tgz"] = content

    ended = await program.run(f"{website.address}/m.tgz", "--max_bytes=2000000")

    assert ended.code == 1
    assert told in ended.reason
    assert not program.model.exists()


async def test_a_token_opens_what_is_closed_and_is_not_shown(
    website: Website, program: FetchProgram
) -> None:
    """A header from the Secret goes along; without it the refusal is told, and no query ever."""
    website.pages["/m.onnx"], website.token = b"onnx", "Bearer sesame"
    uri = f"{website.address}/m.onnx?signature=hidden"
    environ = {"HTTPS_AUTHORIZATION": website.token}

    closed = await program.run(uri)
    opened = await FetchProgram(program.folder, environ, program.flags).run(uri)

    assert "access is denied (401)" in closed.reason
    assert opened.code == 0, opened.log
    assert not any(text in closed.log + opened.log + closed.reason for text in ("hidden", "sesame"))


async def test_an_unknown_authority_is_told(website: Website, program: FetchProgram) -> None:
    """A server that nobody vouches for is not read."""
    website.pages["/m.onnx"] = b"onnx"

    ended = await FetchProgram(program.folder, {}, ("--attempts=1",)).run(f"{website.address}/m.onnx")

    assert "its certificate is not trusted: name the authority" in ended.reason
    assert ("GET", "/m.onnx") not in website.asked


async def test_a_folder_of_this_machine_is_copied(program: FetchProgram) -> None:
    """`file://` takes a folder of versions as it is, and copies again only what was written to."""
    folder = program.folder / "here"
    for path, content in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)

    assert (await program.run(f"file://{folder}")).code == 0
    assert program.files() == FILES
    before = (program.model / "1/model.bin").stat().st_ino
    (folder / "1/model.xml").write_bytes(b"<other/>")
    assert (await program.run(f"file://{folder}")).code == 0
    assert program.files()["1/model.xml"] == b"<other/>"
    assert (program.model / "1/model.bin").stat().st_ino == before
