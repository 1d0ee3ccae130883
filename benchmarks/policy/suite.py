"""Which cases are run, and running them side by side."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

from batchwright_server.config.plan import Plan, Strategy, Streams
from benchmarks.policy import evaluation, held_out, profiles, traces
from benchmarks.policy.evaluation import Case, Result
from benchmarks.policy.serving import Limits
from benchmarks.policy.traces import Trace

SEED = 1
HELD_OUT_SEED = 1001
# What users get by default; the adversary's two plans are each better than the other for some traffic.
USUAL = tuple(
    Plan.of(strategy) for strategy in (Strategy.RELOAD, Strategy.DEMULTIPLEX, Strategy.DYNAMIC)
)
RIVALS = (Plan.of(Strategy.RELOAD), Plan(Strategy.DEMULTIPLEX, Streams.OPTIMUM))


def cases() -> tuple[Case, ...]:
    """Every trace for every model, and the held-out ones after them."""
    models = tuple(profiles.load_profiles().values())
    usual = [_case(trace, model, SEED) for trace in traces.TRACES for model in models]
    others = [_case(trace, model, HELD_OUT_SEED) for trace in held_out.TRACES for model in models]
    again = [
        _case(trace, next(iter(models)), HELD_OUT_SEED)
        for trace in traces.TRACES
        if not trace.is_adversarial
    ]
    return (*usual, *others, *again)


def run(chosen: Sequence[Case], processes: int) -> Iterator[Result]:
    """The results in the order of the cases, each as soon as it and those before it are there."""
    if processes == 1:
        yield from map(evaluation.evaluate, chosen)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(_evaluate_named, [_name(case) for case in chosen])


def _case(trace: Trace, profile: profiles.Profile, seed: int) -> Case:
    candidates = RIVALS if trace.is_adversarial else USUAL
    return Case(trace, profile, candidates, seed, Limits())


def _name(case: Case) -> tuple[str, str, int]:
    return case.trace.name, case.profile.name, case.seed


def _evaluate_named(name: tuple[str, str, int]) -> Result:
    """Traces are functions, which do not travel between processes: a worker looks its case up."""
    return evaluation.evaluate(next(case for case in cases() if _name(case) == name))
