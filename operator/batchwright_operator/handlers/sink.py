"""Where the events of a watch go."""

from collections.abc import Mapping
from typing import Any, Protocol


class Sink(Protocol):
    """Takes objects as the API server sent them. Nothing in it may wait, or fail."""

    def upsert(self, kind: str, raw: Mapping[str, Any]) -> None:
        """The object is there, new or changed or seen again."""
        ...

    def remove(self, kind: str, raw: Mapping[str, Any]) -> None:
        """The object is gone; `raw` is what it was last."""
        ...
