"""The ranges that measured figures have to be in: `benchmarks/ranges.yaml`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

FILE = Path(__file__).with_name("ranges.yaml")


@dataclass(frozen=True)
class Range:
    """A figure's mean on the machine that the file names, and how far above it is still good."""

    mean: float
    margin: float

    @property
    def most(self) -> float:
        """The largest figure that is good; smaller is always better."""
        return self.mean + self.margin


def load_ranges(benchmark: str, file: Path = FILE) -> dict[str, Range]:
    """The ranges of one benchmark, by figure."""
    document: Mapping[str, Mapping[str, Mapping[str, float]]] = yaml.safe_load(file.read_text())
    return {name: Range(**item) for name, item in document[benchmark].items()}


def find_outside(figures: Mapping[str, float], ranges: Mapping[str, Range]) -> list[str]:
    """A sentence for each figure that is missing or out of its range."""
    missing = [f"{name} was not measured" for name in ranges if name not in figures]
    return missing + [
        f"{name}: {figures[name]:.4g}, more than {found.most:.4g}"
        for name, found in ranges.items()
        if figures.get(name, 0.0) > found.most
    ]
