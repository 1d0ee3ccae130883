import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_server.api.ordered_answers import MOST_AT_ONCE, ordered_answers
from batchwright_server.errors import ServerEnding


class Work:
    """Answers each request when the test lets it."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.cancelled: list[int] = []
        self.gates: dict[int, asyncio.Event] = {}

    async def answer(self, request: int) -> int:
        self.begun.append(request)
        try:
            await self.gates.setdefault(request, asyncio.Event()).wait()
        except asyncio.CancelledError:
            self.cancelled.append(request)
            raise
        return request * 10

    def finish(self, request: int) -> None:
        self.gates.setdefault(request, asyncio.Event()).set()


async def counting(most: int) -> AsyncIterator[int]:
    for number in range(most):
        yield number


async def settle() -> None:
    for _ in range(100):
        await asyncio.sleep(0)


@given(order=st.permutations(range(8)))
def test_answers_come_in_the_order_of_requests(order: list[int]) -> None:
    """Whichever is ready first."""

    async def play() -> list[int]:
        work = Work()
        answers = ordered_answers(counting(8), work.answer, asyncio.Event())
        collecting = asyncio.create_task(_collect(answers))
        for number in order:
            work.finish(number)
            await asyncio.sleep(0)
        return await asyncio.wait_for(collecting, 5)

    assert asyncio.run(play()) == [number * 10 for number in range(8)]


async def _collect(answers: AsyncIterator[int]) -> list[int]:
    return [answer async for answer in answers]


async def test_a_stream_has_a_bounded_number_of_requests_under_way() -> None:
    """More are not even read before an answer is told."""
    work = Work()
    answers = ordered_answers(counting(100), work.answer, asyncio.Event())
    first = asyncio.create_task(anext(answers))
    await settle()
    assert len(work.begun) == MOST_AT_ONCE

    work.finish(0)
    assert await first == 0
    second = asyncio.create_task(anext(answers))
    await settle()

    assert len(work.begun) == MOST_AT_ONCE + 1
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    assert set(work.cancelled) == set(work.begun) - {0}


async def test_closing_ends_what_is_worked_on() -> None:
    """A client that goes away leaves nothing running."""
    work = Work()
    async with contextlib.aclosing(ordered_answers(counting(3), work.answer, asyncio.Event())) as stream:
        work.finish(0)
        assert await anext(stream) == 0
        await settle()

    assert sorted(work.cancelled) == [1, 2]


async def test_a_server_that_ends_answers_what_it_read() -> None:
    """Then the stream ends with the reason, although the client would go on."""
    work, ending = Work(), asyncio.Event()

    async def requests() -> AsyncIterator[int]:
        yield 1
        await asyncio.Event().wait()

    answers = ordered_answers(requests(), work.answer, ending)
    first = asyncio.create_task(anext(answers))
    await settle()
    ending.set()
    await settle()
    work.finish(1)

    assert await first == 10
    with pytest.raises(ServerEnding):
        await anext(answers)
