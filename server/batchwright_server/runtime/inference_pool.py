"""The infer requests of one compiled model, handed out so that requests take turns.

A request of many shards is one entry in a rotation: whenever an infer request is free, the next entry
starts its next shard and goes to the end. So a large request never holds up a small one by more than
the shards that are running. There is one future for each request, none for each shard.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass

from batchwright_server.core.demultiply import Shard
from batchwright_server.core.tensors import Tensor
from batchwright_server.errors import InferenceFailed, ServerError
from batchwright_server.runtime import ports
from batchwright_server.runtime.inference_gate import InferenceGate

Requests = list[ports.InferRequest]


def ignore() -> None:
    """What is told of a request that nobody waits for."""


@dataclass(frozen=True)
class Effort:
    """What something took: processor seconds, and elapsed ones."""

    work: float
    span: float


class _Entry:
    """One request's shards: those not started, those running, and who waits for them all.

    The next shard is looked up ahead, so that a request is known to be complete when its last one ends.
    """

    def __init__(
        self,
        shards: Iterator[Shard],
        done: asyncio.Future[dict[str, Tensor]],
        begun: Callable[[], None],
    ) -> None:
        self._shards = shards
        self._ahead = next(shards, None)
        self.done = done
        self.begun = begun
        self.running = 0
        self.late_outputs: dict[str, Tensor] = {}

    @property
    def is_exhausted(self) -> bool:
        """Whether nothing of it is left to start."""
        return self._ahead is None or self.done.done()

    def take_shard(self) -> Shard | None:
        """The next shard to start; None where there is none."""
        if self.done.done():
            return None
        shard, self._ahead = self._ahead, next(self._shards, None)
        return shard

    def settle(self) -> None:
        if self._ahead is None and self.running == 0 and not self.done.done():
            self.done.set_result(self.late_outputs)

    def fail(self, error: ServerError) -> None:
        if not self.done.done():
            self.done.set_exception(error)


class InferencePool:
    """Runs shards on a compiled model's infer requests, fairly between requests.

    Of all pools of a process, as many inferences are in flight as `gate` lets. `dispose` frees the
    infer requests, which takes a while; without it they are freed on the spot.
    """

    def __init__(
        self,
        compiled: ports.CompiledModel,
        gate: InferenceGate | None = None,
        *,
        size_bytes: int = 0,
        dispose: Callable[[Requests], Awaitable[None]] | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._free = list(compiled.requests)
        self._size = len(self._free)
        self.streams = compiled.streams
        self.size_bytes = size_bytes
        self.compiling = Effort(0.0, 0.0)  # what it took to compile; 0 where that is not known
        self._gate = gate or InferenceGate()
        self.share = self._gate.share_of(compiled.streams)
        self._dispose = dispose
        self._rotation: deque[_Entry] = deque()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def running(self) -> int:
        """How many inferences run now."""
        return self._size - len(self._free)

    async def run(
        self, shards: Iterable[Shard], begun: Callable[[], None] = ignore
    ) -> dict[str, Tensor]:
        """Run all shards; gives the outputs that had no place beforehand. Raises InferenceFailed.

        `begun` is called when the last of them begins.
        The first failure, or cancelling, ends the request at once: its other shards are not started.
        """
        entry = _Entry(iter(shards), self._loop.create_future(), begun)
        if entry.is_exhausted:
            return {}
        self._rotation.append(entry)
        self._start_next()
        return await entry.done

    async def wait_idle(self) -> None:
        """Return when nothing runs or waits here."""
        await self._idle.wait()

    @property
    def needs_time_to_free(self) -> bool:
        """Whether `free` has to be waited for."""
        return self.running > 0 or self._dispose is not None

    async def free(self) -> None:
        """Give the memory back once nothing runs here; nothing can be run afterwards."""
        await self.wait_idle()
        requests, self._free = self._free, []
        self._size = 0
        if self._dispose is not None:
            await self._dispose(requests)

    @property
    def wants_more(self) -> bool:
        """Whether an inference waits, and has an infer request to run on."""
        return bool(self._free and self._rotation)

    def start_one(self) -> bool:
        """Begin the inference whose turn it is, let in by the gate; whether there was one."""
        while self._free and self._rotation:
            entry = self._rotation.popleft()
            shard = entry.take_shard()
            if shard is None:
                continue
            if not entry.is_exhausted:
                self._rotation.append(entry)
            if self._start(entry, shard):
                return True
        self._note_idle()
        return False

    def _start_next(self) -> None:
        while self.wants_more and self._gate.enter(self):
            if not self.start_one():
                self._gate.leave(self)
        self._note_idle()

    def _note_idle(self) -> None:
        if not self._rotation and self.running == 0:
            self._idle.set()
        else:
            self._idle.clear()

    def _start(self, entry: _Entry, shard: Shard) -> bool:
        slot = self._free.pop()
        entry.running += 1

        def done() -> None:
            # Called by the engine's thread. The closure keeps the shard's arrays alive until here.
            self._loop.call_soon_threadsafe(self._finish, slot, entry, shard)

        try:
            slot.start(shard.inputs, shard.outputs, done)
        except Exception as error:  # noqa: BLE001  foreign code: a slot must never be lost
            self._free.append(slot)
            entry.running -= 1
            entry.fail(_as_failure(error))
            return False
        if entry.is_exhausted:
            entry.begun()
        return True

    def _finish(self, slot: ports.InferRequest, entry: _Entry, _shard: Shard) -> None:
        entry.running -= 1
        try:
            entry.late_outputs.update(slot.finish())
        except Exception as error:  # noqa: BLE001  foreign code: a slot must never be lost
            entry.fail(_as_failure(error))
        self._free.append(slot)
        entry.settle()
        self._gate.leave(self)
        self._start_next()


def _as_failure(error: Exception) -> ServerError:
    return error if isinstance(error, ServerError) else InferenceFailed(repr(error))
