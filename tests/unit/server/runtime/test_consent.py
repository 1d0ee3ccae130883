"""Asking whether what was made ready shall take over."""

import asyncio

import pytest

from batchwright_server.config.problems import InvalidDocument
from batchwright_server.runtime.consent import Always, Vote


async def test_a_server_alone_agrees_with_itself() -> None:
    """Nothing is waited for."""
    await asyncio.wait_for(Always().ask(), 1)


@pytest.mark.parametrize("agreed", [True, False])
async def test_a_vote_waits_for_its_decision(agreed: bool) -> None:
    """Whoever asks goes on when it is agreed, and is refused when it is not."""
    vote = Vote()
    asking = asyncio.create_task(vote.ask())
    await asyncio.wait_for(vote.asked(), 1)
    assert not asking.done()

    assert vote.decide(agreed)

    if agreed:
        await asyncio.wait_for(asking, 1)
    else:
        with pytest.raises(InvalidDocument, match="another worker"):
            await asyncio.wait_for(asking, 1)


async def test_a_decision_that_nobody_waits_for_decides_nothing() -> None:
    """It is not kept for the next question."""
    vote = Vote()
    assert not vote.decide(True)

    asking = asyncio.create_task(vote.ask())
    await asyncio.wait_for(vote.asked(), 1)
    assert not asking.done()
    asking.cancel()
