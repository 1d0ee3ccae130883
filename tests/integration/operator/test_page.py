"""The live page of `batchwright up`: in a real browser, and as other programs may ask for it."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import grpc
import numpy as np
import pytest

from batchwright_operator.local.page.address import PageAddress
from batchwright_operator.local.page.ledger import Ledger
from batchwright_operator.local.page.server import PageServer
from batchwright_operator.local.page.sheets import Sheet
from tests.support import chromium, models, sheets, tfs
from tests.support.chromium import needs_chromium
from tests.support.runs import make_run
from tests.support.up_program import UpProgram, free_ports, one_model

LIVE = "document.querySelector('#link')?.dataset.state === 'live'"
PICTURES = Path(__file__).parents[3] / "build" / "pictures"


@pytest.fixture
async def program(tmp_path: Path) -> AsyncIterator[UpProgram]:
    """A program with a page, not yet started; stopped in the end."""
    models.save(models.affine(), tmp_path / "models" / "m")
    program = UpProgram(tmp_path, free_ports(2), more=("--page", "0"))
    yield program
    await program.stop()


@asynccontextmanager
async def serving(ledger: Ledger) -> AsyncIterator[tuple[PageServer, str]]:
    server = PageServer(ledger, PageAddress("127.0.0.1", 0))
    url = await server.start()
    try:
        yield server, url
    finally:
        await server.close()


@needs_chromium
async def test_the_page_follows_what_happens(program: UpProgram, tmp_path: Path) -> None:
    """Requests, batch sizes and a switch show by themselves; nothing is loaded from elsewhere."""
    program.write(one_model())
    await program.start()
    await program.until(program.is_settled)
    url = _told(program)
    async with chromium.browsing(tmp_path) as page, _asking(program.port):
        await page.open(url)
        await page.until(LIVE)
        await page.until("document.querySelector('.badge').textContent === 'reload'")
        await page.until("/[1-9]/.test(document.querySelector('dd').textContent)")
        await page.until("document.querySelectorAll('rect.bar').length >= 3")
        await page.until("/[0-9]/.test(document.querySelectorAll('dd')[3].textContent)")  # the median
        await page.evaluate("window.stayed = document.querySelector('article')")

        program.write(one_model(strategy="Demultiplex"))
        await page.until("document.querySelector('.badge').textContent === 'demultiplex'", seconds=60)
        await page.until("document.querySelector('svg .mark')?.textContent === 'demultiplex'")
        assert await page.evaluate("window.stayed === document.querySelector('article')")
        await _save_pictures(page)

        assert await program.stop() == 0
        await page.until("document.querySelector('#link').dataset.state === 'lost'")
    assert {address.partition("/")[0] for address in page.requests} == {"http:"}
    assert all(address.startswith(url) for address in page.requests)
    assert [text for text in page.complaints if "ERR_" not in text] == []


@needs_chromium
async def test_the_page_is_for_everybody(tmp_path: Path) -> None:
    """Pictures have words, tables their heads, text its contrast by day and by night, on a phone too."""
    async with serving(_Made()) as (_, url), chromium.browsing(tmp_path) as page:
        await page.open(url)
        await page.until(LIVE)
        found = await page.ask("Accessibility.getFullAXTree")
        named = {
            (node["role"]["value"], node.get("name", {}).get("value", "")) for node in found["nodes"]
        }
        pictures = [name for role, name in named if role in ("image", "img")]
        assert len(pictures) == 2
        assert all(pictures)
        assert {"main", "heading", "table", "columnheader", "rowheader"} <= {role for role, _ in named}
        assert await page.evaluate(_FAINTEST) >= 4.5
        await page.be_dark()
        assert await page.evaluate(_FAINTEST) >= 4.5
        await page.ask(
            "Emulation.setDeviceMetricsOverride", width=360, height=800, deviceScaleFactor=1, mobile=True
        )
        assert await page.evaluate("document.documentElement.scrollWidth <= 360")
        assert await page.evaluate(_SMALLEST) >= 10


async def test_who_leaves_is_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    """A page that is closed while boards are sent to it is not told on the terminal."""
    async with serving(_ledger()) as (server, url), aiohttp.ClientSession() as session:
        for _ in range(5):
            async with session.get(f"{url}events") as stream:
                await stream.content.readline()
            for _ in range(20):
                server.refresh()
                await asyncio.sleep(0.002)

    assert [record.getMessage() for record in caplog.records] == []


async def test_what_a_program_gets(tmp_path: Path) -> None:
    """The whole page without a script, a stream with each change, and no answer to foreign names."""
    ledger = _ledger()
    async with serving(ledger) as (server, url), aiohttp.ClientSession() as session:
        async with session.get(url) as answer:
            page = await answer.text()
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "vision" in page
        assert re.findall(r'(?:src|href)="(?!data:)([^"]*)"', page) == ["page.css", "page.js"]
        async with session.get(f"{url}events") as stream:
            assert "vision" in (await stream.content.readline()).decode()
            await stream.content.readline()
            ledger.complain("the disk is full", "vision")
            server.refresh()
            async with asyncio.timeout(10):
                assert "the disk is full" in (await stream.content.readline()).decode()
        async with session.get(url, headers={"Host": "evil.example"}) as answer:
            assert answer.status == 403


async def test_a_port_that_is_taken(tmp_path: Path) -> None:
    """It is told before anything starts, and the exit code is that of a fault in the set-up."""
    models.save(models.affine(), tmp_path / "models" / "m")
    async with serving(Ledger()) as (_, url):
        port = url.rstrip("/").rpartition(":")[2]
        taken = UpProgram(tmp_path, free_ports(2), more=("--page", port))
        taken.write(one_model())
        await taken.start()
        assert taken.process is not None
        assert await asyncio.wait_for(taken.process.wait(), 60) == 2
        assert taken.said("--page: cannot listen at 127.0.0.1:")


# The least contrast of any text with the nearest background behind it (WCAG's formula).
_FAINTEST = """(() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (text) => rgb(text).slice(0, 3).map((v) => v / 255)
    .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if ((rgb(color)[3] ?? 1) > 0) { return color; }
    }
    return "rgb(255, 255, 255)";
  };
  const contrast = (one) => {
    const style = getComputedStyle(one);
    const pair = [light(one.closest("svg") ? style.fill : style.color), light(ground(one))];
    return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
  };
  const said = [...document.body.querySelectorAll("*")].filter(
    (one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  return Math.min(...said.map(contrast));
})()"""


# The least height of letters in pictures that are shown, in pixels of the screen.
_SMALLEST = """Math.min(...[...document.querySelectorAll("svg text")]
  .filter((one) => one.getClientRects().length)
  .map((one) => parseFloat(getComputedStyle(one).fontSize) * one.getScreenCTM().a))"""


class _Made(Ledger):
    """One that knows of a model with traffic, costs and a switch."""

    def sheet(self, now: float) -> Sheet:
        del now
        return sheets.make_sheet()


def _ledger() -> Ledger:
    ledger = Ledger()
    ledger.add(make_run())
    return ledger


def _told(program: UpProgram) -> str:
    found = re.search(r"Live page: (\S+)", (program.folder / "out").read_text())
    assert found is not None
    return found[1]


@asynccontextmanager
async def _asking(port: int) -> AsyncIterator[None]:
    """A client that asks with ever other batch sizes meanwhile."""

    async def ask(client: tfs.TfsClient) -> None:
        for size in itertools.cycle((1, 3, 8)):
            with suppress(grpc.aio.AioRpcError):  # the program ends while it asks
                await client.predict("m", x=np.ones((size, 4), np.float32))
            await asyncio.sleep(0.02)

    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        asking = asyncio.create_task(ask(tfs.TfsClient(channel)))
        try:
            yield
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)


async def _save_pictures(page: chromium.Page) -> None:
    """For people to look at."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    await page.save_picture(PICTURES / "up-page-light.png")
    await page.be_dark()
    await page.save_picture(PICTURES / "up-page-dark.png")
