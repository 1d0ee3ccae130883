"""Clients of a Service: they follow its EndpointSlices, as kube-proxy or a gRPC client does.

Each request goes to the next ready pod; one that fails with UNAVAILABLE is tried again, elsewhere if
there is an elsewhere, as gRPC does by a retry policy.
"""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp
import grpc
import numpy as np

from tests.support.cluster.apiclient import ApiClient, ApiError, Object
from tests.support.cluster.kubelet.addresses import load_addresses
from tests.support.tfs import TfsClient

_LOOK_SECONDS = 0.2
_ATTEMPTS = 5  # of gRPC's retry policies, the most that are allowed
_BACK_OFF_SECONDS = 0.1
_WIDTH = 4  # of the model that `tests.support.models.affine` makes


@dataclass
class Results:
    """How requests went."""

    answered: int = 0
    wrong: int = 0  # answered, with rows that are not the request's
    retried: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    by_pod: Counter[str] = field(default_factory=Counter)  # by the pod's address in the cluster
    slowest_seconds: float = 0.0

    def require_flawless(self) -> None:
        """Fail unless requests were answered, and every one rightly."""
        assert self.answered > 0, self
        assert not self.failures, self
        assert self.wrong == 0, self


class Load:
    """Clients that ask all the time."""

    def __init__(self, service: "ServiceClient", model: str, offset: float) -> None:
        self.results = Results()
        self._service = service
        self._model = model
        self._offset = offset
        self._numbers = itertools.count()

    async def answered(self, more: int, *, seconds: float = 60.0) -> None:
        """Return once so many more requests were answered."""
        deadline, wanted = time.monotonic() + seconds, self.results.answered + more
        while self.results.answered < wanted:
            assert time.monotonic() < deadline, f"fewer than {wanted} answers: {self.results}"
            await asyncio.sleep(0.02)

    async def ask(self, size: int) -> None:
        """Ask one request whose rows are like no other's, and count how it went."""
        first = next(self._numbers) % 10_000
        x = np.repeat(np.arange(first, first + size, dtype=np.float32)[:, None], _WIDTH, axis=1)
        began = time.monotonic()
        try:
            answer = await self._service.predict(self._model, self.results, x=x)
        except grpc.aio.AioRpcError as error:
            self.results.failures[f"{error.code().name}: {error.details()}"] += 1
            return
        self.results.answered += 1
        self.results.slowest_seconds = max(self.results.slowest_seconds, time.monotonic() - began)
        if not np.array_equal(answer["y"], 3 * x + self._offset):
            self.results.wrong += 1


class ServiceClient:
    """Follows one Service. To be used as an async context manager."""

    def __init__(
        self,
        api: ApiClient,
        namespace: str,
        name: str,
        addresses: Path,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        server_name: str = "",
        port: str = "grpc",
    ) -> None:
        self._api = api
        self._namespace = namespace
        self._name = name
        self._addresses = addresses
        self._credentials = credentials
        self._server_name = server_name
        self._port = port
        self._channels: dict[str, grpc.aio.Channel] = {}  # by pod address and port
        self._ready: list[str] = []
        self._turn = itertools.count()
        self._follower: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._look()
        self._follower = asyncio.create_task(self._follow())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._follower is not None:
            self._follower.cancel()
            with suppress(asyncio.CancelledError):
                await self._follower
        for channel in self._channels.values():
            await channel.close(None)

    @property
    def ready(self) -> tuple[str, ...]:
        """The pod addresses that requests go to now, with their ports."""
        return tuple(self._ready)

    @asynccontextmanager
    async def load(
        self, model: str, *, sizes: Sequence[int], clients: int = 1, offset: float = 1.0
    ) -> AsyncIterator[Load]:
        """Clients that ask `model` (`models.affine(offset=offset)`) until the end of the block.

        What is on its way then is waited for.
        """
        load = Load(self, model, offset)
        stopping = asyncio.Event()

        async def ask(number: int) -> None:
            for turn in itertools.count(number):
                if stopping.is_set():
                    return
                await load.ask(sizes[turn % len(sizes)])

        asking = [asyncio.create_task(ask(number)) for number in range(clients)]
        try:
            yield load
        finally:
            stopping.set()
            await asyncio.gather(*asking)

    async def predict(
        self, model: str, results: Results, *, x: np.typing.NDArray[np.float32], timeout: float = 60.0
    ) -> dict[str, np.typing.NDArray[np.float32]]:
        """The answer of one ready pod or the next. Raises AioRpcError when attempts are used up."""
        for attempt in itertools.count(1):
            pod = await self._next(timeout)
            try:
                answer = await TfsClient(self._channel(pod)).predict(model, timeout=timeout, x=x)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE or attempt == _ATTEMPTS:
                    raise
                results.retried += 1
                await asyncio.sleep(_BACK_OFF_SECONDS * attempt)
            else:
                results.by_pod[pod.rsplit(":", 1)[0]] += 1
                return answer
        raise AssertionError

    async def _next(self, seconds: float) -> str:
        deadline = time.monotonic() + seconds
        while not self._ready:
            assert time.monotonic() < deadline, f"no ready pod of {self._name} within {seconds} s"
            await asyncio.sleep(_LOOK_SECONDS / 4)
        return self._ready[next(self._turn) % len(self._ready)]

    def _channel(self, pod: str) -> grpc.aio.Channel:
        if pod not in self._channels:
            address, port = pod.rsplit(":", 1)
            target = f"{load_addresses(self._addresses)[address]}:{port}"
            # No proxy's and no earlier test's connections: addresses of loopback are used again.
            options: list[tuple[str, int | str]] = [
                ("grpc.use_local_subchannel_pool", 1),
                ("grpc.enable_http_proxy", 0),
            ]
            if self._server_name:
                options.append(("grpc.ssl_target_name_override", self._server_name))
            self._channels[pod] = (
                grpc.aio.insecure_channel(target, options=options)
                if self._credentials is None
                else grpc.aio.secure_channel(target, self._credentials, options=options)
            )
        return self._channels[pod]

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            with suppress(ApiError, aiohttp.ClientError, OSError, TimeoutError):  # what is known stays
                await self._look()

    async def _look(self) -> None:
        labels = f"kubernetes.io/service-name={self._name}"
        slices = await self._api.list("EndpointSlice", self._namespace, labels=labels)
        self._ready = sorted(
            f"{endpoint['addresses'][0]}:{port}"
            for item in slices
            for endpoint in item.get("endpoints") or ()
            if endpoint["conditions"].get("ready")
            if (port := _port(item, self._port)) is not None
        )


def _port(endpoint_slice: Object, name: str) -> int | None:
    ports = endpoint_slice.get("ports") or ()
    return next((int(port["port"]) for port in ports if port["name"] == name), None)
