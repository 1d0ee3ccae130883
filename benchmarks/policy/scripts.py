"""What clients ask for: a script of requests that all plans are given alike."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from batchwright_server.config.plan import Plan


@dataclass(frozen=True, slots=True)
class Item:
    """One request: its batch size, the client's pause after the answer, how many clients there are."""

    size: int
    pause: float
    clients: int
    window: int  # which window of the script it belongs to


class Script(Protocol):
    """Requests in their order; clients take the next one when they are free."""

    def next(self, plan: Plan) -> Item | None:
        """The next request; `plan` is in place, which only an adversary looks at. None: the end."""


class Tape:
    """A script known before."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._items = iter(items)

    def next(self, plan: Plan) -> Item | None:
        return next(self._items, None)


class Adversary:
    """Asks for what suits the plan in place least, and keeps what it asked for."""

    def __init__(self, worst: Callable[[int, Plan], Item | None]) -> None:
        self._worst = worst
        self.items: list[Item] = []

    def next(self, plan: Plan) -> Item | None:
        item = self._worst(len(self.items), plan)
        if item is not None:
            self.items.append(item)
        return item
