"""A real browser without a window, driven by its own debugging protocol."""

import asyncio
import base64
import os
import shutil
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.polling import eventually

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless=new",
    "--remote-debugging-port=0",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1100,1400",
)


def find() -> str | None:
    """The path of a Chromium."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


needs_chromium = pytest.mark.skipif(
    find() is None, reason="CHROMIUM MISSING: apt-get install --no-install-recommends chromium"
)


class Page:
    """One page of the browser: the addresses it loaded, and what it complained of."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._socket = socket
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._reading = asyncio.create_task(self._read())

    async def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A call of the debugging protocol."""
        number = len(self._answers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(30):
            found: dict[str, Any] = await answer
        return found

    async def open(self, address: str) -> None:
        """Go to that address."""
        for domain in ("Network", "Page", "Runtime", "Log", "Accessibility"):
            await self.ask(f"{domain}.enable")
        await self.ask("Page.navigate", url=address)

    async def evaluate(self, expression: str) -> Any:
        """What an expression of JavaScript gives in the page."""
        answer = await self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def until(self, expression: str, *, seconds: float = 20) -> None:
        """Return once an expression is true in the page."""

        async def holds() -> bool:
            return bool(await self.evaluate(expression))

        await eventually(holds, seconds=seconds, interval=0.05)

    async def be_dark(self) -> None:
        """As for a reader who likes pages dark."""
        features = [{"name": "prefers-color-scheme", "value": "dark"}]
        await self.ask("Emulation.setEmulatedMedia", features=features)

    async def save_picture(self, path: Path) -> None:
        """A picture of the whole page."""
        answer = await self.ask("Page.captureScreenshot", captureBeyondViewport=True)
        await asyncio.to_thread(path.write_bytes, base64.b64decode(answer["data"]))

    async def close(self) -> None:
        """Listen no more."""
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading

    async def _read(self) -> None:
        async for message in self._socket:
            self._take(message.json())

    def _take(self, told: dict[str, Any]) -> None:
        if "id" in told:
            assert "error" not in told, told
            self._answers[told["id"]].set_result(told["result"])
            return
        parameters = told.get("params", {})
        match told["method"]:
            case "Network.requestWillBeSent":
                self.requests.append(parameters["request"]["url"])
            case "Log.entryAdded" if parameters["entry"]["level"] in ("error", "warning"):
                self.complaints.append(parameters["entry"]["text"])
            case "Runtime.exceptionThrown":
                self.complaints.append(str(parameters["exceptionDetails"]))


@asynccontextmanager
async def browsing(folder: Path) -> AsyncIterator[Page]:
    """A browser with one empty page; its profile is in `folder`."""
    profile = folder / "profile"
    process = await _start(profile)
    try:
        port = await _port(profile)
        async with aiohttp.ClientSession() as session:
            target = await _first_page(session, port)
            async with session.ws_connect(target, max_msg_size=0) as socket:
                page = Page(socket)
                try:
                    yield page
                finally:
                    await page.close()
    finally:
        process.terminate()
        await process.wait()


async def _start(profile: Path) -> Process:
    program = find()
    assert program is not None
    own = ["--no-sandbox"] if os.geteuid() == 0 else []
    return await asyncio.create_subprocess_exec(
        program,
        *_FLAGS,
        *own,
        f"--user-data-dir={profile}",
        "about:blank",
        stdout=DEVNULL,
        stderr=DEVNULL,
    )


async def _port(profile: Path) -> int:
    told = profile / "DevToolsActivePort"

    async def is_told() -> bool:
        return told.exists() and "\n" in told.read_text()

    await eventually(is_told, seconds=60, interval=0.1)
    return int(told.read_text().splitlines()[0])


async def _first_page(session: aiohttp.ClientSession, port: int) -> str:
    async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
        targets = await answer.json()
    return str(next(item["webSocketDebuggerUrl"] for item in targets if item["type"] == "page"))
