"""What trying a model out has shown, kept for a restart: a server that died is not to measure again.

Results belong to the files, the device and the plans they were measured with; with any of these changed
they are not found.
"""

from pydantic import ValidationError

from batchwright_server.config import digest, signals
from batchwright_server.config.batching import Batching
from batchwright_server.config.frozen import Tolerant
from batchwright_server.runtime import calibration, ports


class TrialResults(Tolerant):
    """The costs of the plans that were tried, and why batches cannot be split (None: not tried)."""

    costs: tuple[signals.PlanCost, ...]
    reload: signals.ReloadCost | None
    tried: tuple[signals.PlanName, ...]
    demultiply_fault: str | None

    @classmethod
    def of(cls, costs: calibration.Costs, demultiply_fault: str | None) -> "TrialResults":
        """What was measured and found out."""
        tried = tuple(map(signals.PlanName.of, sorted(costs.tried)))
        return cls(
            costs=costs.plans, reload=costs.reload, tried=tried, demultiply_fault=demultiply_fault
        )

    def to_costs(self) -> calibration.Costs:
        """The costs, as they were measured."""
        return calibration.Costs(self.costs, self.reload, frozenset(name.plan for name in self.tried))


class TrialMemory:
    """The results of one version; `identity` is all that they depend on besides the batching."""

    def __init__(self, store: ports.TrialStore, identity: tuple[object, ...]) -> None:
        self._store = store
        self._identity = identity

    def recall(self, batching: Batching) -> TrialResults | None:
        """The results for these plans; None where they are not known."""
        text = self._store.load(self._key(batching))
        if text is None:
            return None
        try:
            return TrialResults.model_validate_json(text)
        except ValidationError:  # another release wrote it
            return None

    def keep(self, batching: Batching, results: TrialResults) -> None:
        """Keep the results for these plans."""
        self._store.save(self._key(batching), results.model_dump_json().encode())

    def key_of(self, what: str) -> str:
        """A key for something else that belongs to this version."""
        return digest.digest(repr((self._identity, what)).encode())

    def _key(self, batching: Batching) -> str:
        plans = sorted(map(str, batching.plans))
        blocks = batching.fixed, batching.dynamic, batching.buckets, batching.coalesce
        parts = plans, batching.max_batch_size, *blocks
        return digest.digest(repr((self._identity, parts)).encode())
