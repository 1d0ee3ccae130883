"""The infer requests of one compiled model, handed out so that requests take turns.

A request of many shards is one entry in a rotation: whenever an infer request is free, the next entry
starts its next shard and goes to the end. So a large request never holds up a small one by more than
the shards that are running. There is one future for each request, none for each shard.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator

from batchwright_server.core.demultiply import Shard
from batchwright_server.core.tensors import Tensor
from batchwright_server.errors import InferenceFailed, ServerError
from batchwright_server.runtime import ports


class _Entry:
    """One request's shards: those not started, those running, and who waits for them all."""

    def __init__(self, shards: Iterator[Shard], done: asyncio.Future[dict[str, Tensor]]) -> None:
        self.shards = shards
        self.done = done
        self.running = 0
        self.exhausted = False
        self.late_outputs: dict[str, Tensor] = {}

    def next_shard(self) -> Shard | None:
        shard = None if self.done.done() else next(self.shards, None)
        self.exhausted = shard is None
        return shard

    def settle(self) -> None:
        if self.exhausted and self.running == 0 and not self.done.done():
            self.done.set_result(self.late_outputs)

    def fail(self, error: ServerError) -> None:
        if not self.done.done():
            self.done.set_exception(error)


class InferencePool:
    """Runs shards on a compiled model's infer requests, fairly between requests."""

    def __init__(self, compiled: ports.CompiledModel) -> None:
        self._loop = asyncio.get_running_loop()
        self._free = list(compiled.requests)
        self._size = len(self._free)
        self.streams = compiled.streams
        self._rotation: deque[_Entry] = deque()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def running(self) -> int:
        """How many inferences run now."""
        return self._size - len(self._free)

    async def run(self, shards: Iterable[Shard]) -> dict[str, Tensor]:
        """Run all shards; gives the outputs that had no place beforehand. Raises InferenceFailed.

        The first failure, or cancelling, ends the request at once: its other shards are not started.
        """
        entry = _Entry(iter(shards), self._loop.create_future())
        self._rotation.append(entry)
        self._start_next()
        return await entry.done

    async def wait_idle(self) -> None:
        """Return when nothing runs or waits here."""
        await self._idle.wait()

    def _start_next(self) -> None:
        while self._free and self._rotation:
            entry = self._rotation.popleft()
            shard = entry.next_shard()
            if shard is None:
                entry.settle()
                continue
            self._rotation.append(entry)
            self._start(entry, shard)
        if not self._rotation and self.running == 0:
            self._idle.set()
        else:
            self._idle.clear()

    def _start(self, entry: _Entry, shard: Shard) -> None:
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

    def _finish(self, slot: ports.InferRequest, entry: _Entry, _shard: Shard) -> None:
        entry.running -= 1
        try:
            entry.late_outputs.update(slot.finish())
        except Exception as error:  # noqa: BLE001  foreign code: a slot must never be lost
            entry.fail(_as_failure(error))
        self._free.append(slot)
        entry.settle()
        self._start_next()


def _as_failure(error: Exception) -> ServerError:
    return error if isinstance(error, ServerError) else InferenceFailed(repr(error))
