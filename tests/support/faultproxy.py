"""A proxy between an operator and an API server, which brings about what goes wrong in between.

It speaks plain HTTP on loopback, and to the API server as its own `Access` says; a client's own token
goes through. All it is told to do counts from the next request on.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import orjson
import yaml
from aiohttp import web
from yarl import URL

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
WATCH = frozenset({"WATCH"})
ANY = frozenset({"GET", *WATCH, *WRITES})
_PASSED_ON = ("Accept", "Authorization", "Content-Type")
_HANDED_BACK = ("Content-Type", "Retry-After", "Audit-Id")
_EXPIRED = {
    "type": "ERROR",
    "object": {
        "kind": "Status",
        "apiVersion": "v1",
        "code": 410,
        "reason": "Expired",
        "status": "Failure",
    },
}


@dataclass(frozen=True)
class Call:
    """One request as the proxy saw it; `status` 0: the client got no answer."""

    verb: str  # the method, or WATCH
    path: str
    status: int


@dataclass
class Fault:
    """What befalls requests of `verbs` whose path matches, after `spared` of them and for `times`."""

    verbs: frozenset[str] = ANY
    path: str = ""  # a regular expression that is searched for
    status: int | None = None  # None: passed on
    retry_after: int | None = None
    seconds: float = 0.0  # before anything else
    is_dropped: bool = False  # the connection is closed, without an answer
    times: float = float("inf")
    spared: int = 0
    before: Callable[[], Awaitable[None]] | None = None  # the API server has the request
    after: Callable[[], Awaitable[None]] | None = None  # it has it, and before the client knows
    hits: int = field(default=0, init=False)

    def strikes(self, verb: str, path: str) -> bool:
        """Whether it befalls this request; counts."""
        if verb not in self.verbs or not re.search(self.path, path) or self.times <= 0:
            return False
        if self.spared > 0:
            self.spared -= 1
            return False
        self.times -= 1
        self.hits += 1
        return True


class FaultProxy:
    """The proxy. `url` is where it listens; `faults` may be changed at any time."""

    def __init__(self, upstream: str, session: aiohttp.ClientSession) -> None:
        self._upstream = upstream.rstrip("/")
        self._session = session
        self._streams: set[_Stream] = set()
        self._passes = asyncio.Event()
        self._passes.set()
        self._watches_pass = asyncio.Event()
        self._watches_pass.set()
        self.url = ""
        self.faults: list[Fault] = []
        self.calls: list[Call] = []

    def add(self, fault: Fault) -> Fault:
        """Have it strike from now on."""
        self.faults.append(fault)
        return fault

    def kubeconfig(self, path: Path, token: str) -> Path:
        """A kubeconfig for clients of this proxy, who show the token to the API server behind."""
        name = "batchwright-proxy"
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": {"server": self.url}}],
            "users": [{"name": name, "user": {"token": token}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        }
        path.write_text(yaml.safe_dump(document))
        return path

    def cut(self) -> None:
        """Lose the network: nothing passes either way, and nobody is told."""
        self._passes.clear()
        self._watches_pass.clear()

    def mend(self) -> None:
        """Have everything pass again, what waited included."""
        self._passes.set()
        self._watches_pass.set()

    def stall_watches(self) -> None:
        """Hold back what open watches and new ones have to say, until `mend`."""
        self._watches_pass.clear()

    def drop_watches(self) -> None:
        """Close the connections of all open watches."""
        for stream in self._streams:
            stream.drop()

    def expire_watches(self) -> None:
        """Tell all open watches that their resourceVersion is too old."""
        for stream in self._streams:
            stream.expire()

    @property
    def open_watches(self) -> int:
        """How many there are."""
        return len(self._streams)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Pass one request on, unless a fault strikes."""
        verb = "WATCH" if request.query.get("watch") in ("true", "1") else request.method
        strikes = [fault for fault in self.faults if fault.strikes(verb, request.path)]
        for fault in strikes:
            await asyncio.sleep(fault.seconds)
        await self._passes.wait()
        for fault in strikes:
            if fault.is_dropped:
                return self._dropped(request, verb)
            if fault.status is not None:
                return self._refused(request, verb, fault)
            if fault.before is not None:
                await fault.before()
        return await self._pass_on(request, verb, strikes)

    async def _pass_on(
        self, request: web.Request, verb: str, strikes: list[Fault]
    ) -> web.StreamResponse:
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        async with self._session.request(
            request.method,
            URL(f"{self._upstream}{request.raw_path}", encoded=True),
            data=await request.read() or None,
            headers=headers,
            skip_auto_headers=("Accept", "Content-Type"),
        ) as answer:
            for fault in strikes:
                if fault.after is not None:
                    await fault.after()
            await self._passes.wait()
            self.calls.append(Call(verb, request.path, answer.status))
            back = {name: answer.headers[name] for name in _HANDED_BACK if name in answer.headers}
            if verb == "WATCH" and answer.status == 200:
                return await self._stream(request, answer, back)
            return web.Response(status=answer.status, body=await answer.read(), headers=back)

    async def _stream(
        self, request: web.Request, answer: aiohttp.ClientResponse, headers: dict[str, str]
    ) -> web.StreamResponse:
        stream = _Stream(request)
        self._streams.add(stream)
        try:
            await stream.run(answer, headers, self._watches_pass)
        finally:
            self._streams.discard(stream)
        return stream.response

    def _dropped(self, request: web.Request, verb: str) -> web.StreamResponse:
        self.calls.append(Call(verb, request.path, 0))
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    def _refused(self, request: web.Request, verb: str, fault: Fault) -> web.StreamResponse:
        assert fault.status is not None
        self.calls.append(Call(verb, request.path, fault.status))
        message = f"a fault that was asked for ({fault.status})"
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "metadata": {}}
        told = status | {"message": message, "code": fault.status, "reason": "Injected"}
        headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
        return web.json_response(told, status=fault.status, headers=headers)


class _Stream:
    """One open watch."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._expired = asyncio.Event()
        self.response = web.StreamResponse()

    def drop(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()

    def expire(self) -> None:
        self._expired.set()

    async def run(
        self, answer: aiohttp.ClientResponse, headers: dict[str, str], passes: asyncio.Event
    ) -> None:
        self.response.headers.update(headers)
        await self.response.prepare(self._request)
        passing = asyncio.create_task(self._pass(answer, passes))
        expiring = asyncio.create_task(self._expired.wait())
        try:
            await asyncio.wait({passing, expiring}, return_when=asyncio.FIRST_COMPLETED)
            if self._expired.is_set():
                await self.response.write(orjson.dumps(_EXPIRED) + b"\n")
        finally:
            for task in (passing, expiring):
                task.cancel()
                with suppress(asyncio.CancelledError, ConnectionError, aiohttp.ClientError):
                    await task

    async def _pass(self, answer: aiohttp.ClientResponse, passes: asyncio.Event) -> None:
        async for chunk in answer.content.iter_any():
            await passes.wait()
            await self.response.write(chunk)


@asynccontextmanager
async def fault_proxy(upstream: str, context: ssl.SSLContext) -> AsyncIterator[FaultProxy]:
    """A proxy to an API server, on a port of its own."""
    connector = aiohttp.TCPConnector(ssl=context, limit=0)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        proxy = FaultProxy(upstream, session)
        app = web.Application(client_max_size=1 << 26)
        app.router.add_route("*", "/{path:.*}", proxy.handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        proxy.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield proxy
        finally:
            proxy.mend()
            await runner.cleanup()
