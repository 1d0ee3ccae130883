"""Sheets as the live page draws them, made up."""

from batchwright_operator.local.page.latency import Latency
from batchwright_operator.local.page.sheets import (
    Change,
    ModelSheet,
    Moment,
    PlanCosts,
    ServerSheet,
    Sheet,
)
from batchwright_operator.local.rates import Rates
from batchwright_server.config.plan import Plan, Strategy

NOW = 1_800_000_000.0
RELOAD, DEMULTIPLEX = Plan.of(Strategy.RELOAD), Plan.of(Strategy.DEMULTIPLEX)
SENTENCE = (
    "Demultiplex since 07:58: 26 reloads in 20 s took 41 % of the work; "
    "predicted 2.7 \N{MULTIPLICATION SIGN} more samples/s."
)


def make_sheet(*, sentence: str = SENTENCE, faults: tuple[str, ...] = ()) -> Sheet:
    """One object with one model, which was switched two minutes ago."""
    return Sheet(
        NOW, (ServerSheet("vision", "vision: gRPC at 127.0.0.1:9000", "", (_model(sentence),)),), faults
    )


def _model(sentence: str) -> ModelSheet:
    return ModelSheet(
        name="resnet",
        plan=DEMULTIPLEX,
        since="2027-01-15T07:58:00Z",
        state="version 1 available",
        is_well=True,
        sentence=sentence,
        reason="CheaperPlan",
        rates=Rates(9.2, 78.1, 0.0, 431.0),
        latency=Latency(410.0, 980.0),
        queue_depth=0,
        reloads=27,
        failures=0,
        padding_percent=0.0,
        sizes={size: 10 + (size * 7) % 11 for size in range(1, 17)},
        plans=_plans(),
        moments=tuple(_moment(ago) for ago in range(240, -1, -2)),
        changes=(Change(NOW - 120, "reload/one", "demultiplex/optimum", sentence),),
    )


def _moment(ago: int) -> Moment:
    is_late = ago <= 120
    samples = (72.0 if is_late else 24.0) + (ago * 37) % 9
    return Moment(NOW - ago, samples, 0.0 if is_late else 120.0, DEMULTIPLEX if is_late else RELOAD)


def _plans() -> tuple[PlanCosts, ...]:
    return (
        PlanCosts(
            DEMULTIPLEX, True, 79, 201.3, 110.2, 198.0, {1: 14.2, 4: 30.1, 16: 118.4}, "calibration"
        ),
        PlanCosts(RELOAD, False, 29, 171.0, 290.5, None, {1: 12.0, 4: 28.8, 16: 104.9}, "traffic"),
    )
