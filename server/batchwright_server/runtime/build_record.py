"""What was being built when the process died, so that the next one starts with what fits.

A process that takes more memory than it may is killed without a word. So before a strategy is built that
is written down, and when it serves, that it did. A death in between counts against the strategy if
memory was nearly used up then, or if it is the second in a row; any other kill counts for nothing.
"""

from pydantic import ValidationError

from batchwright_server.config.frozen import Tolerant
from batchwright_server.config.plan import Plan, Strategy
from batchwright_server.config.signals import PlanName
from batchwright_server.runtime import ports

_DEATHS = 2  # in a row, which are no coincidence


class BuildState(Tolerant):
    """What is on file; `building` is None while nothing is being built."""

    fitted: PlanName | None = None
    building: PlanName | None = None
    was_tight: bool = False
    deaths: int = 0


class BuildRecord:
    """The record of one version; a store that keeps nothing makes it forget, no more."""

    def __init__(self, store: ports.TrialStore, key: str) -> None:
        self._store = store
        self._key = key
        self._state = _parse(store.load(key))
        self._suspect: Plan | None = None
        if (building := self._state.building) is not None:
            deaths = self._state.deaths + 1
            if self._state.was_tight or deaths >= _DEATHS:
                self._suspect = building.plan
            self._change(building=None, was_tight=False, deaths=deaths)

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
        if self._state.building is not None and not self._state.was_tight:
            self._change(was_tight=True)

    def end(self, plan: Plan, *, fits: bool) -> None:
        """Note that `plan` serves, or that it could not be had and nothing died of it."""
        fitted = PlanName.of(plan) if fits else self._state.fitted
        self._change(building=None, was_tight=False, deaths=0, fitted=fitted)

    def _change(self, **news: object) -> None:
        self._state = self._state.model_copy(update=news)
        self._store.save(self._key, self._state.model_dump_json().encode())


def _parse(text: bytes | None) -> BuildState:
    try:
        return BuildState.model_validate_json(text) if text else BuildState()
    except ValidationError:  # another release wrote it
        return BuildState()
