"""One measurement of a served model, from the first word with the server to the outcomes."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import grpc
import numpy as np

from batchwright_bench.figures.outcomes import Outcome
from batchwright_bench.load.arrivals import Arrivals, arrive
from batchwright_bench.load.sizes import InTurn, Sizes
from batchwright_bench.load.traces import Trace
from batchwright_bench.remote import elements, protocols
from batchwright_bench.remote.driver import CHANNEL_OPTIONS, Bounds, Due, Run
from batchwright_bench.remote.elements import Values

_BLOCK = 4096


@dataclass(frozen=True)
class Credentials:
    """PEM files for TLS."""

    server_cert: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None


@dataclass(frozen=True)
class Server:
    """A model on a server. Without credentials: plain text."""

    target: str
    model: str
    protocol: protocols.Protocol = protocols.Protocol.TFS
    credentials: Credentials | None = None


@dataclass(frozen=True)
class Load:
    """What is asked. With `rate` or a trace that has times: open loop; else closed, by `concurrency`."""

    sizes: Sizes
    bounds: Bounds
    concurrency: int = 4
    rate: float | None = None
    arrivals: Arrivals = Arrivals.POISSON
    trace: Trace | None = None
    outstanding: int = 1000
    seed: int = 0

    @property
    def is_open(self) -> bool:
        """Whether requests are sent when they are due, not when others are answered."""
        return self.rate is not None or (self.trace is not None and bool(self.trace.seconds))

    @property
    def count(self) -> int | None:
        """How many requests there will be, where that is known; else time ends the run."""
        if self.trace is None or not self.trace.seconds or self.bounds.end < self.trace.seconds[-1]:
            return self.bounds.requests
        return min(len(self.trace.seconds), self.bounds.requests or len(self.trace.seconds))

    def split(self, rounds: int) -> "Iterator[Load]":
        """The load in so many parts of the same length, each with its own random numbers.

        A trace with times is not cut: each part is all of it.
        """
        limit = self.bounds.requests
        for number in range(rounds):
            part = replace(
                self.bounds,
                seconds=self.bounds.seconds / rounds,
                requests=None if limit is None else max(round(limit / rounds), 1),
            )
            yield replace(self, bounds=part, seed=self.seed + 2 * number)

    def describe(self) -> str:
        """The load in words."""
        if self.trace is not None and self.trace.seconds:
            how = "at the times of a trace"
        elif self.rate is not None:
            how = f"{self.rate:g} requests/s, {self.arrivals}"
        else:
            how = f"{self.concurrency} at once"
        known = self.sizes.possible
        some = ", ".join(map(str, known[:8])) + (f" … {known[-1]}" if len(known) > 8 else "")
        return f"{how}; batch sizes {some}"


async def measure(
    server: Server,
    load: Load,
    *,
    given: Values | None = None,
    watch: Callable[[Outcome], None] = lambda _: None,
) -> list[Outcome]:
    """Every request of the run. `given`: rows for the model's only input, in place of random values.

    Raises AioRpcError when the server does not answer before the run, and Unusable.
    """
    async with _connect(server) as channel:
        ports = await protocols.read_ports(channel, server.protocol, server.model)
        if given is not None and len(ports) != 1:
            raise elements.Unusable(f"-i needs a model of one input; it has {len(ports)}")
        elements.check_bytes(ports, load.sizes.possible, given)
        random = np.random.default_rng(load.seed)
        requests = {}
        for size in load.sizes.possible:
            values = {port.name: elements.make_up(port, size, given, random) for port in ports}
            requests[size] = protocols.to_bytes(server.protocol, server.model, values)
        run = Run(channel, server.protocol.path, requests, load.bounds, watch)
        await run.warm()
        if load.is_open:
            await run.open(_due(load), load.outstanding)
        else:
            await run.closed(load.sizes, _draws(load.seed), load.concurrency)
    return run.outcomes


def _connect(server: Server) -> grpc.aio.Channel:
    if server.credentials is None:
        return grpc.aio.insecure_channel(server.target, CHANNEL_OPTIONS)
    files = server.credentials
    parts = (files.server_cert, files.client_key, files.client_cert)
    try:
        secrets = [file.read_bytes() if file else None for file in parts]
    except OSError as error:
        raise elements.Unusable(f"cannot read {error.filename}: {error.strerror}") from error
    return grpc.aio.secure_channel(
        server.target, grpc.ssl_channel_credentials(*secrets), CHANNEL_OPTIONS
    )


def _due(load: Load) -> Iterable[Due]:
    draws = _draws(load.seed)
    if load.trace is not None and load.trace.seconds:
        return zip(load.trace.seconds, load.trace.sizes, strict=True)
    assert load.rate is not None  # noqa: S101 (what open loop means)
    times = arrive(load.arrivals, load.rate, _draws(load.seed + 1))
    return (
        (seconds, load.sizes.at(number, next(draws)))
        for number, seconds in zip(itertools.count(), times, strict=False)
    )


def _draws(seed: int) -> Iterator[float]:
    random = np.random.default_rng(seed)
    while True:
        yield from random.random(_BLOCK).tolist()


def sizes_of(trace: Trace) -> Sizes:
    """The batch sizes of a trace, in its order."""
    return InTurn(trace.sizes)
