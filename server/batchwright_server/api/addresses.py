"""Where to listen: addresses on the command line, and ports that get in each other's way."""

import itertools
from collections.abc import Mapping

Place = tuple[int, tuple[str, ...]]  # a port, 0 for none, and the addresses it is opened at


def parse_addresses(text: str) -> tuple[str, ...]:
    """The addresses of `::1,127.0.0.1,localhost`, each once. Raises ValueError."""
    addresses = [address.strip().removeprefix("[").removesuffix("]") for address in text.split(",")]
    if not all(addresses):
        raise ValueError(f"expected addresses with commas between them, got {text!r}")
    return tuple(dict.fromkeys(addresses))


def find_clash(places: Mapping[str, Place]) -> tuple[str, str] | None:
    """The names of two places that are the same port at the same address; None if there are none."""
    for (one, (port, hosts)), (other, (taken, theirs)) in itertools.combinations(places.items(), 2):
        if port and port == taken and not {*hosts}.isdisjoint(theirs):
            return one, other
    return None
