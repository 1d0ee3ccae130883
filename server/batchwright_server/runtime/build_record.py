"""What was being built when the process died, so that the next one starts with what fits.

A process that takes more memory than it may is killed without a word. So before a strategy is built that
is written down, and when it serves, that it did; and so for each size while it is compiled. A death in
between counts against the strategy and the size if memory was nearly used up then, or if it is the
second in a row; any other kill counts for nothing. A size that it counts against is not compiled again
within the same limit.
"""

import threading

from pydantic import ValidationError

from batchwright_server.config.frozen import Tolerant
from batchwright_server.config.plan import Plan, Strategy, Streams
from batchwright_server.config.signals import PlanName
from batchwright_server.core.tensors import BatchRange, Compilable, InputShapes
from batchwright_server.runtime import ports

_DEATHS = 2  # in a row, which are no coincidence
_MOST_SIZES = 64  # that are remembered, the latest


class SizeAttempt(Tolerant):
    """A size that was compiled within a limit of so many bytes; shapes in place of a batch range."""

    streams: Streams
    limit_bytes: int
    least: int = 0
    most: int | None = None
    shapes: tuple[tuple[str, tuple[int, ...]], ...] = ()

    @classmethod
    def of(cls, size: Compilable, streams: Streams, limit_bytes: int) -> "SizeAttempt":
        """The form on file of `size`."""
        if isinstance(size, InputShapes):
            return cls(streams=streams, limit_bytes=limit_bytes, shapes=size.by_input)
        return cls(streams=streams, limit_bytes=limit_bytes, least=size.least, most=size.most)

    @property
    def size(self) -> Compilable:
        """What was to be compiled."""
        return InputShapes(self.shapes) if self.shapes else BatchRange(self.least, self.most)


class BuildState(Tolerant):
    """What is on file; `building` and `compiling` are None while that is not being done."""

    fitted: PlanName | None = None
    building: PlanName | None = None
    compiling: SizeAttempt | None = None
    was_tight: bool = False
    deaths: int = 0
    killers: tuple[SizeAttempt, ...] = ()  # the process died of them


class BuildRecord:
    """The record of one version; a store that keeps nothing makes it forget, no more. Any thread."""

    def __init__(self, store: ports.TrialStore, key: str) -> None:
        self._store = store
        self._key = key
        self._one_at_a_time = threading.Lock()
        self._state = _parse(store.load(key))
        self._suspect: Plan | None = None
        if self._state.building is not None or self._state.compiling is not None:
            self._note_death(self._state.building, self._state.compiling)

    @property
    def killers(self) -> tuple[SizeAttempt, ...]:
        """The sizes that are not to be compiled within the limits that they had."""
        return self._state.killers

    def fallback(self, wanted: Plan) -> Plan | None:
        """What to start with instead of `wanted`; None: with `wanted`."""
        fitted = self._state.fitted.plan if self._state.fitted else None
        if self._suspect != wanted or fitted is None or fitted == wanted:
            return None
        takes_any = Strategy.FIXED not in (wanted.strategy, fitted.strategy)
        return fitted if takes_any else None

    def begin(self, plan: Plan) -> None:
        """Note that `plan` is being built."""
        self._change(building=PlanName.of(plan), was_tight=False)

    def note_tight(self) -> None:
        """Note that memory is nearly used up; of no interest while nothing is being built."""
        state = self._state
        if (state.building or state.compiling) is not None and not state.was_tight:
            self._change(was_tight=True)

    def begin_size(self, attempt: SizeAttempt) -> None:
        """Note that a size is being compiled."""
        self._change(compiling=attempt)

    def end_size(self, *, fits: bool) -> None:
        """Note that the size was compiled, or that it could not be and nothing died of it."""
        attempt = self._state.compiling
        killers = self._state.killers
        if fits and attempt is not None:
            killers = tuple(killer for killer in killers if killer.size != attempt.size)
        news: dict[str, object] = {"compiling": None, "killers": killers}
        if self._state.building is None:
            news |= {"was_tight": False, "deaths": 0}
        self._change(**news)

    def end(self, plan: Plan, *, fits: bool) -> None:
        """Note that `plan` serves, or that it could not be had and nothing died of it."""
        fitted = PlanName.of(plan) if fits else self._state.fitted
        self._change(building=None, was_tight=False, deaths=0, fitted=fitted)

    def _note_death(self, building: PlanName | None, compiling: SizeAttempt | None) -> None:
        deaths, killers = self._state.deaths + 1, self._state.killers
        if self._state.was_tight or deaths >= _DEATHS:
            self._suspect = building.plan if building else None
            killers = (*killers, compiling)[-_MOST_SIZES:] if compiling else killers
        self._change(building=None, compiling=None, was_tight=False, deaths=deaths, killers=killers)

    def _change(self, **news: object) -> None:
        with self._one_at_a_time:
            self._state = self._state.model_copy(update=news)
            self._store.save(self._key, self._state.model_dump_json().encode())


def _parse(text: bytes | None) -> BuildState:
    try:
        return BuildState.model_validate_json(text) if text else BuildState()
    except ValidationError:  # another release wrote it
        return BuildState()
