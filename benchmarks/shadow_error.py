"""How far `would_reload_total` is from `reloads_total`, on a real server that reloads.

python -m benchmarks.shadow_error [--requests 150]

For several numbers of clients and sizes of the cache: random batch sizes, each client one request after
the other. The shadow runs beside the real queue and knows nothing of it but how long reloads took.
"""

import argparse
import asyncio
import random
import tempfile
from pathlib import Path

import numpy as np

from tests.support import models, serving

CLIENTS = (1, 2, 4, 8, 16)
ENTRIES = (1, 4)
SIZES = 8
WIDTH = 256


async def measure(folder: Path, clients: int, entries: int, requests: int) -> tuple[int, int]:
    """The reloads that were counted by the shadow, and those that were made."""
    batching = {
        "strategy": "reload",
        "reload": {"compiled_cache": {"max_entries": entries}, "queue": {"max_wait_seconds": 60}},
        "calibration": {"enabled": True},
    }
    config = serving.document(serving.model_config("m", folder / "m", batching=batching))
    place = folder / f"{clients}-{entries}"
    place.mkdir()
    async with serving.serve(place, config) as server:

        async def ask(seed: int) -> None:
            drawn = random.Random(seed)  # noqa: S311  no secret
            for _ in range(requests // clients):
                rows = drawn.randint(1, SIZES)
                await server.client.predict("m", x=np.full((rows, WIDTH), 0.5, np.float32))

        await asyncio.gather(*(ask(seed) for seed in range(clients)))
        counters = (await server.model_signals("m")).counters
    return counters.would_reloads, counters.reloads


async def run(requests: int) -> None:
    """Print a line for each case."""
    print(f"{'clients':>7} {'entries':>7} {'shadow':>7} {'real':>6} {'error':>8}")  # noqa: T201
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models.save(models.deep(layers=30, width=WIDTH), folder / "m")
        for entries in ENTRIES:
            for clients in CLIENTS:
                counted, real = await measure(folder, clients, entries, requests)
                error = 100 * (counted - real) / max(1, real)
                print(f"{clients:7} {entries:7} {counted:7} {real:6} {error:+7.1f} %", flush=True)  # noqa: T201


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=150, help="of all clients together")
    asyncio.run(run(parser.parse_args().requests))


if __name__ == "__main__":
    main()
