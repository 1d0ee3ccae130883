"""The way to a worker that is not there."""

from pathlib import Path

import pytest

from batchwright_server.workers.link import Link, LinkLost


async def test_a_worker_that_has_not_begun_does_not_answer(tmp_path: Path) -> None:
    """A socket that is not there yet is a way that is lost, and nothing worse."""
    async with Link(str(tmp_path / "none")) as link:
        with pytest.raises(LinkLost):
            await link.signals()


async def test_a_worker_that_ended_meanwhile_does_not_answer(tmp_path: Path) -> None:
    """Whoever still holds the way to it when it is closed learns the same."""
    async with Link(str(tmp_path / "none")) as link:
        pass

    with pytest.raises(LinkLost):
        await link.metrics()
