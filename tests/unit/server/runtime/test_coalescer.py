import asyncio
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchwright_server import errors
from batchwright_server.core.assembly import Rows
from batchwright_server.core.tensors import Signature, Tensor, TensorSpec
from batchwright_server.runtime.coalescer import Coalescer, Limits
from tests.support.simulated_time import simulate

INT = np.dtype(np.int64)
X, Y = TensorSpec("x", INT, (1,)), TensorSpec("y", INT, (1,))
ONE_INPUT = Signature((X,), (Y,))
BAD = -1  # a sample on which the device fails


class Device:
    """Answers `y` = 2 · `x` after `seconds`; a batch with a bad sample in it fails as a whole."""

    def __init__(self, seconds: float = 1.0) -> None:
        self.seconds = seconds
        self.batches: list[list[int]] = []

    async def run(self, parts: Sequence[Rows]) -> None:
        values = [int(value) for part in parts for value in part.inputs["x"][part.start : part.stop]]
        self.batches.append(values)
        await asyncio.sleep(self.seconds)
        if BAD in values:
            raise errors.InferenceFailed("a bad sample")
        for part in parts:
            part.outputs["y"][part.start : part.stop] = 2 * part.inputs["x"][part.start : part.stop]


class Bench:
    def __init__(self, limits: Limits, signature: Signature = ONE_INPUT) -> None:
        self.device = Device()
        self.coalescer = Coalescer(signature, limits, self.device.run)

    async def ask(self, *values: int, **others: Tensor) -> list[int]:
        inputs = {"x": np.array(values, INT), **others}
        outputs: dict[str, Tensor] = {"y": np.zeros(len(values), INT)}
        await self.coalescer.run(inputs, outputs, len(values))
        return [int(value) for value in outputs["y"]]

    def start(self, *values: int, **others: Tensor) -> asyncio.Task[list[int]]:
        return asyncio.create_task(self.ask(*values, **others))


def test_nothing_waits_while_nothing_runs() -> None:
    """A lone request begins at once, however long a delay is allowed."""

    async def story() -> float:
        bench = Bench(Limits(samples=8, delay=60.0, runs=2))
        assert await bench.ask(1, 2) == [2, 4]
        return asyncio.get_running_loop().time()

    assert simulate(story()) == pytest.approx(1.0)


def test_what_comes_while_the_device_is_busy_begins_together() -> None:
    """Six requests that come during an inference are one inference after it."""

    async def story() -> list[list[int]]:
        bench = Bench(Limits(samples=8, delay=60.0, runs=1))
        first = bench.start(1)
        await asyncio.sleep(0.5)
        others = [bench.start(value) for value in range(2, 8)]
        assert await asyncio.gather(first, *others) == [[2 * value] for value in range(1, 8)]
        return bench.device.batches

    assert simulate(story()) == [[1], [2, 3, 4, 5, 6, 7]]


def test_no_wait_is_longer_than_the_delay_where_there_is_room() -> None:
    """With a run to spare, those that gather begin after the delay, or when they fill a batch."""

    async def story() -> list[float]:
        bench = Bench(Limits(samples=3, delay=0.2, runs=3))
        bench.device.seconds = 10.0
        begun = []
        for values in ((1,), (2,), (3, 4, 5)):
            bench.start(*values)
            count = len(bench.device.batches)
            while len(bench.device.batches) == count:
                await asyncio.sleep(0.01)
            begun.append(asyncio.get_running_loop().time())
        await bench.coalescer.wait_idle()
        return begun

    first, delayed, full = simulate(story())
    assert first < 0.02
    assert delayed - first == pytest.approx(0.2, abs=0.02)
    assert full - delayed < 0.02


def test_a_large_request_delays_a_small_one_by_a_batch_or_two() -> None:
    """Of 512 samples, two batches of 8 at most run before a single sample that came just after."""

    async def story() -> int:
        bench = Bench(Limits(samples=8, delay=0.0, runs=1))
        large = bench.start(*range(1000, 1512))
        await asyncio.sleep(0.5)
        assert await bench.ask(1) == [2]
        await large
        return next(index for index, batch in enumerate(bench.device.batches) if 1 in batch)

    assert simulate(story()) <= 2


def test_one_bad_request_fails_alone() -> None:
    """Its neighbours in the batch are answered as if it had not been there."""

    async def story() -> list[object]:
        bench = Bench(Limits(samples=8, delay=0.0, runs=1))
        first = bench.start(1)
        await asyncio.sleep(0)
        tasks = [bench.start(2, 3), bench.start(4, BAD), bench.start(5)]
        await first
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    before, bad, after = simulate(story())
    assert (before, after) == ([4, 6], [10])
    assert isinstance(bad, errors.InferenceFailed)


def test_who_leaves_takes_its_samples_along() -> None:
    """A cancelled request that has not begun is in no batch."""

    async def story() -> list[list[int]]:
        bench = Bench(Limits(samples=8, delay=0.0, runs=1))
        first = bench.start(1)
        await asyncio.sleep(0)
        gone, stays = bench.start(2), bench.start(3)
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        assert bench.coalescer.waiting == 1
        await asyncio.gather(first, stays)
        return bench.device.batches

    assert simulate(story()) == [[1], [3]]


def test_requests_with_a_tensor_for_all_samples_keep_to_themselves() -> None:
    """Two clients' tables may differ, so their samples are never in one inference."""

    async def story() -> list[list[int]]:
        table = TensorSpec("table", INT, (2,), batched=False)
        bench = Bench(Limits(samples=8, delay=0.0, runs=1), Signature((X, table), (Y,)))
        tables = [np.full(2, value) for value in range(3)]
        tasks = [bench.start(value, value, table=tables[value]) for value in range(3)]
        await asyncio.gather(*tasks)
        return bench.device.batches

    assert simulate(story()) == [[0, 0], [1, 1], [2, 2]]


requests = st.lists(
    st.tuples(st.integers(1, 12), st.floats(0, 5), st.sampled_from(["stays", "leaves", "is bad"])),
    min_size=1,
    max_size=20,
)


@settings(max_examples=150, deadline=None)
@given(
    requests=requests,
    samples=st.integers(1, 16),
    runs=st.integers(1, 3),
    delay=st.sampled_from([0.0, 0.3, 5.0]),
    is_splitting=st.booleans(),
)
def test_every_answer_is_its_own(
    requests: list[tuple[int, float, str]], samples: int, runs: int, delay: float, is_splitting: bool
) -> None:
    """Whoever comes, leaves or fails beside it, a good request gets its own rows, and soon."""

    async def client(bench: Bench, index: int, request: tuple[int, float, str]) -> None:
        size, begins, kind = request
        await asyncio.sleep(begins)
        values = list(range(100 * index, 100 * index + size))
        if kind == "is bad":
            with pytest.raises(errors.InferenceFailed):
                await bench.ask(*values[:-1], BAD)
        elif kind == "leaves":
            asked = bench.start(*values)
            await asyncio.sleep(0.7)
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
        else:
            assert await bench.ask(*values) == [2 * value for value in values]

    async def story() -> None:
        bench = Bench(Limits(samples=samples, delay=delay, runs=runs, is_splitting=is_splitting))
        await asyncio.gather(*(client(bench, index, each) for index, each in enumerate(requests)))
        await bench.coalescer.wait_idle()
        assert bench.coalescer.waiting == 0
        if is_splitting:
            assert max(map(len, bench.device.batches)) <= samples

    simulate(story())
