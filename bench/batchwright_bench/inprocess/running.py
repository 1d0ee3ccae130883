"""Inferences one after the other (sync) or as many at once as there are requests (async)."""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import openvino as ov

from batchwright_bench.figures.outcomes import Outcome
from batchwright_bench.inprocess import model
from batchwright_bench.inprocess.model import Compiled
from batchwright_bench.load.arrays import Values


class Api(StrEnum):
    """How inferences are asked for."""

    SYNC = "sync"
    ASYNC = "async"


@dataclass(frozen=True)
class Ending:
    """When a run is over: after so many inferences, or after so many seconds."""

    seconds: float
    iterations: int | None = None

    def counts(self, clock: Callable[[], float]) -> Iterator[int]:
        """The numbers of the inferences to begin."""
        for number in itertools.count():
            is_over = clock() >= self.seconds if self.iterations is None else number >= self.iterations
            if is_over:
                return
            yield number


@dataclass(frozen=True)
class Bench:
    """What is run; each turn has its values."""

    compiled: Compiled
    turns: Sequence[dict[int, Values]]
    ending: Ending
    watch: Callable[[Outcome], None] = lambda _: None

    def run(self, api: Api, requests: int) -> list[Outcome]:
        """Each inference with its times, after one of each turn that is not counted. Raises Unfit."""
        with model.refusals():
            first = self.compiled.model.create_infer_request()
            for values in self.turns:
                first.infer(values)
            return self._sync(first) if api is Api.SYNC else self._async(requests)

    def _sync(self, request: ov.InferRequest) -> list[Outcome]:
        clock, outcomes = _clock(), []
        for number in self.ending.counts(clock):
            turn = number % len(self.turns)
            start = clock()
            request.infer(self.turns[turn], share_inputs=True)
            outcomes.append(Outcome(start, start, clock(), self.compiled.batch_of[turn]))
            self.watch(outcomes[-1])
        return outcomes

    def _async(self, requests: int) -> list[Outcome]:
        """Latencies are OpenVINO's own: no Python runs in its threads, which would be measured too."""
        queue = ov.AsyncInferQueue(self.compiled.model, requests)
        running: dict[int, tuple[float, int]] = {}
        outcomes: list[Outcome] = []

        def collect(number: int) -> None:
            start, turn = running.pop(number)
            done = start + queue[number].latency / 1000.0
            outcomes.append(Outcome(start, start, done, self.compiled.batch_of[turn]))
            self.watch(outcomes[-1])

        clock = _clock()
        for number in self.ending.counts(clock):
            idle = queue.get_idle_request_id()  # waits for one, which start_async takes
            if idle in running:
                collect(idle)
            running[idle] = (clock(), number % len(self.turns))
            queue.start_async(self.turns[number % len(self.turns)], share_inputs=True)
        queue.wait_all()
        for idle in tuple(running):
            collect(idle)
        return outcomes


def _clock() -> Callable[[], float]:
    began = time.perf_counter()
    return lambda: time.perf_counter() - began
