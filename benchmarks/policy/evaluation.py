"""One trace for one model: what every plan costs, what the policy costs, and what hindsight would."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from batchwright_operator.policy.rules import Rules
from batchwright_server.config.plan import Plan
from benchmarks.policy import optimum, replay
from benchmarks.policy.profiles import Profile
from benchmarks.policy.replay import Move, Outcome, Setup
from benchmarks.policy.scripts import Adversary, Script, Tape
from benchmarks.policy.serving import Limits
from benchmarks.policy.traces import Trace


@dataclass(frozen=True)
class Case:
    """What is to be evaluated."""

    trace: Trace
    profile: Profile
    candidates: tuple[Plan, ...]  # the first is where the model starts
    seed: int
    limits: Limits = field(default_factory=Limits)

    @property
    def setup(self) -> Setup:
        """How it is run."""
        return Setup(self.profile, self.limits, self.seed)

    def script(self) -> Script:
        """The trace from its beginning."""
        return self.trace.script(self.profile, self.candidates, self.seed)


@dataclass(frozen=True)
class Result:
    """What came of a case; costs are busy seconds, by the script's windows."""

    trace: str
    model: str
    seed: int
    start: Plan
    fixed: Mapping[Plan, Sequence[float]]
    policy: Outcome
    path: optimum.Path

    @property
    def best(self) -> Plan:
        """The best fixed plan in hindsight."""
        return optimum.best_fixed(self.fixed)

    @property
    def regret(self) -> float:
        """The policy's cost beyond the best fixed plan's, as a share of that."""
        return self.policy.total / sum(self.fixed[self.best]) - 1

    @property
    def settled(self) -> int:
        """The first window after the one in which the policy moved first; 0 where it never did.

        Until then the policy had no evidence, and the plan in place was somebody else's choice.
        """
        return self.policy.moves[0].window + 1 if self.policy.moves else 0

    @property
    def settled_regret(self) -> float:
        """The regret over the windows from `settled` on, against the plan that is best for those."""
        best = min(sum(costs[self.settled :]) for costs in self.fixed.values())
        return sum(self.policy.windows[self.settled :]) / best - 1 if best > 0 else 0.0

    @property
    def start_seconds(self) -> float:
        """What the windows before `settled` cost beyond the best plan's."""
        before = slice(self.settled)
        return sum(self.policy.windows[before]) - sum(self.fixed[self.best][before])

    @property
    def over_start(self) -> float:
        """The policy's cost as a multiple of the starting plan's."""
        return self.policy.total / sum(self.fixed[self.start])

    @property
    def over_optimum(self) -> float:
        """The policy's cost as a multiple of the optimum's, switches included."""
        return self.policy.total / self.path.cost

    @property
    def windows(self) -> int:
        """How long the script is."""
        return len(self.policy.windows)


def evaluate(case: Case, rules: Rules | None = None) -> Result:
    """Run the policy, then every plan on the very same requests."""
    chosen = rules or Rules(candidates=case.candidates)
    script = case.script()
    policy = replay.run_policy(case.setup, script, chosen)
    fixed = {plan: _fixed(case, script, plan) for plan in case.candidates}
    switching = {plan: case.profile.plans[plan].prepare_work / case.profile.cores for plan in fixed}
    return Result(
        trace=case.trace.name,
        model=case.profile.name,
        seed=case.seed,
        start=case.candidates[0],
        fixed=fixed,
        policy=policy,
        path=optimum.best_path(fixed, switching),
    )


def _fixed(case: Case, script: Script, plan: Plan) -> Sequence[float]:
    """What the plan costs on what the policy was asked: an adversary's questions depend on that."""
    asked = Tape(script.items) if isinstance(script, Adversary) else case.script()
    return replay.run_fixed(case.setup, asked, plan).windows


__all__ = ["Case", "Move", "Result", "evaluate"]
