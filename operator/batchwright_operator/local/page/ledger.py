"""What the page keeps of the runs it was given, and the sheet that follows from it."""

from collections import deque
from collections.abc import Iterator

from batchwright_operator.controller.run import Run
from batchwright_operator.controller.tuning import Tuned
from batchwright_operator.local.addresses import ready_addresses
from batchwright_operator.local.page import costs
from batchwright_operator.local.page.drawings import LONGEST_SECONDS
from batchwright_operator.local.page.looks import Looks, find_model
from batchwright_operator.local.page.sheets import Change, ModelSheet, Moment, ServerSheet, Sheet
from batchwright_operator.local.trouble import find_trouble
from batchwright_operator.resources.status import ModelStatus

_MOST_CHANGES = 20  # of each model


class _Model:
    """One model's past."""

    def __init__(self) -> None:
        self.moments: deque[Moment] = deque()
        self.changes: deque[Change] = deque(maxlen=_MOST_CHANGES)

    def add(self, moment: Moment, message: str) -> None:
        last = self.moments[-1].plan if self.moments else moment.plan
        if last != moment.plan:
            self.changes.append(Change(moment.at, str(last), str(moment.plan), message))
        self.moments.append(moment)
        while self.moments[0].at < moment.at - LONGEST_SECONDS:
            self.moments.popleft()


class _Object:
    """One object: its last run, and its models' past."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.looks = Looks()
        self.models: dict[str, _Model] = {}

    def add(self, run: Run) -> None:
        self.run = run
        self.looks.add(run.at, run.reports)
        names = [item.model.name for item in run.tuned]
        self.models = {name: self.models.get(name) or _Model() for name in names}
        told = {event.model: event.message for event in run.events if event.to_plan}
        for item in run.tuned:
            rates = self.looks.rates(item.model.name)
            moment = Moment(run.at, rates.samples, rates.reloads_per_minute, item.plan)
            self.models[item.model.name].add(moment, told.get(item.model.name, "As the user chose."))


class Ledger:
    """Runs go in, the sheet comes out."""

    def __init__(self) -> None:
        self._objects: dict[str, _Object] = {}
        self._faults: dict[str, str] = {}

    def add(self, run: Run) -> None:
        """What a run found; the fault of its object is mended."""
        name = run.server.name
        self._faults.pop(name, None)
        self._objects.setdefault(name, _Object(run)).add(run)

    def forget(self, name: str) -> None:
        """An object is gone."""
        self._objects.pop(name, None)
        self._faults.pop(name, None)

    def complain(self, text: str, about: str) -> None:
        """A fault, until it is mended."""
        self._faults[about] = text

    def settle(self, about: str) -> None:
        """That fault is mended."""
        self._faults.pop(about, None)

    def sheet(self, at: float) -> Sheet:
        """All of it, at Unix time `at`."""
        servers = tuple(_to_server(kept) for kept in self._objects.values())
        return Sheet(at, servers, tuple(self._faults.values()))


def _to_server(kept: _Object) -> ServerSheet:
    run, trouble = kept.run, find_trouble(kept.run.status)
    return ServerSheet(
        name=run.server.name,
        addresses=ready_addresses(run),
        trouble=trouble,
        models=tuple(_to_model(kept, item, is_well=not trouble) for item in run.tuned),
    )


def _to_model(kept: _Object, item: Tuned, *, is_well: bool) -> ModelSheet:
    name, looks = item.model.name, kept.looks
    known = kept.run.status.model(name)
    found = [model for report in kept.run.reports.values() if (model := find_model(report, name))]
    past = kept.models[name]
    return ModelSheet(
        name=name,
        plan=item.plan,
        since=known.since if known is not None else "",
        state=", ".join(_states(known)) or "starting",
        is_well=is_well,
        sentence=item.decision.message if item.decision is not None else "",
        reason=item.decision.reason.value if item.decision is not None else "",
        rates=looks.rates(name),
        latency=looks.latency(name),
        queue_depth=sum(model.queue_depth for model in found),
        reloads=sum(model.counters.reloads for model in found),
        failures=looks.failures(name),
        padding_percent=looks.padding_percent(name),
        sizes=looks.sizes(name),
        plans=costs.plan_costs(item, kept.run.reports),
        moments=tuple(past.moments),
        changes=tuple(past.changes),
    )


def _states(known: ModelStatus | None) -> Iterator[str]:
    versions = known.versions if known is not None else ()
    yield from (f"version {one.version} {one.state.lower()}" for one in versions)
