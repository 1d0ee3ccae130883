"""What a pod that tries a plan did, compared with what the others did at the same time."""

from dataclasses import replace

from batchwright_operator.policy import check, evidence, traffic
from batchwright_operator.policy.canary import Canary, Trial
from batchwright_operator.policy.check import Finding, Verdict
from batchwright_operator.policy.history import LONGEST_GAP_WINDOWS, Window
from batchwright_operator.policy.pending import Basis, Measured
from batchwright_operator.policy.readings import Reading
from batchwright_operator.policy.rules import Objective
from batchwright_operator.policy.situation import WARM_UP_WINDOW_SHARE, Situation
from batchwright_operator.policy.traffic import Traffic

# Half a window is enough if both sides served enough requests; a window after the pod began to serve
# with the plan, its first quarter left out, what is known has to do.
ENOUGH_WINDOWS, MOST_WINDOWS = 0.5, 1.0 - WARM_UP_WINDOW_SHARE
FEWEST_REQUESTS = 10
# A pod that hardly finishes anything is stuck where its requests take this many times as long.
STUCK_FACTOR = 4


def extend(situation: Situation, canary: Canary, reading: Reading) -> Trial:
    """What both sides did, with the new readings; begun anew where it was not looked at for long."""
    rules, now, trial = situation.rules, situation.now, canary.trial
    gap = now - trial.tried.at if trial.tried.at is not None else -1.0
    if not 0 <= gap <= LONGEST_GAP_WINDOWS * rules.window_seconds:
        trial = Trial(since=now)
    others = {pod: it for pod, it in situation.readings.items() if pod != canary.pod}
    reach = Window(rules.window_seconds)
    return replace(
        trial,
        tried=trial.tried.extended({canary.pod: reading}, plan=canary.plan, now=now, window=reach),
        beside=trial.beside.extended(others, plan=situation.state.plan, now=now, window=reach),
    )


def find(situation: Situation, canary: Canary) -> Finding | None:
    """What the trial shows; None while it has to go on."""
    rules, trial = situation.rules, canary.trial
    since = trial.since if trial.since is not None else situation.now
    is_late = situation.now - since >= MOST_WINDOWS * rules.window_seconds
    one, many = (traffic.total(it.by_pod.values()) for it in (trial.tried, trial.beside))
    fewest = min(one.request_count, many.request_count)
    seconds = min(trial.tried.seconds, trial.beside.seconds)
    slices = min(len(trial.tried.slices), len(trial.beside.slices))
    is_full = seconds >= ENOUGH_WINDOWS * rules.window_seconds and slices >= evidence.FEWEST_SLICES
    if not is_late and not (is_full and fewest >= rules.min_requests):
        return None
    if fewest < FEWEST_REQUESTS:
        return _stuck(canary, one, many)
    finding = _compared(situation, canary, one, many)
    return finding if is_late or finding.verdict is not Verdict.INCOMPARABLE else None


def _compared(situation: Situation, canary: Canary, one: Traffic, many: Traffic) -> Finding:
    beside = Measured.of(many)
    is_latency = situation.rules.objective is Objective.LATENCY
    pending = replace(
        canary.check, before=beside, is_rate_telling=beside.is_saturated and not is_latency
    )
    least = situation.rules.min_saving_percent
    return check.compare(pending, Measured.of(one), plan=canary.plan, min_saving_percent=least)


def _stuck(canary: Canary, one: Traffic, many: Traffic) -> Finding:
    """Too few requests were finished to compare them; those that do not come back show all the same."""
    has_peers = many.request_count >= FEWEST_REQUESTS
    usual = Measured.of(many).time_micros if has_peers else canary.check.before.time_micros
    taken = Measured.of(one).time_micros
    is_busy = one.seconds > 0 and one.in_flight_seconds >= one.seconds / 2
    predicted = canary.check.predicted.time
    if is_busy and usual > 0 and taken >= STUCK_FACTOR * usual:
        return Finding(Verdict.WORSE, Basis.TIME, predicted, 1000 * usual // taken)
    return Finding(Verdict.INCOMPARABLE, Basis.TIME, predicted, 1000)
