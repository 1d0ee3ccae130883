"""The request that the present context works for: its id, and what is learned of it on the way.

Kept in a context variable, so that logs and traces need no parameter on every path. Tasks that a request
starts inherit it; a task that serves several requests starts without.
"""

from contextvars import ContextVar, Token
from dataclasses import dataclass, field

from batchwright_server.runtime import tracing


@dataclass(eq=False)
class Scope:
    """One request on its way; what is not known (yet) is empty."""

    id: str
    tracer: tracing.Tracer = field(default_factory=tracing.NoTracer)
    protocol: str = ""
    model: str = ""
    version: int = 0
    batch_size: int | None = None
    queue_seconds: float = 0.0  # all its waits for reloads, added up


_current: ContextVar[Scope | None] = ContextVar("scope", default=None)


def current() -> Scope | None:
    """The request of this context; None outside of any."""
    return _current.get()


def enter(scope: Scope) -> Token[Scope | None]:
    """Work for `scope` from now on, until `leave`."""
    return _current.set(scope)


def leave(token: Token[Scope | None]) -> None:
    """Work for what was before `enter`."""
    _current.reset(token)


def note_target(protocol: str, model: str, version: int) -> None:
    """Learn which model this context's request is for."""
    if (scope := _current.get()) is not None:
        scope.protocol, scope.model, scope.version = protocol, model, version


def stage(name: str, **facts: tracing.Fact) -> tracing.Stage:
    """A stage of this context's request, to be told to its tracer."""
    scope = _current.get()
    return tracing.NOTHING if scope is None else scope.tracer.stage(name, facts)
