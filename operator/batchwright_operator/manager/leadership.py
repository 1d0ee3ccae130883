"""Leading without an election, for a single replica."""

import asyncio


class SoleReplica:
    """Leads from the beginning to the end."""

    is_leader = True
    is_held = True

    def __init__(self) -> None:
        self.elected = asyncio.Event()
        self.elected.set()

    async def run(self) -> None:
        """Until cancelled."""
        await asyncio.Event().wait()

    async def release(self) -> None:
        """Nobody waits for it."""
