"""Whether a switch kept its promise: the same things measured before and after it."""

from dataclasses import dataclass
from enum import StrEnum

from batchwright_operator.policy.choice import Alternative
from batchwright_operator.policy.demand import Demand
from batchwright_operator.policy.pending import Basis, Gains, Measured, PendingCheck
from batchwright_operator.policy.rules import Objective
from batchwright_operator.policy.situation import Situation
from batchwright_server.config.plan import Plan, Strategy

# A gain counts as confirmed from half of what was predicted: before and after are two different
# minutes, and a prediction of capacity is not reached at every load.
CONFIRMED_SHARE = 0.5
# Batch size, concurrency and rate count as similar within this factor; measured minutes of one steady
# load differ by less, and costs per sample change little over it.
SIMILAR_FACTOR = 1.5
# Up to this concurrency a request's time in the server is its own; beyond it, it waits for others as
# well, and work per sample tells more of what the server could take.
ALONE_CONCURRENCY = 1.25
# Reload's shadow may miss this many reloads in a thousand requests before the traffic must have changed.
SIMILAR_RELOADS_PERMILLE = 250
# A check that finds no traffic to look at for this many windows is given up, and the switch stays.
LONGEST_WAIT_WINDOWS = 30
# Gains beyond a thousandfold are bounded, so that a status holds them.
LARGEST_GAIN_PERMILLE = 1_000_000


class Verdict(StrEnum):
    """What a check found."""

    CONFIRMED = "Confirmed"
    MISSED = "Missed"  # less than half of the predicted gain, but no loss
    WORSE = "Worse"
    INCOMPARABLE = "Incomparable"


@dataclass(frozen=True)
class Finding:
    """A verdict with the gains it rests on, in permille (2000: twice as good)."""

    verdict: Verdict
    basis: Basis
    predicted: int
    measured: int


def open_check(situation: Situation, alternative: Alternative) -> PendingCheck:
    """What to judge the switch to `alternative` by, once it is done."""
    predictor, total = situation.predictor, situation.total
    present = predictor.demand(total, situation.state.plan)
    other = predictor.demand(total, alternative.plan)
    is_latency = situation.rules.objective is Objective.LATENCY
    elapsed = present.elapsed(concurrency=total.concurrency, cores=total.cores)
    is_alone = total.concurrency <= ALONE_CONCURRENCY
    is_span_bound = is_alone and present.span / total.concurrency >= elapsed
    before = Measured.of(total)
    return PendingCheck(
        previous=situation.state.plan,
        before=before,
        predicted=_predicted_gains(alternative, present, other, is_latency=is_latency),
        basis=Basis.TIME if is_latency or is_span_bound else Basis.WORK,
        is_rate_telling=before.is_saturated and not is_latency,
        saving_permille=round(1000 * alternative.saving),
        bore_micros=round(1e6 * situation.state.burden_seconds(situation.state.plan, situation.now)),
    )


def compare(check: PendingCheck, after: Measured, *, plan: Plan, min_saving_percent: int) -> Finding:
    """What the measurements before and after the switch to `plan` say of it.

    Worse means by more than half of the saving that is worth a switch; less is not worth going back.
    """
    before = check.before
    basis = _basis(check, after)
    predicted = check.predicted.on(basis)
    measured = _measured_gains(before, after).on(basis)
    tolerance = 1 - min_saving_percent / 200
    if not _is_comparable(before, after, basis=basis, plan=plan):
        verdict = Verdict.INCOMPARABLE
    elif measured < min(1000, predicted) * tolerance:
        verdict = Verdict.WORSE
    elif measured >= min(predicted * tolerance, 1000 + CONFIRMED_SHARE * (predicted - 1000)):
        verdict = Verdict.CONFIRMED
    else:
        verdict = Verdict.MISSED
    return Finding(verdict, basis, predicted, measured)


def _predicted_gains(
    alternative: Alternative, present: Demand, other: Demand, *, is_latency: bool
) -> Gains:
    rate = _permille(alternative.speedup, 1.0)
    return Gains(
        rate=rate,
        work=_permille(present.work, other.work),
        time=rate if is_latency else _permille(present.span, other.span),
    )


def _measured_gains(before: Measured, after: Measured) -> Gains:
    return Gains(
        rate=_permille(after.samples_per_kilosecond, before.samples_per_kilosecond),
        work=_permille(before.work_micros, after.work_micros),
        time=_permille(before.time_micros, after.time_micros),
    )


def _permille(value: float, unit: float) -> int:
    return round(min(1000 * value / unit, LARGEST_GAIN_PERMILLE)) if unit > 0 else 1000


def _basis(check: PendingCheck, after: Measured) -> Basis:
    """Samples per second where there was no capacity to spare and as many clients wait as before.

    An unsaturated server cannot serve more than it is asked for. Time in the server says nothing where
    requests were alone in it before and no longer are.
    """
    if check.is_rate_telling and _is_similar(
        check.before.concurrency_percent, after.concurrency_percent
    ):
        return Basis.RATE
    alone = 100 * ALONE_CONCURRENCY
    if (
        check.basis is Basis.TIME
        and check.before.concurrency_percent <= alone < after.concurrency_percent
    ):
        return Basis.WORK
    return check.basis


def _is_comparable(before: Measured, after: Measured, *, basis: Basis, plan: Plan) -> bool:
    """Whether it is the same traffic, as far as the basis minds."""
    if not _is_similar(before.batch_size_percent, after.batch_size_percent):
        return False
    missed = after.would_reloads_permille - before.would_reloads_permille
    if plan.strategy is Strategy.RELOAD and missed > SIMILAR_RELOADS_PERMILLE:
        return False
    if _is_similar(before.concurrency_percent, after.concurrency_percent):
        return True
    if basis is Basis.WORK:  # at a higher load work per sample is the same, at a lower one idling counts
        return after.samples_per_kilosecond * SIMILAR_FACTOR >= before.samples_per_kilosecond
    return _is_similar(before.samples_per_kilosecond, after.samples_per_kilosecond)


def _is_similar(one: int, other: int) -> bool:
    return max(one, other) <= SIMILAR_FACTOR * min(one, other)
