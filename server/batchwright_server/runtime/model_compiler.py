"""Compiling one network: whether it fits into memory, how much it takes, and what is built of it.

The bytes are measured on the compile worker, where nothing else compiles: what the process has after
compiling and a first inference (which allocates the buffers), less what it had before. A few sizes are
measured; what others take follows from a line. What requests allocate or free meanwhile counts too.
"""

import asyncio
import logging
import threading
import time
import weakref
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass

from batchwright_server import errors
from batchwright_server.config.plan import Streams
from batchwright_server.core import demultiply
from batchwright_server.core.footprint import Footprints
from batchwright_server.core.tensors import (
    ANY,
    BatchRange,
    Compilable,
    InputShapes,
    Signature,
    Tensor,
    blank,
    name_size,
)
from batchwright_server.runtime import meters, ports
from batchwright_server.runtime.build_record import BuildRecord, SizeAttempt
from batchwright_server.runtime.compiler import CompileWorker
from batchwright_server.runtime.inference_gate import InferenceGate
from batchwright_server.runtime.inference_pool import Effort, InferencePool, Requests
from batchwright_server.runtime.memory_budget import Cache, MemoryBudget
from batchwright_server.runtime.quiet_moments import Activity, QuietMoments
from batchwright_server.runtime.waiting_room import House

_log = logging.getLogger(__name__)

_THREADS = 2  # that a compilation keeps busy on average, at most (measured: 1.6)
_WATCH_SECONDS = 0.05  # between looks at the memory that is left


@dataclass(frozen=True)
class Resources:
    """What all models of a process share."""

    worker: CompileWorker
    gate: InferenceGate
    budget: MemoryBudget
    moments: QuietMoments
    house: House

    @classmethod
    def of(cls, engine: ports.Engine, worker: CompileWorker, waiting_bytes: int = 0) -> "Resources":
        """Those of a process with this engine; so many bytes may wait (0: by its memory)."""
        gate = InferenceGate(engine.cores)
        moments = QuietMoments(Activity(time.monotonic), worker, gate)
        budget = MemoryBudget(engine.memory)
        house = House(budget, time.monotonic, waiting_bytes)
        return cls(worker, gate, budget, moments, house)


class ModelCompiler:
    """Compiles one network for sizes, within the process's memory."""

    def __init__(
        self,
        network: ports.Network,
        resources: Resources,
        *,
        meter: meters.ModelMeters,
        record: BuildRecord,
    ) -> None:
        self.worker = resources.worker
        self.gate = resources.gate
        self._network = network
        self._budget = resources.budget
        self._memory = resources.budget.memory
        self._meter = meter
        self._record = record
        self._footprints: defaultdict[Streams, Footprints] = defaultdict(Footprints)
        for killer in record.killers:
            self._footprints[killer.streams].learn_failure(killer.size, killer.limit_bytes)

    @property
    def cache_bytes(self) -> int:
        """The bytes that a cache may have unless it is told."""
        return self._budget.cache_bytes

    def watch(self, cache: Cache) -> None:
        """Have `cache` shrunk where memory lacks."""
        self._budget.watch(cache)

    def expected_bytes(self, size: Compilable, streams: Streams) -> int:
        """What a model compiled for `size` takes, as far as is known: 0 where nothing is."""
        return self._footprints[streams].predict(size) or 0

    async def compile(
        self, size: Compilable, streams: Streams, *, is_exact: bool = False, is_trial: bool = False
    ) -> InferencePool:
        """The network compiled for `size`. Raises CompilationFailed; OutOfMemory if it does not fit."""
        if not is_trial:
            await self._budget.make_room(self.expected_bytes(size, streams))
        compiling = asyncio.ensure_future(
            self.worker.run(lambda: self._compile_noted(size, streams, is_exact=is_exact))
        )
        watching = asyncio.create_task(self._watch_memory())
        try:
            compiled, taken, effort = await compiling
        finally:
            watching.cancel()
        pool = InferencePool(compiled, self.gate, size_bytes=taken, dispose=self._dispose)
        pool.compiling = effort
        _note(self._meter, self._budget, taken)
        weakref.finalize(pool, _note, self._meter, self._budget, -taken).atexit = False
        return pool

    async def _watch_memory(self) -> None:
        while True:
            if self._budget.is_tight:
                self._record.note_tight()
            await asyncio.sleep(_WATCH_SECONDS)

    def _compile_noted(
        self, size: Compilable, streams: Streams, *, is_exact: bool
    ) -> tuple[ports.CompiledModel, int, Effort]:
        """On the worker, if there is memory; should the process die of it, the next one will know."""
        self._budget.check(name_size(size), self.expected_bytes(size, streams))
        self._record.begin_size(SizeAttempt.of(size, streams, self._memory.limit()))
        fits = False
        try:
            found = self._compile(size, streams, is_exact=is_exact)
            fits = True
        finally:
            self._record.end_size(fits=fits)
        return found

    def _compile(
        self, size: Compilable, streams: Streams, *, is_exact: bool
    ) -> tuple[ports.CompiledModel, int, Effort]:
        """On the worker."""
        footprints = self._footprints[streams]
        self._memory.trim()  # else what the allocator kept would be used, and not be seen
        before = self._memory.taken()
        work, own, span = time.process_time(), time.thread_time(), time.monotonic()
        compiled = self._network.compile(size, streams, is_exact=is_exact)
        work, own, span = time.process_time() - work, time.thread_time() - own, time.monotonic() - span
        # What others did meanwhile is in the process's time; compiling is mostly this thread's.
        effort = Effort(min(work, _THREADS * own), span)
        is_measured = not is_exact and footprints.wants(size)
        if is_measured:
            _infer_once(compiled, self._network.signature, size)
        taken = max(0, self._memory.taken() - before)
        if is_exact:
            return compiled, taken, effort
        if is_measured:
            footprints.learn(size, taken)
        return compiled, footprints.predict(size) or taken, effort

    async def _dispose(self, requests: Requests) -> None:
        """Free infer requests, and the model with them: beside the loop, for it takes a while."""
        kept = [requests]
        del requests
        await asyncio.to_thread(self._free, kept)

    def _free(self, kept: list[Requests]) -> None:
        for requests in kept:
            requests.clear()
        self._memory.trim()


def _note(meter: meters.ModelMeters, budget: MemoryBudget, taken: int) -> None:
    meter.compiled_bytes += taken
    budget.models_bytes += taken


def _infer_once(compiled: ports.CompiledModel, signature: Signature, size: Compilable) -> None:
    """One inference on each stream, with zeros; none where shapes are not known before a request.

    Whether the model can do with zeros is of no interest here. Raises OutOfMemory.
    """
    running: list[ports.InferRequest] = []
    written: list[dict[str, Tensor]] = []  # kept until all have ended: the device writes into them
    ended = threading.Semaphore(0)
    try:
        inputs = _zeros(signature, size)
        for request in compiled.requests[: max(1, compiled.streams)] if inputs else ():
            rows = size.least if isinstance(size, BatchRange) else 0
            outputs = demultiply.allocate_outputs(signature.outputs, rows) if rows else {}
            written.append(outputs)
            request.start(inputs or {}, outputs, ended.release)
            running.append(request)
    except MemoryError as error:
        raise errors.OutOfMemory(name_size(size), "not enough memory for an inference") from error
    except errors.InferenceFailed as error:
        _log.info("%s: no first inference: %s", name_size(size), error)
    for _ in running:
        ended.acquire()
    for request in running:
        with suppress(errors.InferenceFailed):
            request.finish()


def _zeros(signature: Signature, size: Compilable) -> dict[str, Tensor] | None:
    shapes = {
        spec.name: spec.with_batch(size.least) if isinstance(size, BatchRange) else spec.shape
        for spec in signature.inputs
    }
    if isinstance(size, InputShapes):
        shapes |= dict(size.by_input)
    if any(ANY in shape for shape in shapes.values()):
        return None
    return {spec.name: blank(shapes[spec.name], spec.dtype) for spec in signature.inputs}
