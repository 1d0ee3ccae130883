"""Plays a node: `python -m tests.support.cluster.kubelet KUBECONFIG NODE DIRECTORY`."""

import asyncio
import signal
import sys
from contextlib import suppress
from pathlib import Path

import aiohttp

from tests.support.cluster.apiclient import ApiClient
from tests.support.cluster.kubelet.addresses import AddressBook
from tests.support.cluster.kubelet.noderegistration import keep_registered
from tests.support.cluster.kubelet.orders import OrdersFile
from tests.support.cluster.kubelet.podworker import Node
from tests.support.cluster.kubelet.scheduledpods import ScheduledPods


async def run(kubeconfig: Path, name: str, home: Path) -> None:
    """Play the node until SIGTERM."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    # Probes go to an address and take any certificate, as a kubelet's do.
    connector = aiohttp.TCPConnector(ssl=False, force_close=True, limit=0)
    async with ApiClient(kubeconfig) as api, aiohttp.ClientSession(connector=connector) as http:
        orders = OrdersFile(home / "orders.json")
        book = AddressBook(home / "addresses.json")
        pods = ScheduledPods(Node(name, home, api, http, orders.read, book))
        tasks = {asyncio.create_task(keep_registered(api, name)), asyncio.create_task(pods.follow())}
        waiting = asyncio.create_task(stopped.wait())
        try:
            await asyncio.wait({*tasks, waiting}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*tasks, waiting):
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks)  # raises what ended one of them


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
