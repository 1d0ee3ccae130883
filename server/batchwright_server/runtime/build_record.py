"""What was being built when the process died, so that the next one starts with what fits.

A process that takes more memory than it may is killed without a word. So before a strategy is built that
is written down, and when it serves, that it did; and so for each size while it is compiled. A death in
between counts against the strategy and the size if memory was nearly used up then, or if the process
died at the same once before, whatever it did well in the meantime; any other kill counts for nothing.
Buckets of other sizes are another strategy here: the sizes are what takes the memory.
A size that it counts against is not compiled again within the same limit.
"""

import threading
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator, ValidationError

from batchwright_server.config.frozen import Tolerant
from batchwright_server.config.plan import Plan, Strategy, Streams
from batchwright_server.core.tensors import BatchRange, Compilable, InputShapes
from batchwright_server.runtime import ports

_MOST = 64  # sizes that are remembered, the latest


def _read_plan(value: object) -> Plan:
    return Plan.parse(str(value))


PlanOnFile = Annotated[Plan, PlainValidator(_read_plan), PlainSerializer(str)]


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

    fitted: PlanOnFile | None = None
    building: PlanOnFile | None = None
    compiling: SizeAttempt | None = None
    was_tight: bool = False
    died_building: tuple[PlanOnFile, ...] = ()  # once each, which may be a coincidence
    died_compiling: tuple[SizeAttempt, ...] = ()
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
        return self.last_fitted(wanted) if self._suspect == wanted else None

    def last_fitted(self, wanted: Plan) -> Plan | None:
        """What served last, where it can take the place of `wanted`."""
        fitted = self._state.fitted
        if fitted is None or fitted == wanted:
            return None
        takes_any = Strategy.FIXED not in (wanted.strategy, fitted.strategy)
        return fitted if takes_any else None

    def begin(self, plan: Plan) -> None:
        """Note that `plan` is being built."""
        self._change(building=plan, was_tight=False)

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
        state = self._state
        news: dict[str, object] = {"compiling": None}
        if fits and state.compiling is not None:
            news["killers"] = _without(state.killers, state.compiling)
            news["died_compiling"] = _without(state.died_compiling, state.compiling)
        if state.building is None:
            news["was_tight"] = False
        self._change(**news)

    def end(self, plan: Plan, *, fits: bool) -> None:
        """Note that `plan` serves, or that it could not be had and nothing died of it."""
        state = self._state
        news: dict[str, object] = {"building": None, "was_tight": False}
        if fits:
            rest = tuple(other for other in state.died_building if other != plan)
            news |= {"fitted": plan, "died_building": rest}
        self._change(**news)

    def _note_death(self, building: Plan | None, compiling: SizeAttempt | None) -> None:
        state = self._state
        news: dict[str, object] = {"building": None, "compiling": None, "was_tight": False}
        if building is not None and (state.was_tight or building in state.died_building):
            self._suspect = building
        elif building is not None:
            news["died_building"] = (*state.died_building, building)
        if compiling is not None and (state.was_tight or compiling in state.died_compiling):
            news["killers"] = (*state.killers, compiling)[-_MOST:]
        elif compiling is not None:
            news["died_compiling"] = (*state.died_compiling, compiling)[-_MOST:]
        self._change(**news)

    def _change(self, **news: object) -> None:
        with self._one_at_a_time:
            self._state = self._state.model_copy(update=news)
            self._store.save(self._key, self._state.model_dump_json().encode())


def _without(attempts: tuple[SizeAttempt, ...], fitting: SizeAttempt) -> tuple[SizeAttempt, ...]:
    return tuple(attempt for attempt in attempts if attempt.size != fitting.size)


def _parse(text: bytes | None) -> BuildState:
    try:
        return BuildState.model_validate_json(text) if text else BuildState()
    except ValidationError:  # another release wrote it
        return BuildState()
