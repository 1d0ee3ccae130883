from dataclasses import replace

import pytest

from example_client.demo import records, verdict
from tests.unit.example_client.demo import runs


def _broken(checks: tuple[verdict.Check, ...]) -> list[str]:
    return [check.promise for check in checks if not check.is_kept]


def test_a_run_as_it_should_be() -> None:
    """One switch, faster afterwards and nothing lost: every promise is kept."""
    assert _broken(verdict.check_mixed(runs.switched())) == []
    assert verdict.speedup(runs.switched()) == pytest.approx(32 / 7.2, rel=0.03)


def test_a_steady_run_must_not_switch() -> None:
    """The same run is a failure where no switch was due, and one without a switch where one was."""
    assert _broken(verdict.check_steady(runs.steady())) == []
    assert _broken(verdict.check_steady(runs.switched())) == ["the policy left the strategy alone"]
    assert len(_broken(verdict.check_mixed(runs.steady()))) == 2


@pytest.mark.parametrize(
    "fault",
    [
        records.Answer(0, 29.0, 29.5, 4, code="UNAVAILABLE"),
        records.Answer(0, 29.0, 29.5, 4, mismatched=1),
    ],
)
def test_one_lost_sample_fails_the_run(fault: records.Answer) -> None:
    """A single refusal, or a single wrong row, breaks a promise."""
    run = runs.switched()

    assert len(_broken(verdict.check_mixed(replace(run, answers=(*run.answers, fault))))) == 1


def test_a_second_switch_fails_the_run() -> None:
    """A policy that goes back has not decided one switch."""
    run = runs.switched()
    back = replace(runs.SWITCH, at=20.0, source="demultiplex/optimum", target="reload/one")

    assert len(_broken(verdict.check_mixed(replace(run, switches=(*run.switches, back))))) == 1
