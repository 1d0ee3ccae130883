"""Decisions in the situations that a user meets."""

from dataclasses import replace

import pytest

from batchwright_operator.policy.decision import Action, Reason
from batchwright_operator.policy.rules import Mode, Objective, Rules
from tests.unit.operator.policy.samples import (
    DEMULTIPLEX,
    DEMULTIPLEX_PLAN,
    EVEN_PLAN,
    FIXED,
    NOON,
    RELOAD,
    RELOAD_PLAN,
    RULES,
    Desk,
    Pod,
    mixed_on_reload,
    scaled,
    steady,
)


def test_mixed_sizes_on_reload_switch_to_demultiplex_within_a_window() -> None:
    """A reload with every request is left for the demultiplexer, and the promise is kept."""
    desk = Desk()
    desk.serve(Pod(), 100, mixed_on_reload)
    (move,) = desk.moves
    assert (move.action, move.reason) == (Action.SWITCH, Reason.CHEAPER_PLAN)
    assert (move.previous, move.plan) == (RELOAD, DEMULTIPLEX)
    assert desk.decisions.index(move) <= 22
    assert Reason.PREDICTION_CONFIRMED in desk.reasons
    assert desk.reasons[-1] is Reason.ALREADY_BEST


def test_the_switch_says_what_was_observed_and_predicted() -> None:
    """The sentence holds the plan, the time, the reloads, their share and the gain."""
    desk = Desk()
    desk.serve(Pod(), 30, mixed_on_reload)
    (move,) = desk.moves
    assert move.message == (
        "Demultiplex since 12:00: 48 reloads in 9 s took 56 % of the work; "
        "predicted 2.4 \N{MULTIPLICATION SIGN} more samples/s."
    )
    assert move.observed["reloadsPerMinute"] == 320
    assert move.observed["reloadWorkPercent"] == 56
    assert move.observed["concurrencyPercent"] == 400
    assert move.predicted["speedupPercent"] == 243
    assert move.predicted["demultiplexOptimumSamplesPerSecond"] == 93
    assert move.predicted["reloadOneSamplesPerSecond"] == 38


def test_the_sentence_goes_on_telling_why() -> None:
    """While nothing changes, the message says why the plan is in place and what was measured."""
    desk = Desk()
    desk.serve(Pod(), 100, mixed_on_reload)
    assert desk.last.message == (
        "Demultiplex since 12:00: 48 reloads in 9 s took 56 % of the work; "
        "predicted 2.4 \N{MULTIPLICATION SIGN} more samples/s, measured 2.0 \N{MULTIPLICATION SIGN}."
    )


def test_one_steady_size_on_reload_stays() -> None:
    """Where nothing reloads and another plan saves nothing, nothing moves."""
    desk = Desk()
    desk.serve(Pod(costs=(RELOAD_PLAN, EVEN_PLAN)), 200, steady)
    assert desk.moves == []
    assert desk.reasons == [Reason.COLLECTING_WINDOW, Reason.ALREADY_BEST]
    assert desk.last.message == "Reload since 12:00: no other plan is predicted to be better."


def test_a_saving_below_the_least_stays() -> None:
    """Two plans that are about equal are not told apart."""
    desk = Desk()
    desk.serve(Pod(costs=(RELOAD_PLAN, scaled(EVEN_PLAN, 0.96))), 200, steady)
    assert desk.moves == []
    assert desk.last.reason is Reason.SAVING_TOO_SMALL
    assert desk.last.message == (
        "Reload since 12:00: Demultiplex is predicted to give 4 % more samples/s, "
        "which is not surely more than the 5 % asked for."
    )


def test_a_saving_that_varies_too_much_stays() -> None:
    """Five percent on average are not enough when they come and go with the slices."""
    costs = (RELOAD_PLAN, scaled(EVEN_PLAN, 1.08))
    desk = Desk()
    pod = Pod(costs=costs)
    for tick in range(60):
        reloads = 20 if tick % 5 == 0 else 0
        pod = pod.after(3, {8: 30}, reloads=reloads, cpu=30 * 0.182 + reloads * 0.25)
        desk.tick(pod)
    assert desk.moves == []
    assert desk.last.reason is Reason.SAVING_TOO_SMALL
    assert desk.last.predicted["savingPercent"] > RULES.min_saving_percent


def test_a_steady_size_under_demultiplex_goes_back_to_reload() -> None:
    """Where reload is a fifth cheaper and would not reload, it is taken."""
    costs = (scaled(RELOAD_PLAN, 0.8), EVEN_PLAN)
    desk = Desk(plan=DEMULTIPLEX)
    desk.serve(
        Pod(plan=DEMULTIPLEX, costs=costs),
        100,
        lambda pod: pod.after(3, {8: 41 if pod.plan == RELOAD else 33}, would_reloads=0),
    )
    (move,) = desk.moves
    assert (move.reason, move.plan) == (Reason.CHEAPER_PLAN, RELOAD)
    assert "would have made 0 reloads; predicted 25 % more samples/s" in move.message
    assert Reason.PREDICTION_CONFIRMED in desk.reasons


def test_a_wrong_prediction_is_taken_back_and_remembered() -> None:
    """The plan that proved worse is left, told, and not tried again soon."""
    desk = Desk()

    def demultiplex_is_slow(pod: Pod) -> Pod:
        if pod.plan == RELOAD:
            return pod.after(3, {8: 33}, reloads=1)
        return pod.after(3, {8: 25}, would_reloads=1)

    pod = Pod(costs=(RELOAD_PLAN, scaled(EVEN_PLAN, 0.8)))
    desk.serve(pod, 450, demultiplex_is_slow)
    there, back = desk.moves
    assert (there.action, there.plan) == (Action.SWITCH, DEMULTIPLEX)
    assert (back.action, back.reason, back.plan) == (Action.RETURN, Reason.PREDICTION_WRONG, RELOAD)
    assert "gave 24 % less samples/s, and rests until 13:0" in back.message
    assert back.predicted["measuredSpeedupPercent"] == 76
    assert desk.state.factors(desk.now)[DEMULTIPLEX] > 1.5


def test_observe_after_a_switch_says_that_it_would_go_back() -> None:
    """A user who stops the policy in the middle of a check is told what it finds, and keeps the plan."""
    desk = Desk()
    costs = (RELOAD_PLAN, scaled(EVEN_PLAN, 0.8))
    pod = desk.serve(Pod(costs=costs), 14, lambda it: it.after(3, {8: 33}, reloads=1))
    assert desk.state.plan == DEMULTIPLEX
    desk.rules = replace(RULES, mode=Mode.OBSERVE)
    desk.serve(pod, 40, lambda it: it.after(3, {8: 25}, would_reloads=1))
    assert len(desk.moves) == 1
    assert desk.last.reason is Reason.OBSERVE_ONLY
    assert "would go back to Reload: Demultiplex was predicted to give" in desk.last.message


def test_the_first_moments_on_a_new_plan_are_not_held_against_it() -> None:
    """Cold caches after a switch are over before the check looks."""
    desk = Desk()
    pod = desk.serve(Pod(), 4, mixed_on_reload)
    assert desk.state.plan == DEMULTIPLEX
    pod = desk.serve(pod, 4, lambda it: it.after(3, {8: 1}, would_reloads=16))
    desk.serve(pod, 20, mixed_on_reload)
    assert "measured 2.0" in desk.last.message


def test_what_is_remembered_survives_a_restart_of_the_operator() -> None:
    """A restart causes no switch: neither at once nor from lost memories."""
    desk = Desk()
    pod = desk.serve(Pod(), 60, mixed_on_reload)
    restored = type(desk.state).from_status(desk.state.to_status())
    assert restored is not None
    desk.state = restored
    desk.serve(pod, 100, mixed_on_reload)
    assert len(desk.moves) == 1


def test_after_a_switch_the_next_one_waits_for_the_cool_down() -> None:
    """Traffic that turns at once does not turn the plan at once."""
    desk = Desk()
    pod = desk.serve(Pod(costs=(scaled(RELOAD_PLAN, 0.8), EVEN_PLAN)), 40, mixed_on_reload)
    assert desk.state.plan == DEMULTIPLEX
    desk.serve(pod, 200, steady)
    there, back = desk.moves
    assert Reason.COOLING_DOWN in desk.reasons
    elapsed = 3 * (desk.decisions.index(back) - desk.decisions.index(there))
    assert 300 <= elapsed <= 306


@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.PAUSED])
def test_observe_and_paused_move_nothing(mode: Mode) -> None:
    """A user who wants no switch gets none."""
    desk = Desk(rules=replace(RULES, mode=mode))
    desk.serve(Pod(), 100, mixed_on_reload)
    assert desk.moves == []
    assert desk.state.plan == RELOAD


def test_observe_says_what_it_would_do() -> None:
    """A user can watch the policy before trusting it."""
    desk = Desk(rules=replace(RULES, mode=Mode.OBSERVE))
    desk.serve(Pod(), 30, mixed_on_reload)
    assert desk.last.reason is Reason.OBSERVE_ONLY
    assert "would switch to Demultiplex: " in desk.last.message
    assert desk.last.predicted["speedupPercent"] == 243


def test_paused_says_so() -> None:
    """The reason for standing still is the user's own."""
    desk = Desk(rules=replace(RULES, mode=Mode.PAUSED))
    desk.serve(Pod(), 30, mixed_on_reload)
    assert desk.last.reason is Reason.PAUSED
    assert desk.last.message == "Reload since 12:00: switching is paused."


@pytest.mark.parametrize("mode", [Mode.ENFORCE, Mode.OBSERVE])
def test_a_plan_no_longer_allowed_is_left_at_once(mode: Mode) -> None:
    """The user's will needs no window and no numbers."""
    desk = Desk(rules=Rules(candidates=(DEMULTIPLEX,), mode=mode))
    decision = desk.tick(expected=3)
    assert (decision.action, decision.reason) == (Action.SWITCH, Reason.PLAN_NOT_ALLOWED)
    assert decision.plan == DEMULTIPLEX
    assert decision.message == "Demultiplex since 12:00: Reload is not among the candidates."


def test_the_only_plan_allowed_is_kept() -> None:
    """Without a choice there is nothing to decide."""
    desk = Desk(rules=Rules(candidates=(RELOAD,)))
    desk.serve(Pod(), 30, mixed_on_reload)
    assert desk.reasons == [Reason.ALREADY_BEST]


def test_fixed_is_never_chosen() -> None:
    """A plan that refuses other batch sizes is no alternative, however cheap."""
    desk = Desk(rules=Rules(candidates=(RELOAD, FIXED)))
    cheap = replace(scaled(RELOAD_PLAN, 0.1), plan=FIXED)
    desk.serve(Pod(costs=(RELOAD_PLAN, cheap)), 60, mixed_on_reload)
    assert desk.moves == []


def test_without_requests_nothing_is_known() -> None:
    """Silence is no reason to move."""
    desk = Desk()
    desk.serve(Pod(), 60, lambda pod: pod.after(3, {}, concurrency=0, cpu=0.01))
    assert desk.reasons == [Reason.COLLECTING_WINDOW, Reason.NO_TRAFFIC]


def test_a_few_requests_are_too_few() -> None:
    """A handful of requests shows no mix."""
    desk = Desk()
    desk.serve(Pod(), 25, lambda pod: pod.after(3, {3: 1}, reloads=1, concurrency=0.2, cpu=0.5))
    assert desk.reasons == [Reason.COLLECTING_WINDOW, Reason.TOO_FEW_REQUESTS]
    assert "30 are needed" in desk.last.message


def test_a_server_ruined_by_reloads_is_judged_by_the_few_requests_it_lets_through() -> None:
    """Twenty requests a minute are thirty after a while, and each of them reloads."""
    desk = Desk()
    desk.serve(Pod(), 40, lambda pod: pod.after(3, {3: 1}, reloads=1, concurrency=4, cpu=0.5))
    assert [move.plan for move in desk.moves] == [DEMULTIPLEX]


def test_unmeasured_costs_hold() -> None:
    """A candidate without costs is not guessed, and is named."""
    desk = Desk()
    desk.serve(Pod(costs=(RELOAD_PLAN,)), 40, mixed_on_reload)
    assert desk.reasons == [Reason.COLLECTING_WINDOW, Reason.COSTS_UNKNOWN]
    assert "the costs of Demultiplex are not measured" in desk.last.message


def test_without_any_measured_cost_it_holds() -> None:
    """Before a pod has measured anything, not even the plan in place can be weighed."""
    desk = Desk()
    desk.serve(Pod(costs=()), 40, mixed_on_reload)
    assert desk.reasons == [Reason.COLLECTING_WINDOW, Reason.COSTS_UNKNOWN]


def test_a_switch_must_pay() -> None:
    """A plan that takes minutes to prepare needs a loss of minutes first."""
    desk = Desk()
    dear = replace(DEMULTIPLEX_PLAN, prepare_seconds=60.0)
    desk.serve(Pod(costs=(RELOAD_PLAN, dear)), 40, mixed_on_reload)
    assert desk.moves == []
    assert desk.last.reason is Reason.LOSS_TOO_SMALL
    desk.serve(replace(Pod(costs=(RELOAD_PLAN, dear)), process="other"), 120, mixed_on_reload)
    assert len(desk.moves) == 1


def test_missing_pods_hold() -> None:
    """Half of the pods are no quorum; more than half are."""
    desk = Desk()
    pods = [Pod(name=f"pod-{number}") for number in range(2)]
    for _ in range(40):
        pods = [mixed_on_reload(pod) for pod in pods]
        desk.tick(*pods, expected=4)
    assert desk.reasons == [Reason.METRICS_UNREACHABLE]
    assert "2 of 4 pods give fresh numbers, more than half are needed" in desk.last.message
    assert desk.tick(*[mixed_on_reload(pod) for pod in pods], expected=3).action is Action.TRY


def test_stale_numbers_hold() -> None:
    """A document that stands still is as good as none."""
    desk = Desk()
    pod = Pod()
    for _ in range(3):
        pod = mixed_on_reload(pod)
        desk.tick(pod)
    for _ in range(20):
        desk.tick(pod)
    assert desk.moves == []
    assert desk.last.reason is Reason.METRICS_UNREACHABLE


def test_pods_on_two_plans_hold() -> None:
    """While one pod still serves the old plan nothing is decided."""
    desk = Desk()
    one, other = Pod(name="one"), Pod(name="other", plan=DEMULTIPLEX)
    for _ in range(40):
        one, other = mixed_on_reload(one), mixed_on_reload(other)
        desk.tick(one, other)
    assert desk.reasons == [Reason.PODS_UNSETTLED]
    assert "1 of 2 pods serve with it so far" in desk.last.message


def test_a_plan_that_pods_refuse_is_taken_back() -> None:
    """A plan that never comes to serve is not waited for for ever."""
    desk = Desk()
    pod = Pod()
    for _ in range(300):
        pod = mixed_on_reload(pod)
        desk.tick(pod)  # whatever is wanted, the pod stays on reload
    there, back = desk.moves
    assert (back.action, back.reason, back.plan) == (Action.RETURN, Reason.PLAN_REFUSED, RELOAD)
    assert there.plan == DEMULTIPLEX
    assert "0 of 1 pods served Demultiplex after 183 s" in back.message
    assert desk.reasons[-1] is Reason.FAILED_BEFORE
    assert "but was wrong before and rests until 13:03." in desk.last.message


def test_a_counter_reset_moves_nothing_by_itself() -> None:
    """Restarted pods start their slices anew, and a calm model stays calm."""
    desk = Desk()
    pod = Pod(costs=(RELOAD_PLAN, EVEN_PLAN))
    for restart in range(12):
        pod = replace(Pod(costs=pod.costs), process=f"process-{restart}", uptime=1.0)
        for _ in range(7):
            pod = steady(pod)
            desk.tick(pod)
    assert desk.moves == []


def test_a_clock_that_went_back_holds() -> None:
    """A window that cannot be told is collected anew."""
    desk = Desk()
    pod = desk.serve(Pod(), 3, mixed_on_reload)
    desk.now = NOON - 7200
    decision = desk.tick(mixed_on_reload(pod))
    assert decision.reason is Reason.COLLECTING_WINDOW


def test_a_switch_without_traffic_after_it_stays_unjudged() -> None:
    """A check that finds nothing to look at is given up, and the plan stays."""
    desk = Desk(rules=replace(RULES, window_seconds=20))
    pod = desk.serve(Pod(), 4, mixed_on_reload)
    assert desk.state.plan == DEMULTIPLEX
    desk.serve(pod, 220, lambda it: it.after(3, {}, concurrency=0, cpu=0.01))
    assert desk.state.check is None
    assert Reason.TRAFFIC_CHANGED in desk.reasons
    assert len(desk.moves) == 1


def test_latency_prefers_the_plan_that_answers_sooner() -> None:
    """With one client and small batches the shorter span wins, though throughput would too."""
    desk = Desk(rules=replace(RULES, objective=Objective.LATENCY), plan=DEMULTIPLEX)

    def one_client(pod: Pod) -> Pod:
        span = 0.012 if pod.plan == RELOAD else 0.021
        return pod.after(3, {1: 60}, would_reloads=0, concurrency=60 * span / 3, cpu=60 * 0.022)

    desk.serve(Pod(plan=DEMULTIPLEX), 100, one_client)
    (move,) = desk.moves
    assert move.plan == RELOAD
    assert "time in the server per sample" in move.message
    assert Reason.PREDICTION_CONFIRMED in desk.reasons


def test_a_calibration_that_was_disturbed_makes_no_switch() -> None:
    """What the processors really spent shows that the plan in place is not as dear as was measured."""
    desk = Desk()
    disturbed = Pod(costs=(scaled(RELOAD_PLAN, 1.6), EVEN_PLAN))

    desk.serve(disturbed, 200, lambda pod: pod.after(3, {8: 33}, would_reloads=0, cpu=33 * 0.185))

    assert desk.moves == []
    assert desk.last.predicted["speedupPercent"] <= 103


def test_work_that_no_plan_can_save_is_not_held_against_the_plan_in_place() -> None:
    """Python, the network and other models cost too: a dearer window than predicted changes nothing."""
    desk = Desk()

    desk.serve(
        Pod(costs=(RELOAD_PLAN, EVEN_PLAN)),
        200,
        lambda pod: pod.after(3, {8: 10}, cpu=5.9, concurrency=9),
    )

    assert desk.moves == []
    assert desk.last.predicted["speedupPercent"] == 100
