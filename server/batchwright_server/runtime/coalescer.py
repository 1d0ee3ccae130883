"""Samples of several requests in one inference, and each answer back to its own.

Nothing waits while nothing runs. While the device is busy, those that come gather: they begin together
when a run ends, when they fill a batch, or, where there is room for another run, when one of them has
waited long enough. A batch that fails is run again request by request, so that none fails for another.
"""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from batchwright_server.core.assembly import Rows
from batchwright_server.core.rotation import Entry, Rotation, Share
from batchwright_server.core.tensors import Signature, Tensor, Tensors
from batchwright_server.runtime.inference_pool import ignore

RunParts = Callable[[Sequence[Rows]], Awaitable[None]]


@dataclass(frozen=True)
class Limits:
    """When a batch begins.

    `samples` fill it, `delay` (seconds) is how long a request waits at most where it could begin, `runs`
    are under way at once; `is_splitting`: the samples of one request may be in several batches.
    """

    samples: int
    delay: float
    runs: int
    is_splitting: bool = True


class _Request:
    """One request: its tensors, what is answered of it, and who waits for the whole."""

    def __init__(self, inputs: Tensors, outputs: Tensors, begun: Callable[[], None]) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self.begun = begun
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.samples_open = 0
        self.samples_waiting = 0

    def rows(self, share: Share["_Request"]) -> Rows:
        return Rows(self.inputs, self.outputs, share.start, share.stop)

    def taken(self, samples: int) -> None:
        self.samples_waiting -= samples
        if self.samples_waiting == 0:
            self.begun()

    def answered(self, samples: int) -> None:
        self.samples_open -= samples
        if self.samples_open == 0 and not self.done.done():
            self.done.set_result(None)

    def fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)


class Coalescer:
    """Gathers the samples of concurrent requests into batches for `run_parts`."""

    def __init__(self, signature: Signature, limits: Limits, run_parts: RunParts) -> None:
        self._signature = signature
        self._limits = limits
        self._run_parts = run_parts
        self._loop = asyncio.get_running_loop()
        self._rotation: Rotation[_Request] = Rotation(is_splitting=limits.is_splitting)
        self._runs: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """How many samples wait to begin."""
        return self._rotation.samples

    async def run(
        self,
        inputs: Tensors,
        outputs: dict[str, Tensor],
        samples: int,
        begun: Callable[[], None] = ignore,
    ) -> None:
        """Run all samples of one request, each answer into its row of `outputs`.

        `begun` is called when the last of them are in a batch that begins.

        Raises what its own samples raise. Cancelling takes those away that have not begun.
        """
        request = _Request(inputs, outputs, begun)
        request.samples_open = request.samples_waiting = samples
        entry = Entry(request, self._key(inputs, request), samples, self._loop.time())
        self._rotation.add(entry)
        self._begin()
        try:
            await request.done
        finally:
            self._rotation.discard(entry)

    async def wait_idle(self) -> None:
        """Return when nothing runs or waits here."""
        while self._runs:
            await asyncio.wait(self._runs)

    def _key(self, inputs: Tensors, request: _Request) -> tuple[object, ...]:
        """What requests must have in common; those with a tensor for all samples keep to themselves."""
        specs = self._signature.inputs
        shapes = tuple(inputs[spec.name].shape[1:] for spec in specs if spec.batched)
        return shapes if all(spec.batched for spec in specs) else (request,)

    def _begin(self) -> None:
        while self._rotation and len(self._runs) < self._limits.runs and self._is_due():
            taken = self._rotation.take(self._limits.samples)
            for share in taken:
                share.owner.taken(share.stop - share.start)
            run = self._loop.create_task(
                self._run(taken), name="coalesced", context=contextvars.Context()
            )
            self._runs.add(run)
            run.add_done_callback(self._ended)
        self._set_timer()

    def _is_due(self) -> bool:
        if not self._runs or self._rotation.samples >= self._limits.samples:
            return True
        oldest = self._rotation.oldest
        return oldest is not None and self._loop.time() >= oldest + self._limits.delay

    def _set_timer(self) -> None:
        """Look again when the longest waiting request has waited enough, if it may begin then."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        oldest = self._rotation.oldest if len(self._runs) < self._limits.runs else None
        if oldest is not None:
            self._timer = self._loop.call_at(oldest + self._limits.delay, self._begin)

    def _ended(self, run: asyncio.Task[None]) -> None:
        self._runs.discard(run)
        self._begin()

    async def _run(self, taken: list[Share[_Request]]) -> None:
        wanted = [share for share in taken if not share.owner.done.done()]
        if not wanted:
            return
        try:
            await self._run_parts([share.owner.rows(share) for share in wanted])
        except Exception as error:  # noqa: BLE001  whatever it is, it is told to who asked
            await self._run_separately(wanted, error)
        else:
            for share in wanted:
                share.owner.answered(share.stop - share.start)

    async def _run_separately(self, shares: list[Share[_Request]], error: Exception) -> None:
        """After a failure, each request on its own: the one to blame fails, the others do not."""
        if len(shares) == 1:
            shares[0].owner.fail(error)
            return
        for share in shares:
            await self._run([share])
