"""Before and after."""

from dataclasses import replace

import pytest

from batchwright_operator.policy import check
from batchwright_operator.policy.check import Verdict
from batchwright_operator.policy.pending import Basis, Gains, Measured, PendingCheck
from batchwright_operator.policy.traffic import Traffic
from tests.unit.operator.policy.samples import DEMULTIPLEX, RELOAD

BEFORE = Measured(
    samples_per_kilosecond=40_000,
    work_micros=50_000,
    time_micros=100_000,
    concurrency_percent=400,
    batch_size_percent=850,
    would_reloads_permille=900,
    is_saturated=True,
)
PENDING = PendingCheck(
    previous=RELOAD,
    before=BEFORE,
    predicted=Gains(rate=3000, work=2400, time=1500),
    basis=Basis.WORK,
    is_rate_telling=True,
    saving_permille=667,
)


def compared(after: Measured, pending: PendingCheck = PENDING) -> check.Finding:
    """What a switch to demultiplex is found to be."""
    return check.compare(pending, after, plan=DEMULTIPLEX, min_saving_percent=5)


@pytest.mark.parametrize(
    ("rate", "verdict"),
    [
        (120_000, Verdict.CONFIRMED),
        (80_000, Verdict.CONFIRMED),
        (79_000, Verdict.MISSED),
        (40_000, Verdict.MISSED),
        (39_100, Verdict.MISSED),
        (38_900, Verdict.WORSE),
    ],
)
def test_half_of_the_gain_confirms_and_a_loss_refutes(rate: int, verdict: Verdict) -> None:
    """Between the two the plan stays, without praise."""
    finding = compared(replace(BEFORE, samples_per_kilosecond=rate))
    assert (finding.verdict, finding.basis) == (verdict, Basis.RATE)
    assert finding.measured == round(rate / 40)


def test_an_unsaturated_server_is_judged_by_its_work() -> None:
    """Nobody can serve more than is asked for."""
    pending = replace(PENDING, is_rate_telling=False)
    finding = compared(replace(BEFORE, work_micros=20_000), pending)
    assert (finding.verdict, finding.basis, finding.measured) == (Verdict.CONFIRMED, Basis.WORK, 2500)
    assert compared(replace(BEFORE, work_micros=60_000), pending).verdict is Verdict.WORSE


def test_a_server_that_caught_up_is_judged_by_its_work() -> None:
    """When the queue has gone, samples per second say only what is asked for."""
    after = replace(
        BEFORE,
        concurrency_percent=100,
        samples_per_kilosecond=60_000,
        work_micros=20_000,
        is_saturated=False,
    )
    finding = compared(after)
    assert (finding.verdict, finding.basis) == (Verdict.CONFIRMED, Basis.WORK)


def test_a_span_bound_server_is_judged_by_time() -> None:
    """Where one client waits for each answer, its waiting time is the cost."""
    pending = replace(PENDING, basis=Basis.TIME, is_rate_telling=False)
    finding = compared(replace(BEFORE, time_micros=70_000), pending)
    assert (finding.verdict, finding.measured) == (Verdict.CONFIRMED, 1429)
    assert compared(replace(BEFORE, time_micros=110_000), pending).verdict is Verdict.WORSE


def test_other_batch_sizes_cannot_be_compared() -> None:
    """A sample costs another share of a larger request."""
    assert compared(replace(BEFORE, batch_size_percent=500)).verdict is Verdict.INCOMPARABLE


def test_an_emptier_server_cannot_be_compared() -> None:
    """At a small load idling counts for work."""
    after = replace(BEFORE, concurrency_percent=100, samples_per_kilosecond=10_000, work_micros=90_000)
    assert compared(after).verdict is Verdict.INCOMPARABLE


def test_a_traffic_that_turned_mixed_does_not_refute_reload() -> None:
    """Reload is blamed for the reloads it hid, not for sizes that came later."""
    calm = replace(PENDING, before=replace(BEFORE, would_reloads_permille=0), previous=DEMULTIPLEX)
    worse = replace(BEFORE, samples_per_kilosecond=20_000, would_reloads_permille=900)
    finding = check.compare(calm, worse, plan=RELOAD, min_saving_percent=5)
    assert finding.verdict is Verdict.INCOMPARABLE
    hidden = check.compare(
        calm, replace(worse, would_reloads_permille=100), plan=RELOAD, min_saving_percent=5
    )
    assert hidden.verdict is Verdict.WORSE


def test_saturation_is_of_the_cores_or_of_the_compiler() -> None:
    """Reloads one after the other leave no capacity, even with idle cores."""
    calm = Traffic(10, {8: 10}, 10, 0, 0.0, 0, 5.0, 20.0)
    assert not Measured.of(calm).is_saturated
    assert Measured.of(replace(calm, cpu_seconds=17.0)).is_saturated
    assert Measured.of(replace(calm, reload_seconds=8.5)).is_saturated


def test_nothing_is_measured_from_nothing() -> None:
    """No traffic gives zeros, not a division by zero."""
    assert Measured.of(Traffic()).samples_per_kilosecond == 0
