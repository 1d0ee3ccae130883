import asyncio

from batchwright_server.runtime.compiler import CompileWorker
from batchwright_server.runtime.inference_gate import InferenceGate
from batchwright_server.runtime.inference_pool import InferencePool
from batchwright_server.runtime.quiet_moments import SHARE, Activity, QuietMoments
from tests.support.held_model import HeldModel
from tests.support.simulated_time import simulate


def make_moments() -> tuple[QuietMoments, InferencePool]:
    activity = Activity(asyncio.get_running_loop().time)
    gate = InferenceGate(2)
    return QuietMoments(activity, CompileWorker(), gate), InferencePool(HeldModel(1), gate)


def test_an_idle_server_waits_for_nobody() -> None:
    """Steps follow each other at once while no request is under way."""

    async def story() -> tuple[bool, float]:
        moments, _ = make_moments()
        was_idle = [await moments.wait() for _ in range(100)]
        return all(was_idle), asyncio.get_running_loop().time()

    assert simulate(story()) == (True, 0.0)


def test_requests_go_first() -> None:
    """A step waits until the request has ended, and a moment longer, for the next one often follows."""

    async def story() -> tuple[bool, float]:
        moments, _ = make_moments()
        loop = asyncio.get_running_loop()
        moments.activity.enter()
        loop.call_later(0.5, moments.activity.leave)
        return await moments.wait(), loop.time()

    was_idle, when = simulate(story())
    assert was_idle
    assert 0.6 <= when < 0.7


def test_a_server_that_is_never_idle_is_held_up_for_a_small_share() -> None:
    """Steps of a tenth of a second, for as long as they are allowed: half a second and the share."""

    async def story() -> tuple[float, float]:
        moments, pool = make_moments()
        loop = asyncio.get_running_loop()
        moments.activity.enter()
        held_up = 0.0
        while loop.time() < 300:
            assert not await moments.wait()
            async with moments.alone(pool):
                await asyncio.sleep(0.1)
            held_up += 0.1
        return held_up, loop.time()

    held_up, elapsed = simulate(story())
    assert 0.9 * SHARE * elapsed < held_up <= 0.7 + SHARE * elapsed
