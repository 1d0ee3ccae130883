"""A container's probes: asked as the kubelet asks them."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp

from tests.support.cluster.apiclient import Object


class Probe:
    """One probe of a container. A container without it passes it."""

    def __init__(self, container: Object, name: str, address: str, http: aiohttp.ClientSession) -> None:
        self._block: Mapping[str, Any] | None = container.get(name)
        self._container = container
        self._address = address
        self._http = http

    async def run(self, tell: Callable[[bool], None]) -> None:
        """Ask for ever; `tell` is called when a threshold is reached, with whether it was passed."""
        if self._block is None:
            tell(True)
            return
        block = self._block
        await asyncio.sleep(block.get("initialDelaySeconds", 0))
        streak, was_good = 0, False
        while True:
            is_good = await self._ask(block)
            streak = streak + 1 if is_good == was_good else 1
            was_good = is_good
            threshold = block.get("successThreshold", 1) if is_good else block.get("failureThreshold", 3)
            if streak >= threshold:
                tell(is_good)
            await asyncio.sleep(block.get("periodSeconds", 10))

    async def wait_for_success(self) -> bool:
        """Whether it was passed before its failure threshold was reached."""
        outcome: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def tell(is_good: bool) -> None:
            if not outcome.done():
                outcome.set_result(is_good)

        asking = asyncio.create_task(self.run(tell))
        try:
            return await outcome
        finally:
            asking.cancel()

    async def _ask(self, block: Mapping[str, Any]) -> bool:
        if "httpGet" not in block:
            return True  # none of the server's probes
        get = block["httpGet"]
        scheme = get.get("scheme", "HTTP").lower()
        url = f"{scheme}://{self._address}:{self._port(get['port'])}{get.get('path', '/')}"
        headers = {item["name"]: item["value"] for item in get.get("httpHeaders") or ()}
        timeout = aiohttp.ClientTimeout(total=block.get("timeoutSeconds", 1))
        try:
            async with self._http.get(
                url, timeout=timeout, headers=headers, allow_redirects=False
            ) as response:
                return 200 <= response.status < 400
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    def _port(self, port: str | int) -> int:
        if isinstance(port, int):
            return port
        ports = self._container.get("ports") or ()
        return next(int(item["containerPort"]) for item in ports if item["name"] == port)
