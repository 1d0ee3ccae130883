"""The decision in one sentence, with its numbers."""

from datetime import UTC, datetime

from batchwright_operator.policy import figures
from batchwright_operator.policy.check import Finding, Verdict
from batchwright_operator.policy.choice import Alternative
from batchwright_operator.policy.pending import Basis
from batchwright_operator.policy.rules import Objective
from batchwright_operator.policy.situation import Situation
from batchwright_operator.policy.state import ModelState
from batchwright_server.config.plan import DEFAULT_STREAMS, Plan, Strategy

TIMES = "\N{MULTIPLICATION SIGN}"
DAY_SECONDS = 86_400


def message(state: ModelState, clause: str, now: float) -> str:
    """Which plan is in place since when, why, and `clause`: what else there is to say now."""
    clauses = "; ".join(part for part in (state.because, clause) if part)
    headline = f"{plan_name(state.plan)} since {moment(state.since, now)}"
    return f"{headline}: {clauses}." if clauses else f"{headline}."


def plan_name(plan: Plan) -> str:
    """The strategy as users write it, with the streams where they are not its usual ones."""
    name = plan.strategy.value.capitalize()
    if plan.sizes:
        name = f"{name} of {_listed(list(map(str, plan.sizes)))}"
    if plan.streams == DEFAULT_STREAMS[plan.strategy]:
        return name
    return f"{name} with {plan.streams.value} {'stream' if plan.streams.value == 'one' else 'streams'}"


def plan_names(plans: tuple[Plan, ...]) -> str:
    """`A, B and C`."""
    return _listed([plan_name(plan) for plan in plans])


def _listed(names: list[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def moment(at: float, now: float) -> str:
    """The time of day in UTC; with the date where it is not within a day of `now`."""
    then = datetime.fromtimestamp(at, tz=UTC)
    time_of_day = f"{then.hour:02}:{then.minute:02}"  # strftime takes ten times as long
    return time_of_day if abs(now - at) < DAY_SECONDS else f"{then:%Y-%m-%d} {time_of_day}"


def grounds(situation: Situation, alternative: Alternative) -> str:
    """Why `alternative` is to serve: what was observed, and what is predicted."""
    return f"{_observed(situation, alternative.plan)}; predicted {gain(situation, alternative)}"


def gain(situation: Situation, alternative: Alternative) -> str:
    """What `alternative` is predicted to be better by."""
    is_latency = situation.rules.objective is Objective.LATENCY
    return _gain(round(1000 * alternative.speedup), Basis.TIME if is_latency else Basis.RATE)


def outcome(finding: Finding) -> str:
    """What a check measured, to go on after `predicted 3.1 times more samples/s`."""
    if finding.verdict is Verdict.INCOMPARABLE:
        return "not measured because the traffic changed"
    text = _gain(finding.measured, finding.basis)
    return f"measured {text.removesuffix(' more samples/s') if _is_times(finding) else text}"


def shown(finding: Finding, pod: str) -> str:
    """What one pod showed beside the others, to go on after `predicted 3.1 times more samples/s`."""
    if finding.verdict is Verdict.INCOMPARABLE:
        return f"which the requests at {pod} could not show"
    return f"{outcome(finding)} on {pod} beside the others"


def disproof(plan: Plan, finding: Finding, *, until: float, now: float) -> str:
    """Why `plan` was left again."""
    return f"{disappointment(plan, finding)}, and rests until {moment(until, now)}"


def disappointment(plan: Plan, finding: Finding) -> str:
    """What `plan` promised, and what it kept."""
    predicted = _gain(finding.predicted, finding.basis)
    measured = _gain(finding.measured, finding.basis)
    return f"{plan_name(plan)} was predicted to give {predicted} but gave {measured}"


def _observed(situation: Situation, plan: Plan) -> str:
    total = situation.total
    seconds = f"{situation.state.history.seconds:.0f} s"
    requests = f"{_count(total.request_count, 'request')} in {seconds}"
    if situation.state.plan.strategy is Strategy.RELOAD and total.reloads:
        share = figures.reload_work_percent(situation)
        return f"{_count(total.reloads, 'reload')} in {seconds} took {share} % of the work"
    if plan.strategy is Strategy.RELOAD:
        return f"{requests} would have made {_count(total.would_reloads, 'reload')}"
    return f"{requests} had {total.mean_batch_size:.1f} samples each"


def _gain(permille: int, basis: Basis) -> str:
    if basis is Basis.RATE:
        return _amount(permille - 1000, permille, ("more", "less"), "samples/s")
    noun = "work per sample" if basis is Basis.WORK else "time in the server per sample"
    less = 1000 - 1_000_000 // max(permille, 1)
    return _amount(less, permille, ("less", "more"), noun)


def _amount(change: int, permille: int, words: tuple[str, str], noun: str) -> str:
    if permille >= 2000:
        return f"{permille / 1000:.1f} {TIMES} {words[0]} {noun}"
    return f"{abs(change) / 10:.0f} % {words[0] if change >= 0 else words[1]} {noun}"


def _is_times(finding: Finding) -> bool:
    return finding.basis is Basis.RATE and min(finding.predicted, finding.measured) >= 2000


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
