"""The fault proxy, before a small server that stands for an API server."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from tests.support.faultproxy import WATCH, WRITES, Call, Fault, FaultProxy, fault_proxy


async def _answer(request: web.Request) -> web.StreamResponse:
    if request.query.get("watch") != "true":
        text = f"{request.method} {request.raw_path} {request.headers.get('Authorization')}"
        return web.Response(text=text, status=201 if request.method == "POST" else 200)
    stream = web.StreamResponse()
    await stream.prepare(request)
    for number in range(1000):
        await stream.write(b"%d\n" % number)
        await asyncio.sleep(0.01)
    return stream


@pytest.fixture
async def proxy() -> AsyncIterator[FaultProxy]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", _answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with fault_proxy(
        f"http://127.0.0.1:{runner.addresses[0][1]}", ssl.create_default_context()
    ) as made:
        yield made
    await runner.cleanup()


@pytest.fixture
async def client(proxy: FaultProxy) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(proxy.url, headers={"Authorization": "Bearer it"}) as session:
        yield session


async def status(client: aiohttp.ClientSession, method: str, path: str = "/a") -> int:
    async with client.request(method, path) as response:
        await response.read()
        return response.status


async def test_what_no_fault_befalls_goes_through(
    proxy: FaultProxy, client: aiohttp.ClientSession
) -> None:
    """Method, path with its query, the client's token and the answer are passed on as they are."""
    async with client.post("/apis/x?labelSelector=a%3Db", data=b"{}") as response:
        assert await response.text() == "POST /apis/x?labelSelector=a%3Db Bearer it"
        assert response.status == 201
    assert proxy.calls == [Call("POST", "/apis/x", 201)]


async def test_a_status_is_given_as_often_as_said(
    proxy: FaultProxy, client: aiohttp.ClientSession
) -> None:
    """Requests that match are refused, after those that are spared; others are not."""
    proxy.add(Fault(WRITES, "/leases", status=429, retry_after=3, spared=1, times=1))
    told = [await status(client, "PUT", "/leases/x") for _ in range(3)]

    assert (told, await status(client, "PUT", "/pods")) == ([200, 429, 200], 200)


async def test_a_dropped_request_gets_no_answer(
    proxy: FaultProxy, client: aiohttp.ClientSession
) -> None:
    """The connection is closed, and the server behind never heard of it."""
    proxy.add(Fault(frozenset({"PATCH"}), is_dropped=True))
    with pytest.raises(aiohttp.ClientError):
        await status(client, "PATCH")

    assert proxy.calls == [Call("PATCH", "/a", 0)]


async def test_hooks_are_called_around_a_write(proxy: FaultProxy, client: aiohttp.ClientSession) -> None:
    """One before the server has it, one when it is written and the client does not know."""
    seen: list[tuple[str, int]] = []

    async def note(when: str) -> None:
        seen.append((when, len(proxy.calls)))

    proxy.add(Fault(WRITES, before=lambda: note("before"), after=lambda: note("after")))
    await status(client, "POST")

    assert seen == [("before", 0), ("after", 0)]
    assert proxy.calls == [Call("POST", "/a", 201)]


async def test_a_cut_network_says_nothing(proxy: FaultProxy, client: aiohttp.ClientSession) -> None:
    """Requests hang until it is mended, or the client gives up."""
    proxy.cut()
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await status(client, "GET")
    assert time.monotonic() - begun >= 0.19
    proxy.mend()

    assert await status(client, "GET") == 200


async def test_watches_can_be_dropped_expired_and_stalled(
    proxy: FaultProxy, client: aiohttp.ClientSession
) -> None:
    """Each open watch ends without a word, ends with a 410, or says nothing for a while."""
    async with client.get("/w?watch=true") as dropped:
        await dropped.content.readline()
        proxy.drop_watches()
        with pytest.raises(aiohttp.ClientError):
            await dropped.read()
    async with client.get("/w?watch=true") as expired:
        await expired.content.readline()
        proxy.expire_watches()
        assert b'"code":410' in await expired.read()
    async with client.get("/w?watch=true") as stalled:
        await stalled.content.readline()
        proxy.stall_watches()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await stalled.read()

    proxy.mend()
    proxy.add(Fault(WATCH, status=410))
    assert await status(client, "GET", "/w?watch=true") == 410
