import asyncio
import threading
from collections.abc import AsyncIterator
from functools import partial

import pytest

from batchwright_server import errors
from batchwright_server.runtime.compiler import CompileWorker


@pytest.fixture
async def gate() -> AsyncIterator[threading.Event]:
    """Opened at the end, so that no thread stays behind."""
    opened = threading.Event()
    yield opened
    opened.set()


async def test_what_hangs_is_given_up_and_the_others_go_on(gate: threading.Event) -> None:
    """Its request gets the reason; those that waited behind it are served, each within its own time."""
    worker = CompileWorker(longest_seconds=0.2)
    hanging = asyncio.create_task(worker.run(gate.wait))
    behind = [asyncio.create_task(worker.run(partial(int, value))) for value in range(3)]

    with pytest.raises(errors.CompilationFailed, match=r"given up after 0\.2 s"):
        await asyncio.wait_for(hanging, 10)

    assert await asyncio.wait_for(asyncio.gather(*behind), 10) == [0, 1, 2]
    worker.close()


async def test_one_at_a_time_in_order(gate: threading.Event) -> None:
    """Nothing begins before what came before it is done, also where nobody waits for that any more."""
    worker = CompileWorker()
    began: list[int] = []
    first = asyncio.create_task(worker.run(gate.wait))
    await asyncio.sleep(0)
    second, third = (asyncio.create_task(worker.run(partial(began.append, number))) for number in (2, 3))
    await asyncio.sleep(0)
    first.cancel()
    second.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    assert began == []

    gate.set()
    await asyncio.wait_for(third, 10)

    assert began == [3]
    worker.close()


async def test_a_failure_is_that_of_its_own_request() -> None:
    """Whatever is raised, even what waiting too long raises, and the next one is served."""
    worker = CompileWorker()
    for error in (TimeoutError("a slow volume"), ValueError("odd")):

        def fail(error: Exception = error) -> None:
            raise error

        with pytest.raises(type(error), match=str(error)):
            await worker.run(fail)

    assert await worker.run(lambda: 5) == 5
    worker.close()
