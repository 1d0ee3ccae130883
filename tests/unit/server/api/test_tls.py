import asyncio
import contextlib
import logging
import shutil
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from batchwright_server.api.tls import Certificates, TlsFiles
from tests.support import certificates
from tests.support.certificates import Pair


@pytest.fixture
def authority(tmp_path: Path) -> Pair:
    return certificates.make_authority(tmp_path / "made", "authority")


@pytest.fixture
def served(tmp_path: Path, authority: Pair) -> Pair:
    """The pair that the server reads."""
    return certificates.issue(authority, tmp_path / "served", "first")


def files_of(pair: Pair, authorities: Path | None = None) -> Certificates:
    return Certificates(TlsFiles(pair.certificate, pair.key, authorities))


@asynccontextmanager
async def listening(context: ssl.SSLContext) -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """A server with this context, and who answers: the name in its certificate, or `refused`."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name = writer.get_extra_info("peercert") or {}
        writer.write(str(dict(part for parts in name.get("subject", ()) for part in parts)).encode())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]

    async def ask(authority: Pair, client: Pair | None = None, host: str | None = "localhost") -> str:
        mine = ssl.create_default_context(cafile=authority.certificate)
        if client:
            mine.load_cert_chain(client.certificate, client.key)
        return await _ask(port, mine, host)

    async with server:
        yield ask


async def _ask(port: int, context: ssl.SSLContext, host: str | None) -> str:
    try:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname=host or "127.0.0.1"
        )
        peer = writer.get_extra_info("peercert")
        seen = (await reader.read()).decode()
        writer.close()
    except (ssl.SSLError, ConnectionError):
        return "refused"
    name = dict(part for parts in peer["subject"] for part in parts)["commonName"]
    # In TLS 1.3 a client learns after its handshake that it is refused.
    return f"{name} saw {seen}" if seen else "refused"


@pytest.mark.parametrize("host", ["localhost", None], ids=["by name", "by address"])
async def test_a_renewed_pair_serves_the_next_handshake(
    tmp_path: Path, authority: Pair, served: Pair, host: str | None
) -> None:
    """No restart, and no difference whether the client names the server it wants."""
    async with listening(files_of(served).to_context()) as ask:
        before = await ask(authority, host=host)
        certificates.issue(authority, tmp_path / "made", "second").copy_to(served)
        after = await ask(authority, host=host)

    assert (before, after) == ("first saw {}", "second saw {}")


async def test_a_volume_that_kubernetes_renews_is_a_change(tmp_path: Path, authority: Pair) -> None:
    """Files of a Secret are links by `..data`, which is replaced; the links stay as they are."""
    volume = tmp_path / "volume"
    for name in ("one", "two"):
        made = certificates.issue(authority, tmp_path / "made", name)
        folder = volume / f"..{name}"
        folder.mkdir(parents=True)
        shutil.copy(made.certificate, folder / "tls.crt")
        shutil.copy(made.key, folder / "tls.key")
    (volume / "..data").symlink_to("..one")
    pair = Pair(volume / "tls.crt", volume / "tls.key")
    for path in (pair.certificate, pair.key):
        path.symlink_to(Path("..data", path.name))

    async with listening(files_of(pair).to_context()) as ask:
        before = await ask(authority)
        (volume / "..new").symlink_to("..two")
        (volume / "..new").rename(volume / "..data")
        after = await ask(authority)

    assert (before, after) == ("one saw {}", "two saw {}")


async def test_half_a_change_keeps_the_old_pair_until_it_is_whole(
    tmp_path: Path, authority: Pair, served: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    """A certificate whose key has not come yet, or half a file, serves nobody; the log says why."""
    second = certificates.issue(authority, tmp_path / "made", "second")
    whole = second.certificate.read_bytes()
    async with listening(files_of(served).to_context()) as ask:
        served.certificate.write_bytes(whole[: len(whole) // 2])
        answers = [await ask(authority), await ask(authority)]
        served.certificate.write_bytes(whole)
        answers.append(await ask(authority))
        served.certificate.unlink()
        answers.append(await ask(authority))
        told = [record for record in caplog.records if record.levelno == logging.ERROR]
        second.copy_to(served)
        answers.append(await ask(authority))

    assert answers == ["first saw {}"] * 4 + ["second saw {}"]
    assert len(told) == 3
    assert "stays in use" in told[1].message
    assert "mismatch" in told[1].message.lower()
    assert "No such file" in told[2].message


async def test_an_authority_that_goes_takes_its_clients_along(
    tmp_path: Path, authority: Pair, served: Pair
) -> None:
    """Clients of the new authority are let in, those of the old one no more; others never were."""
    other = certificates.make_authority(tmp_path / "made", "other")
    old = certificates.issue(authority, tmp_path / "made", "old")
    new = certificates.issue(other, tmp_path / "made", "new")
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(authority.certificate.read_bytes())

    async with listening(files_of(served, trusted).to_context()) as ask:
        before = [await ask(authority, old), await ask(authority, new), await ask(authority)]
        trusted.write_bytes(other.certificate.read_bytes())
        after = [await ask(authority, old), await ask(authority, new)]

    assert before == ["first saw {'commonName': 'old'}", "refused", "first saw {}"]
    assert after == ["refused", "first saw {'commonName': 'new'}"]


def test_files_that_cannot_be_used_are_named(tmp_path: Path, authority: Pair, served: Pair) -> None:
    """A server does not start with another's key, an encrypted one, or none."""
    for key in (authority.key, tmp_path / "nowhere"):
        with pytest.raises(OSError, match=f"{served.certificate}, {key}: "):
            files_of(Pair(served.certificate, key)).check()
    with pytest.raises(OSError, match=r"first\.key, "):
        files_of(served, served.key).check()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_no_session_outlives_the_look_at_a_certificate(
    tmp_path: Path, authority: Pair, served: Pair, version: ssl.TLSVersion
) -> None:
    """A client that comes back shows its certificate again, which may count no more."""
    client = certificates.issue(authority, tmp_path / "made", "client")
    mine = ssl.create_default_context(cafile=authority.certificate)
    mine.load_cert_chain(client.certificate, client.key)
    mine.maximum_version = version
    theirs = files_of(served, authority.certificate).to_context()

    first = _meet(mine, theirs, None)
    second = _meet(mine, theirs, first.session)

    assert not second.session_reused


def _meet(mine: ssl.SSLContext, theirs: ssl.SSLContext, session: ssl.SSLSession | None) -> ssl.SSLObject:
    """A client that shook hands with a server, and read what came after; in memory."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = mine.wrap_bio(down, up, server_hostname="localhost", session=session)
    server = theirs.wrap_bio(up, down, server_side=True)
    for end in (client, server, client, server):
        with contextlib.suppress(ssl.SSLWantReadError):
            end.do_handshake()
    server.write(b"x")
    assert client.read(1) == b"x"
    return client
