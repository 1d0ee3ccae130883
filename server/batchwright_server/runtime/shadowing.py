"""Telling the shadow of the reload strategy what it cannot see: how long things take."""

from batchwright_server.config.batching import Batching
from batchwright_server.config.plan import Strategy, Streams
from batchwright_server.core.footprint import Footprint
from batchwright_server.core.residency import Bounds
from batchwright_server.core.shadow import Arrival, ReloadShadow
from batchwright_server.core.tensors import BatchRange, Size
from batchwright_server.runtime import calibration, meters, ports
from batchwright_server.runtime.model_compiler import ModelCompiler

_NEW_SHARE = 0.3  # of the latest reload in the mean of those before


class Shadowing:
    """The shadow of one servable, and the counter of what it would have done."""

    def __init__(
        self, batching: Batching, compiler: ModelCompiler, meter: meters.ModelMeters, clock: ports.Clock
    ) -> None:
        self._compiler = compiler
        self._meter = meter
        self._clock = clock
        self._shadow = ReloadShadow(self._bounds(batching), 0.0)
        self._spans = Footprint(0.0, 0.0)
        self._is_measured = False
        self._seen = meter.reload.reload_seconds.total

    def follow(self, batching: Batching) -> None:
        """Go on with what a changed configuration allows."""
        self._shadow.resize(self._bounds(batching))

    def learn(self, costs: calibration.Costs) -> None:
        """Take the seconds of reloads and inferences from what was measured."""
        if costs.reload is not None and not self._is_measured:
            self._shadow.compile_seconds = costs.reload.span_seconds
        found = [cost for cost in costs.plans if cost.plan.strategy is Strategy.RELOAD] or costs.plans
        points = [(point.batch_size, point.span_seconds) for cost in found for point in cost.points]
        self._spans = Footprint.fit(points) or self._spans

    def observe(self, size: Size, batch_size: int, others: int) -> None:
        """Note a request, with `others` under way for the same model."""
        if self._meter.reload.reload_seconds.total != self._seen:
            self._learn_reload()
        arrival = Arrival(
            size, self._clock(), self._spans.at(batch_size), others, self._size_bytes(size)
        )
        self._meter.would_reloads += self._shadow.observe(arrival)

    def _learn_reload(self) -> None:
        """What reloads really take, beside the requests that are served."""
        total = self._meter.reload.reload_seconds.total
        latest, self._seen = total - self._seen, total
        before = self._shadow.compile_seconds if self._is_measured else latest
        self._shadow.compile_seconds = before + _NEW_SHARE * (latest - before)
        self._is_measured = True

    def _size_bytes(self, size: Size) -> int:
        target = BatchRange.only(size) if isinstance(size, int) else size
        return self._compiler.expected_bytes(target, Streams.ONE)

    def _bounds(self, batching: Batching) -> Bounds:
        limits = batching.reload.compiled_cache
        return Bounds(limits.max_entries, limits.max_bytes or self._compiler.cache_bytes)
