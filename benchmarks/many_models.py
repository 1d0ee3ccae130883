"""What the decisions for many models cost: `python -m benchmarks.many_models [--models 1000]`.

Each model has a pod that serves mixed sizes, and its signals are read at the interval that is usual for
the default window. Reading them from the wire is told apart: it is the pod client's, not the policy's.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from batchwright_operator.controller import cadence
from batchwright_operator.pods.readings import to_scrape
from batchwright_operator.policy.decide import decide
from batchwright_operator.policy.decision import Action
from batchwright_operator.policy.rules import Rules
from batchwright_operator.policy.state import ModelState
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_server.config.plan import Plan, Strategy
from batchwright_server.config.signals import (
    ConfigState,
    CostPoint,
    ModelCounters,
    ModelSignals,
    PlanCost,
    PlanName,
    ReloadCost,
    Signals,
)

CANDIDATES = (Plan.of(Strategy.RELOAD), Plan.of(Strategy.DEMULTIPLEX), Plan.of(Strategy.DYNAMIC))
SIZES = (1, 2, 3, 4, 5, 7, 8, 9, 12, 16)
MOST_CORES = 0.1
NOON = 1_800_014_400.0


@dataclass
class Spent:
    """Seconds of processor, and what they were spent on."""

    parsing: float = 0.0
    deciding: float = 0.0
    decisions: int = 0
    switches: int = 0


def main() -> int:
    """The exit code: 1 if the decisions cost more than a tenth of a core."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--ticks", type=int, default=40, help="of which the first window is not counted")
    options = parser.parse_args()
    interval = interval_seconds()
    spent = measure(options.models, options.ticks, interval)
    cores = spent.deciding / spent.decisions * options.models / interval
    parsing = spent.parsing / spent.decisions * options.models / interval
    print(  # noqa: T201
        f"{options.models} models every {interval:.0f} s: {cores:.3f} cores for decisions "
        f"({1e6 * spent.deciding / spent.decisions:.0f} us each), {parsing:.3f} for reading signals; "
        f"{spent.switches} switches"
    )
    return 0 if cores < MOST_CORES * options.models / 1000 else 1


def interval_seconds() -> float:
    """Between two looks at a ModelServer with the usual window."""
    model = {"name": "m", "source": {"pvc": {"claimName": "models"}}}
    metadata = {"name": "vision"}
    kind = {"apiVersion": "batchwright.dev/v1alpha1", "kind": "ModelServer", "metadata": metadata}
    server = ModelServer.model_validate({**kind, "spec": {"models": [model]}})
    return cadence.tick_seconds(server)


def measure(models: int, ticks: int, interval: float) -> Spent:
    """What `models` cost in so many ticks, from when their windows are full."""
    spent, rules, now = Spent(), Rules(candidates=CANDIDATES), NOON
    states = [ModelState.initial(CANDIDATES[0], now) for _ in range(models)]
    warm = int(rules.window_seconds / interval) + 1
    for tick in range(1, max(ticks, warm + 1) + 1):
        now += interval
        body = signals(tick, interval).model_dump_json().encode()
        for number in range(models):
            begun = time.process_time()
            reports = {"pod": Signals.model_validate_json(body)}
            parsed = time.process_time()
            scrape = to_scrape("m", reports, 1)
            states[number], decision = decide(rules, states[number], scrape, now)
            decided = time.process_time()
            if tick > warm:
                spent.parsing += parsed - begun
                spent.deciding += decided - parsed
                spent.decisions += 1
            spent.switches += decision.action is Action.SWITCH
    return spent


def signals(tick: int, interval: float) -> Signals:
    """What a pod says after so many ticks of mixed sizes that reload, but not enough to leave it."""
    seconds = tick * interval
    counters = ModelCounters(
        requests=dict.fromkeys(SIZES, 10 * tick),
        failed_requests=0,
        samples=10 * tick * sum(SIZES),
        in_flight_seconds=3.0 * seconds,
        reloads=tick // 10,
        reload_seconds=0.2 * (tick // 10),
        queue_wait_seconds=0.0,
        would_reloads=tick // 10,
    )
    model = ModelSignals(
        name="m",
        version=1,
        state="AVAILABLE",
        plan=PlanName.of(CANDIDATES[0]),
        counters=counters,
        costs=tuple(_costs()),
        reload_cost=ReloadCost(work_seconds=0.25, span_seconds=0.21),
    )
    return Signals(
        process="p1",
        uptime_seconds=seconds,
        cpu_seconds=1.5 * seconds,
        cores=2,
        ready=True,
        config=ConfigState(hash="", rejected_hash="", error=""),
        models=(model,),
    )


def _costs() -> Iterator[PlanCost]:
    for place, plan in enumerate(CANDIDATES):
        points = tuple(
            CostPoint(
                batch_size=size,
                work_seconds=(1 + place / 50) * (0.001 + 0.003 * size),
                span_seconds=(1 + place / 50) * (0.001 + 0.0015 * size),
            )
            for size in (1, 4, 16)
        )
        yield PlanCost(plan=PlanName.of(plan), prepare_seconds=0.3, points=points, source="calibration")


if __name__ == "__main__":
    sys.exit(main())
