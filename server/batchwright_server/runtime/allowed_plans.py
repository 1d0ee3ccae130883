"""Which plan a model starts on where several are candidates and it does not allow all of them.

A model whose batch cannot be changed, or whose samples depend on each other, rules some strategies out.
Where the configuration names candidates, whoever wrote it left the choice to be made: the next one
serves, and if none remains, the model as it was saved. Where it names one strategy, that one or nothing.
"""

from batchwright_server import errors
from batchwright_server.config.batching import Batching, Fixed
from batchwright_server.config.plan import Plan, Strategy


class AllowedPlans:
    """The plans that one model was found not to allow, and why."""

    def __init__(self) -> None:
        self._reasons: dict[Plan, str] = {}

    def choose(self, wanted: Batching) -> Batching:
        """`wanted`, else the first candidate that is not ruled out, else the model's own batch size."""
        if not wanted.candidates or wanted.plan not in self._reasons:
            return wanted
        plan = next((plan for plan in wanted.plans if plan not in self._reasons), None)
        if plan is None:
            own = {"strategy": Strategy.FIXED, "streams": None, "fixed": Fixed()}
            return wanted.model_copy(update=own)
        return wanted.with_plan(plan)

    def rule_out(self, wanted: Batching, tried: Batching, error: errors.CompilationFailed) -> bool:
        """Note that `tried` cannot be had; whether anything else can be tried for `wanted`."""
        is_last = tried.strategy is Strategy.FIXED or tried.plan in self._reasons
        if error.is_transient or not wanted.candidates or is_last:
            return False
        self._reasons[tried.plan] = str(error)
        return True

    def explain(self, wanted: Batching, serving: Plan) -> str:
        """Why `serving` serves in place of what is wanted; empty if that serves."""
        if wanted.plan == serving:
            return ""
        return f"{self._reasons.get(wanted.plan, wanted.plan)}; {serving} serves"
