import asyncio

import numpy as np
import pytest

from batchwright_server import errors
from batchwright_server.config.batching import Coalesce
from batchwright_server.config.plan import Plan, Strategy
from batchwright_server.core.tensors import (
    BatchRange,
    Compilable,
    Signature,
    Tensor,
    Tensors,
    TensorSpec,
)
from batchwright_server.runtime import ports, reload_queue
from batchwright_server.runtime.independence import SampleIndependence
from batchwright_server.runtime.inference_pool import InferencePool
from batchwright_server.runtime.meters import ModelMeters
from batchwright_server.runtime.strategies.execution import Execution
from batchwright_server.runtime.strategies.port import FOREVER, Call
from batchwright_server.runtime.strategies.sized import SizedStrategy, Sizes

FLOAT = np.dtype(np.float32)
SIGNATURE = Signature((TensorSpec("x", FLOAT, (1,)),), (TensorSpec("y", FLOAT, (1,)),))


class DoublingRequest:
    """`y` = 2 · `x`, done as soon as it starts."""

    def start(self, inputs: Tensors, outputs: Tensors, done: ports.Done) -> None:
        outputs["y"][:] = 2 * inputs["x"]
        done()

    def finish(self) -> Tensors:
        return {}


class DoublingModel:
    requests = (DoublingRequest(),)
    streams = 1


class Bench:
    """The strategy over a compiler that has memory for a few sizes."""

    def __init__(self, sizes: Sizes, *, room: int = 100) -> None:
        self.pools: list[InferencePool] = []
        self.room = room
        self.meter = ModelMeters(lambda: 0.0)
        independence = SampleIndependence(
            SIGNATURE, together=self.never, singly=self.never, make_inputs=self.never
        )
        independence.assume("")
        self.strategy = SizedStrategy(
            Plan.of(Strategy.BUCKETS),
            sizes,
            independence,
            compile_batch=self.compile,
            execution=Execution(SIGNATURE, self.meter, lambda: 0.0),
        )

    async def never(self, *_: object) -> dict[str, Tensor]:
        raise AssertionError("nothing is tried")

    async def compile(self, batch: Compilable) -> InferencePool:
        assert isinstance(batch, BatchRange)
        if len(self.pools) == self.room:
            raise errors.OutOfMemory(f"batch size {batch}", "bad_alloc")
        self.pools.append(InferencePool(DoublingModel()))
        return self.pools[-1]

    async def ask(self, samples: int) -> list[float]:
        x = np.arange(samples, dtype=np.float32)
        answer = await self.strategy.infer(Call({"x": x}, samples, FOREVER))
        return [float(value) for value in answer["y"]]


@pytest.fixture(params=[None, Coalesce(max_batch_size=4)], ids=["alone", "together"])
def coalesce(request: pytest.FixtureRequest) -> Coalesce | None:
    chosen: Coalesce | None = request.param
    return chosen


async def test_costs_choose_between_padding_and_splitting(coalesce: Coalesce | None) -> None:
    """Where four samples cost as much as one, three are padded; without costs they are split."""

    async def flat(_pool: InferencePool, _size: int) -> float:
        return 1.0

    measured, plain = Bench(Sizes((1, 4), coalesce, flat)), Bench(Sizes((1, 4), coalesce))
    for bench in (measured, plain):
        await bench.strategy.prepare()
        assert await bench.ask(3) == [0, 2, 4]

    assert (measured.meter.padding_samples, plain.meter.padding_samples) == (1, 0)
    assert measured.meter.executed_batch_size.total == 4
    assert sum(plain.meter.executed_batch_size.counts) == 3


async def test_a_bucket_without_memory_gives_back_what_the_others_took() -> None:
    """The strategy is refused as a whole, and nothing of it stays behind."""
    bench = Bench(Sizes((1, 4, 16)), room=2)

    with pytest.raises(errors.OutOfMemory, match="bad_alloc"):
        await bench.strategy.prepare()

    for pool in bench.pools:
        assert pool._free == []
    with pytest.raises(reload_queue.Retired):
        await bench.ask(1)


async def test_a_retired_strategy_finishes_what_it_has(coalesce: Coalesce | None) -> None:
    """Requests that came before are answered, later ones go elsewhere, and the pools are freed."""
    bench = Bench(Sizes((1, 4), coalesce))
    await bench.strategy.prepare()
    before = [asyncio.create_task(bench.ask(size)) for size in (1, 5, 9)]
    await asyncio.sleep(0)
    async with asyncio.timeout(5):  # in this very moment, when they are about to start
        await bench.strategy.retire()
        answers = await asyncio.gather(*before)

    assert [len(answer) for answer in answers] == [1, 5, 9]
    with pytest.raises(reload_queue.Retired):
        await bench.ask(1)
    assert all(pool._free == [] for pool in bench.pools)
