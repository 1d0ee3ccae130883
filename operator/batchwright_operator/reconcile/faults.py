"""What stands against an object of a ModelServer."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """An object that could not be written as it was rendered, with a reason for a condition."""

    kind: str
    name: str
    reason: str
    message: str
    rendered_hash: str
    at: float  # Unix time, seconds
    generation: int = 0  # of the ModelServer that it stands against

    @property
    def key(self) -> tuple[str, str]:
        """Kind and name."""
        return self.kind, self.name


Faults = Mapping[tuple[str, str], Fault]
