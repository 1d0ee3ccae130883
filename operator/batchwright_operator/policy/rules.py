"""What the user asked of the policy for one model."""

from dataclasses import dataclass

from batchwright_operator.resources.batching import Mode, Objective
from batchwright_server.config.plan import Plan

__all__ = ["Mode", "Objective", "Rules"]  # the first two are what users write, as they write it


@dataclass(frozen=True)
class Rules:
    """The plans allowed, and how sure and how patient the policy is.

    Raises ValueError without candidates or for a number out of its range.
    """

    candidates: tuple[Plan, ...]
    """In the user's order; the first is taken when the plan in place is not among them."""

    bucket_sizes: tuple[int, ...] = ()
    """What buckets are compiled for; a request of another size is padded or split to fit them."""

    most_buckets: int = 0
    """How many sizes the policy may choose for buckets; 0: they are the user's, `bucket_sizes`."""

    max_batch_size: int = 10_000
    """The largest batch size, and so the largest bucket."""

    split_entries: int = 0
    """Of a reload that splits requests of other sizes: how many sizes it keeps; 0: requests wait."""

    mode: Mode = Mode.ENFORCE
    objective: Objective = Objective.THROUGHPUT

    window_seconds: int = 60
    """How far back traffic counts: long enough for a mix to show, short enough to follow a change."""

    cooldown_seconds: int = 300
    """Quiet after a switch, five windows by default; doubles when a switch is soon reversed."""

    min_saving_percent: int = 5
    """The least saving worth a switch, about what the costs of two plans can be told apart by."""

    min_requests: int = 30
    """The fewest requests in a window that show a mix of batch sizes."""

    loss_multiple: int = 2
    """Switch when the loss exceeds this many times the switch's own cost.

    Two bounds the regret of waiting and of switching by the same amount (ski rental, there and back).
    """

    switches_per_hour: int = 6
    """More than that is no adaptation: each switch compiles, and makes a window of numbers worthless."""

    settle_seconds: int = 180
    """How long pods may take to serve a new plan before it counts as refused: a volume's refresh by the
    kubelet takes up to 90 s, a large model's compilation as much again."""

    def allows(self, plan: Plan | None) -> bool:
        """Whether `plan` is a candidate, or one with sizes that the policy may choose."""
        if plan in self.candidates:
            return True
        is_chosen = plan is not None and self.candidate_like(plan) is not None and bool(plan.sizes)
        return plan is not None and is_chosen and self._fits(plan.sizes)

    def candidate_like(self, plan: Plan) -> Plan | None:
        """The candidate that is `plan` but for its sizes."""
        return next((it for it in self.candidates if it.base == plan.base), None)

    def _fits(self, sizes: tuple[int, ...]) -> bool:
        return len(sizes) <= self.most_buckets and max(sizes) <= self.max_batch_size

    def __post_init__(self) -> None:
        if not self.candidates:
            raise ValueError("candidates: expected at least one plan, got none; name the plans allowed")
        least = {
            "window_seconds": 1,
            "cooldown_seconds": 0,
            "min_saving_percent": 0,
            "min_requests": 1,
            "loss_multiple": 1,
            "switches_per_hour": 1,
            "settle_seconds": 1,
        }
        for name, bound in least.items():
            value = getattr(self, name)
            if value < bound:
                raise ValueError(f"{name}: expected at least {bound}, got {value}")
