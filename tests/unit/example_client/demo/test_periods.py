from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from example_client.demo import periods, records
from tests.unit.example_client.demo import runs


def test_before_and_after_are_told_apart() -> None:
    """Each stretch has its own rate, waiting times and reloads."""
    stretches = periods.before_and_after(runs.switched())

    assert stretches is not None
    before, after = stretches
    assert (before.strategy, after.strategy) == ("reload", "demultiplex")
    assert before.samples_per_s == pytest.approx(7.2)  # the answer at 10.0 is no longer before
    assert after.samples_per_s == pytest.approx(32.0, rel=0.03)
    assert before.p50_ms == pytest.approx(1000)
    assert after.p99_ms == pytest.approx(250)
    assert (before.reloads, after.reloads) == (18, 0)


def test_nothing_settled_is_no_after() -> None:
    """A switch that no reading confirmed has no stretch after it."""
    assert periods.before_and_after(replace(runs.switched(), settled=None)) is None
    assert periods.before_and_after(runs.steady()) is None


def test_stall_is_the_longest_pause_of_all_clients() -> None:
    """Another client's answer shortens it, and pauses long before the switch do not count."""
    run = runs.switched()
    other = records.Answer(1, 9.0, 10.5, 1)

    assert periods.stall_around_switch(run) == pytest.approx(1250)
    assert periods.stall_around_switch(replace(run, answers=(*run.answers, other))) == pytest.approx(
        1000
    )


def test_failed_answers_end_no_stall() -> None:
    """A refusal is not an answer that a client was waiting for."""
    run = runs.switched()
    refused = records.Answer(1, 10.0, 10.5, 1, code="UNAVAILABLE")

    assert periods.stall_around_switch(replace(run, answers=(*run.answers, refused))) == pytest.approx(
        1250
    )


def test_reloads_of_a_new_process_count_from_zero() -> None:
    """A server that was replaced begins to count anew, and nothing is lost or negative."""
    readings = (
        records.Reading(0.0, "a", "reload", 7),
        records.Reading(1.0, "a", "reload", 9),
        records.Reading(2.0, "b", "reload", 3),
    )

    assert periods.reloads(readings, 0.0, 3.0) == 5


@given(st.lists(st.tuples(st.floats(0, 20), st.floats(0.01, 5)), max_size=30))
def test_stretches_share_out_all_answers(pairs: list[tuple[float, float]]) -> None:
    """Two stretches that touch count every answer once."""
    answers = [records.Answer(0, start, start + wait, 1) for start, wait in pairs]
    first = periods.answered(answers, 0.0, 12.5)
    second = periods.answered(answers, 12.5, 100.0)

    assert len(first) + len(second) == len(answers)
