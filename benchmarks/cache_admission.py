"""Which share of requests finds its size compiled: the server's rules of staying beside plain LRU.

python -m benchmarks.cache_admission
"""

import random
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence

from batchwright_server.core.residency import Bounds, Residency

REQUESTS = 20_000
ENTRIES = (1, 2, 4, 8)


def lru_hits(stream: Sequence[int], entries: int) -> float:
    """The share of hits of a cache that keeps what was used last."""
    kept: OrderedDict[int, None] = OrderedDict()
    hits = 0
    for size in stream:
        hits += size in kept
        kept[size] = None
        kept.move_to_end(size)
        if len(kept) > entries:
            kept.popitem(last=False)
    return hits / len(stream)


def residency_hits(stream: Sequence[int], entries: int) -> float:
    """The share of hits under the server's rules."""
    residency = Residency(Bounds(entries))
    hits = 0
    for size in stream:
        residency.note(size)
        if size in residency:
            hits += 1
        else:
            residency.admit(size)
    return hits / len(stream)


def zipf(rng: random.Random, count: int = REQUESTS) -> list[int]:
    """32 sizes, the n-th asked for with a weight of 1 / n."""
    sizes = range(1, 33)
    return rng.choices(sizes, [1 / size for size in sizes], k=count)


def cyclic(rng: random.Random, count: int = REQUESTS) -> list[int]:
    """Half of the requests from three steady clients, half from one that cycles through 16 sizes."""
    cycle = 0
    stream = []
    for _ in range(count):
        if rng.random() < 0.5:
            stream.append(rng.choice((1, 4, 8)))
        else:
            stream.append(100 + cycle % 16)
            cycle += 1
    return stream


def shifting(rng: random.Random, count: int = REQUESTS) -> list[int]:
    """Three sizes at a time, others after each 500 requests."""
    return [1 + 3 * (index // 500 % 40) + rng.randrange(3) for index in range(count)]


def bursts(rng: random.Random, count: int = REQUESTS) -> list[int]:
    """Runs of 1 to 20 requests of one size, of 24 sizes in no order: what LRU is best at."""

    def draw() -> Iterator[int]:
        while True:
            yield from [rng.randrange(24)] * rng.randint(1, 20)

    drawn = draw()
    return [next(drawn) for _ in range(count)]


STREAMS: dict[str, Callable[[random.Random, int], list[int]]] = {
    "zipf": zipf,
    "cyclic": cyclic,
    "shifting": shifting,
    "bursts": bursts,
}


def main() -> None:
    """Print the shares."""
    print(f"{'stream':10} {'entries':>7} {'LRU':>7} {'by frequency':>13}")  # noqa: T201
    for name, draw in STREAMS.items():
        stream = draw(random.Random(1), REQUESTS)  # noqa: S311  no secret
        for entries in ENTRIES:
            pair = lru_hits(stream, entries), residency_hits(stream, entries)
            print(f"{name:10} {entries:7} {pair[0]:7.3f} {pair[1]:13.3f}")  # noqa: T201


if __name__ == "__main__":
    main()
