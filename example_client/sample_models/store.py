"""The folder that keeps the products: each is there as a whole, or not at all.

A product is built in a folder beside its place and moved in; a stamp, written last, tells which builder
made it, so that another builder's product is built again.
"""

import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from example_client.sample_models import products

_STAMPS = ".built"


@dataclass(frozen=True)
class Store:
    """Products in `root`, made by the builder named `builder`."""

    root: Path
    builder: str

    def is_complete(self, product: products.Product) -> bool:
        """Whether this builder's product is here with all its files."""
        stamp = self._stamp(product)
        if not stamp.is_file() or stamp.read_text("utf-8") != self.builder:
            return False
        return all((self.root / path).exists() for path in product.paths)

    def build(self, product: products.Product, watcher: products.Watcher) -> None:
        """The product, built anew and moved in. Whatever fails before that changes nothing here."""
        self.root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".building-", dir=self.root) as work:
            fresh, stale = Path(work, "fresh"), Path(work, "stale")
            fresh.mkdir()
            stale.mkdir()
            product.build(fresh, watcher)
            self._stamp(product).unlink(missing_ok=True)
            for path in product.paths:
                _exchange(fresh / path, self.root / path, stale / path)
        self._stamp(product).parent.mkdir(exist_ok=True)
        self._stamp(product).write_text(self.builder, "utf-8")

    def _stamp(self, product: products.Product) -> Path:
        return self.root / _STAMPS / product.name


def builder_of(folder: Path) -> str:
    """A name for the builder whose sources are the modules in `folder`: it changes when they do."""
    digest = hashlib.sha256()
    for module in sorted(folder.glob("*.py")):
        if not module.name.startswith("__"):  # the program around the builder changes no product
            digest.update(module.name.encode() + b"\0" + module.read_bytes())
    return digest.hexdigest()


def _exchange(fresh: Path, place: Path, stale: Path) -> None:
    if place.exists():
        place.rename(stale)  # a server that has the old files open keeps them
    shutil.move(fresh, place)
