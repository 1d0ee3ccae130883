"""What a test orders of the node, in a file that the node reads again whenever it changes."""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Orders:
    """How the node treats its pods."""

    refresh_seconds: float = 0.5  # between looks at a pod's ConfigMaps and Secrets; a real kubelet: 60
    back_off_seconds: float = 0.5  # before the second restart, doubling; a real kubelet: 10
    image_volumes: dict[str, str] = field(default_factory=dict)  # reference: directory
    broken_images: tuple[str, ...] = ()  # references that cannot be pulled


class OrdersFile:
    """The file: written at once by a test, read by the node."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = 0
        self._orders = Orders()

    def write(self, orders: Orders) -> None:
        """Replace what is ordered."""
        staged = self._path.with_suffix(".staged")
        staged.write_text(json.dumps(dataclasses.asdict(orders)))
        staged.replace(self._path)

    def read(self) -> Orders:
        """What is ordered now."""
        changed = self._path.stat().st_mtime_ns
        if changed != self._seen:
            document = json.loads(self._path.read_text())
            document["broken_images"] = tuple(document["broken_images"])
            self._orders, self._seen = Orders(**document), changed
        return self._orders
