"""The addresses of pods, and where on loopback each is really reached.

The EndpointSlice API takes no loopback address, so a pod has one of a test range in the cluster's eyes.
Two numbers of the loopback address are drawn, so that nodes of several test runs do not meet. A pod's
own loopback has numbers below those.
"""

import json
import random
from pathlib import Path

NODE_ADDRESS = "10.201.255.254"
_A_BLOCK = 250
_FIRST_OF_PODS = 128


class AddressBook:
    """Gives addresses out, never twice, and keeps the file that maps them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._second = random.randrange(_FIRST_OF_PODS, 255)  # noqa: S311  nothing secret
        self._third = random.randrange(0, 256)  # noqa: S311
        self._known = load_addresses(path)
        self._given = len(self._known)

    def assign(self, wanted: str = "") -> str:
        """A pod address; `wanted`, where it was given out before."""
        if wanted in self._known:
            return wanted
        block, last = divmod(self._given, _A_BLOCK)
        self._given += 1
        address = f"10.201.{block}.{last + 1}"
        self._known[address] = f"127.{self._second}.{(self._third + block) % 256}.{last + 1}"
        staged = self._path.with_suffix(".staged")
        staged.write_text(json.dumps(self._known))
        staged.replace(self._path)
        return address

    def locate(self, address: str) -> str:
        """Where on loopback a pod address is."""
        return self._known[address]


def own_loopback(address: str) -> str:
    """Where on this machine the loopback of a pod is, which alone is the pod's there: no other's."""
    first, second, *rest = address.split(".")
    return ".".join((first, str(int(second) - _FIRST_OF_PODS + 1), *rest))


def load_addresses(path: Path) -> dict[str, str]:
    """What the file says: pod address to loopback address."""
    try:
        found: dict[str, str] = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return found
