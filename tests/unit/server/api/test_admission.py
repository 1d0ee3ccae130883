"""The door that calls pass."""

import asyncio

import pytest

from batchwright_server.api.admission import DESERTED_SECONDS, Admission


async def test_it_is_deserted_once_nobody_comes() -> None:
    """Calls that come meanwhile are let in, and put it off."""
    admission = Admission()
    waiting = asyncio.create_task(admission.until_deserted(60.0))
    loop = asyncio.get_running_loop()
    until = loop.time() + DESERTED_SECONDS + 0.2
    while loop.time() < until:
        admission.note()
        assert admission.is_open
        assert not waiting.done()
        await asyncio.sleep(0.05)
    await asyncio.wait_for(waiting, 5 * DESERTED_SECONDS)


@pytest.mark.parametrize("longest", [0.0, 0.01])
async def test_clients_that_never_go_are_not_awaited_for_ever(longest: float) -> None:
    """At most for as long as was said, in steps of a second."""
    admission = Admission()
    admission.note()
    await asyncio.wait_for(admission.until_deserted(longest), 2 * DESERTED_SECONDS)
