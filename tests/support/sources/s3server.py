"""An S3 server of its own process, and a gate before it that counts, breaks and delays."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import obstore
from aiohttp import ClientSession, web
from obstore.store import S3Store
from yarl import URL

from tests.support import foreign

MOTO = foreign.Client("moto", ("moto[s3]==5.2.5", "flask==3.1.3", "flask-cors==6.0.5"))
PROGRAM = Path(__file__).with_name("s3_program.py")
BUCKET = "models"
_START_SECONDS = 60.0
_PASSED_ON = (
    "Content-Length",
    "Content-Type",
    "Content-Range",
    "ETag",
    "Last-Modified",
    "Accept-Ranges",
)
_HOP = ("Connection", "Transfer-Encoding")


@dataclass(frozen=True)
class Call:
    """One request that came by."""

    method: str
    path: str


@dataclass(frozen=True)
class Fault:
    """What befalls requests for paths that `hits`: a status, or only `share` of the content.

    With `waits` the rest is withheld, and the connection stays. It befalls `times` requests.
    """

    hits: Callable[[Call], bool]
    status: int = 0
    share: float = 1.0
    waits: bool = False
    times: int = 1_000_000


@dataclass
class Bucket:
    """A bucket with one user who may read and write it."""

    endpoint: str  # of the gate
    key: str
    secret: str
    store: Any
    calls: list[Call] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    held: asyncio.Event = field(default_factory=asyncio.Event)  # a request waits at the gate

    @property
    def environ(self) -> dict[str, str]:
        """The variables of those who may read it."""
        return {"AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret}

    @property
    def read_paths(self) -> list[str]:
        """The objects whose content was asked for, in order, below the bucket."""
        start = f"/{BUCKET}/"
        found = (call.path for call in self.calls if call.method == "GET")
        return [path.removeprefix(start) for path in found if path.startswith(start) and path != start]

    async def put(self, path: str, content: bytes) -> None:
        """Put an object, past the gate."""
        await obstore.put_async(self.store, path, content)

    async def put_folder(self, folder: Path, path: str) -> None:
        """Put all files of a folder."""
        for file in sorted(folder.rglob("*")):  # noqa: ASYNC240  a few
            if file.is_file():
                await self.put(f"{path}/{file.relative_to(folder)}", file.read_bytes())


@asynccontextmanager
async def serve() -> AsyncIterator[Bucket]:
    """A server with an empty bucket, behind a gate."""
    python = foreign.require(MOTO).folder / "bin" / "python"
    process = await asyncio.create_subprocess_exec(
        str(python), str(PROGRAM), "127.0.0.1", "0", BUCKET, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(_START_SECONDS):
            told = json.loads(await process.stdout.readline())
        behind = f"http://127.0.0.1:{told['port']}"
        store = S3Store(
            BUCKET,
            endpoint=behind,
            region="us-east-1",
            access_key_id=told["key"],
            secret_access_key=told["secret"],
            virtual_hosted_style_request=False,
            client_options={"allow_http": True},
        )
        bucket = Bucket("", told["key"], told["secret"], store)
        async with _gate(bucket, behind) as endpoint:
            bucket.endpoint = endpoint
            yield bucket
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def _gate(bucket: Bucket, behind: str) -> AsyncIterator[str]:
    async with ClientSession(auto_decompress=False) as http:

        async def pass_on(request: web.Request) -> web.StreamResponse:
            return await _pass_on(request, bucket, http, behind)

        application = web.Application()
        application.router.add_route("*", "/{path:.*}", pass_on)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


async def _pass_on(
    request: web.Request, bucket: Bucket, http: ClientSession, behind: str
) -> web.StreamResponse:
    call = Call(request.method, request.path)
    bucket.calls.append(call)
    fault = _strike(bucket, call)
    if fault is not None and fault.status:
        return web.Response(status=fault.status)
    headers = {key: value for key, value in request.headers.items() if key not in _HOP}
    address = behind + request.raw_path
    async with http.request(request.method, _as_it_is(address), headers=headers) as answer:
        content = await answer.read()
        passed = {key: answer.headers[key] for key in _PASSED_ON if key in answer.headers}
        response = web.StreamResponse(status=answer.status, headers=passed)
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        share = fault.share if fault is not None else 1.0
        await response.write(content[: int(len(content) * share)])
        if fault is not None and fault.waits:
            bucket.held.set()
            await asyncio.Event().wait()
        if share < 1.0 and request.transport is not None:
            request.transport.close()
        return response


def _strike(bucket: Bucket, call: Call) -> Fault | None:
    for index, fault in enumerate(bucket.faults):
        if fault.hits(call) and fault.times > 0:
            left = Fault(fault.hits, fault.status, fault.share, fault.waits, fault.times - 1)
            bucket.faults[index] = left
            return fault
    return None


def _as_it_is(address: str) -> URL:
    return URL(address, encoded=True)
