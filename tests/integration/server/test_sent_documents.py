"""Documents sent to a server process while clients go on asking it."""

import asyncio
import io
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from batchwright_server.config.digest import digest
from tests.support import managed_server, models, server_process, serving
from tests.support.managed_server import Managed, render
from tests.support.polling import eventually

STRATEGIES = ("reload", "demultiplex", "dynamic")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return models.save(models.affine(), tmp_path / "m")


@pytest.fixture
async def server(tmp_path: Path, folder: Path) -> AsyncIterator[Managed]:
    """A process under load; no prediction may fail or be wrong while it is there."""
    async with managed_server.run(tmp_path, render(folder)) as running, managed_server.asking(running):
        yield running


def put_file(server: Managed, document: bytes) -> None:
    """Replace the file as a kubelet does, at once."""
    partial = server.config_path.with_suffix(".partial")
    partial.write_bytes(document)
    partial.replace(server.config_path)


async def test_an_older_file_that_comes_late_changes_nothing(server: Managed, folder: Path) -> None:
    """What was sent stays until the file has become equal to it; then the file counts again."""
    older, sent, newer = (render(folder, strategy) for strategy in ("dynamic", "demultiplex", "reload"))

    assert await server.status("PUT", "/v1/config", data=sent) == 201
    put_file(server, older)
    await _read(server, unchanged=1)
    assert (await server.signals()).config.hash == digest(sent)

    put_file(server, sent)
    await _read(server, unchanged=2)
    assert (await server.signals()).config.hash == digest(sent)

    put_file(server, newer)
    await eventually(lambda: _serves(server, newer))


async def test_a_file_that_comes_while_a_sent_document_is_made_ready(
    server: Managed, folder: Path, tmp_path: Path
) -> None:
    """It is looked at afterwards, and then it is an older one."""
    sent = _with_slow_model(folder, tmp_path)
    sending = asyncio.create_task(server.status("PUT", "/v1/config", data=sent))
    await eventually(lambda: _is_pending(server, sent))
    put_file(server, render(folder, "dynamic"))

    assert await sending == 201
    await _read(server, unchanged=1)
    assert (await server.signals()).config.hash == digest(sent)


async def test_a_file_that_goes_is_no_fault_where_a_document_was_sent(
    server: Managed, folder: Path
) -> None:
    """Nothing is told of it; what was refused before is."""
    sent = render(folder, "demultiplex")
    await server.status("PUT", "/v1/config", data=sent)
    await server.status("PUT", "/v1/config", data=b"{}")
    server.config_path.unlink()
    put_file(server, sent)
    await _read(server, unchanged=1)

    state = (await server.signals()).config
    assert (state.hash, state.rejected_hash) == (digest(sent), digest(b"{}"))


async def test_reading_the_file_on_request_lets_it_count(server: Managed, folder: Path) -> None:
    """Whoever asks for the file gets it, whatever was sent before."""
    await server.status("PUT", "/v1/config", data=render(folder, "demultiplex"))

    assert await server.status("POST", "/v1/config/reload") == 201
    assert (await server.signals()).config.hash == digest(render(folder))


NO_DOCUMENTS = {
    "invalid": (b'{"model_config_list": [], "modle": 1}', 400),
    "empty": (b"", 400),
    "half": (b'{"model_config_list": [{"config": {"name": "m", "base', 400),
    "a list": (b"[]", 400),
    "no text": (b"\xff\xfe\x00\xd8", 400),
    "half a character": (b'{"model_config_list": [], "\\ud800": 1}', 400),
    "deep": (b'{"model_config_list": ' + b"[" * 100_000, 400),
    "2 MiB": (b" " * (2 << 20), 413),
    "many faults": (json.dumps({f"key{index}": 0 for index in range(50_000)}).encode(), 400),
}


@pytest.mark.parametrize(("body", "status"), NO_DOCUMENTS.values(), ids=NO_DOCUMENTS.keys())
async def test_what_is_no_document_changes_nothing(
    server: Managed, folder: Path, body: bytes, status: int
) -> None:
    """The reason is told in few words, the signals can still be read, and the next document is taken."""
    got, answer = await server.ask("PUT", "/v1/config", data=io.BytesIO(body))

    told = json.loads(answer)
    assert (got, len(told["error"]) > 0) == (status, True)
    assert len(answer) < 20_000
    state = (await server.signals()).config
    assert state.hash == digest(render(folder))
    if status == 400:
        assert told == {"hash": state.hash, "error": state.error}
    assert await server.status("PUT", "/v1/config", data=render(folder, "dynamic")) == 201


async def test_a_sender_that_breaks_off_changes_nothing(server: Managed, folder: Path) -> None:
    """Half a body is none, even where half of it would be a document."""
    whole = render(folder, "dynamic")
    for head in (f"Content-Length: {len(whole) + 1}", "Transfer-Encoding: chunked"):
        _, writer = await asyncio.open_connection("127.0.0.1", server.admin_port)
        sized = whole if head.startswith("C") else b"%x\r\n%s\r\n" % (len(whole), whole)
        writer.write(f"PUT /v1/config HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode() + sized)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    assert await server.status("PUT", "/v1/config", data=render(folder)) == 200
    assert await server.documents_read("applied") == 0
    assert await server.documents_read("rejected") == 0


async def test_many_documents_at_once(server: Managed, folder: Path) -> None:
    """Each is taken in its turn, the last one serves, and no client notices."""
    bad = [render(folder, strategy, more=[]) for strategy in STRATEGIES]
    good = [render(folder, STRATEGIES[index % 3]) for index in range(17)]

    answers = await asyncio.gather(
        *(server.status("PUT", "/v1/config", data=text) for text in (*bad, *good))
    )

    assert answers[:3] == [400] * 3
    assert set(answers[3:]) <= {200, 201}
    last = render(folder, "demultiplex")
    assert await server.status("PUT", "/v1/config", data=last) in (200, 201)
    assert (await server.signals()).config.hash == digest(last)


async def test_the_same_document_sent_again_meanwhile_is_made_ready_once(
    server: Managed, folder: Path, tmp_path: Path
) -> None:
    """Whoever gave up waiting and asks again waits for the same; later it costs nothing."""
    sent = _with_slow_model(folder, tmp_path)
    with pytest.raises(TimeoutError):
        await server.status("PUT", "/v1/config", data=sent, timeout=aiohttp.ClientTimeout(total=0.1))
    again = await asyncio.gather(*(server.status("PUT", "/v1/config", data=sent) for _ in range(3)))

    assert again == [201, 201, 201]
    assert await server.documents_read("applied") == 1
    assert await server.status("PUT", "/v1/config", data=sent) == 200


async def test_a_document_sent_to_a_server_that_loads_waits_for_its_turn(
    tmp_path: Path, folder: Path
) -> None:
    """First comes what it began with."""
    sent = render(folder)
    async with managed_server.run(tmp_path, _with_slow_model(folder, tmp_path), waits=False) as starting:
        await eventually(lambda: _answers(starting, 503))
        assert await starting.status("PUT", "/v1/config", data=sent) == 201
        assert (await starting.signals()).config.hash == digest(sent)
        assert await starting.status("GET", "/v2/health/ready") == 200


async def test_a_server_that_ends_takes_no_document(tmp_path: Path, folder: Path) -> None:
    """It answers 503, and a document on its way does not keep it from ending well."""
    config = serving.document(serving.model_config("m", folder, batch_size="auto"))
    async with serving.serve(tmp_path, config) as running:
        running.server.configuration.end()
        async with running.http.put("/v1/config", data=render(folder)) as answer:
            assert (answer.status, (await answer.json())["error"]) == (503, "the server is ending")
        async with running.http.post("/v1/config/reload") as answer:
            assert answer.status == 503

    async with managed_server.run(tmp_path, render(folder)) as server:
        sent = _with_slow_model(folder, tmp_path)
        sending = asyncio.create_task(server.pods.configure(server.target(), sent))
        await eventually(lambda: _is_pending(server, sent))
        server.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(server.process.wait, 20) == 0
        await sending


async def _read(server: Managed, *, unchanged: int) -> None:
    async def is_read() -> bool:
        return await server.documents_read("unchanged") >= unchanged

    await eventually(is_read)


async def _serves(server: Managed, document: bytes) -> bool:
    return (await server.signals()).config.hash == digest(document)


async def _is_pending(server: Managed, document: bytes) -> bool:
    return (await server.signals()).config.pending_hash == digest(document)


async def _answers(server: Managed, status: int) -> bool:
    return await server_process.health(server.admin_port) == status


def _with_slow_model(folder: Path, tmp_path: Path) -> bytes:
    """The model `m` and another one that takes a second or two to be made ready."""
    slow = tmp_path / "slow"
    if not slow.exists():
        models.save(models.deep(), slow)
    batching = {"strategy": "reload", "candidates": list(STRATEGIES), "calibration": {"enabled": True}}
    entries = [
        serving.model_config("m", folder, batching={"strategy": "reload"}),
        serving.model_config("slow", slow, batching=batching),
    ]
    return json.dumps(serving.document(*entries)).encode()
