"""Telling how long each stage of a request takes, to whoever wants to know; by default nobody does."""

from collections.abc import Mapping
from types import TracebackType
from typing import Protocol, Self

Fact = str | int | float


class Stage(Protocol):
    """A part of a request's time, from entering to leaving; a child of the stage it was made in."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def note(self, facts: Mapping[str, Fact]) -> None:
        """Add what became known meanwhile."""


class Tracer(Protocol):
    """Makes stages."""

    def request(self, name: str, headers: Mapping[str, str | bytes]) -> Stage:
        """The whole of a request; within the trace that its headers name (W3C `traceparent`)."""

    def stage(self, name: str, facts: Mapping[str, Fact]) -> Stage:
        """A part of the request that runs in the present context."""


class _Nothing:
    """Takes no notice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None

    def note(self, facts: Mapping[str, Fact]) -> None:
        """Forget `facts`."""


NOTHING: Stage = _Nothing()


class NoTracer:
    """The tracer of a server that is not traced."""

    def request(self, name: str, headers: Mapping[str, str | bytes]) -> Stage:
        """Nothing."""
        return NOTHING

    def stage(self, name: str, facts: Mapping[str, Fact]) -> Stage:
        """Nothing."""
        return NOTHING
