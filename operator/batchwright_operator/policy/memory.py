"""What checks have taught: plans that failed, and by how much a plan's measured costs were wrong.

A lesson about buckets holds whatever their sizes.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from batchwright_operator.policy import fields
from batchwright_operator.policy.rules import Rules
from batchwright_server.config.plan import Plan

# A failed plan rests for this many cool-downs (an hour by default), doubled with every further failure:
# each try costs two switches and a spell on a worse plan, so tries must become rare soon.
FAILURE_COOLDOWNS = 12
# Eight doublings of an hour are ten days; longer than that, the world has changed anyway.
MOST_FAILURES = 8
# A failure predicted a small saving; a saving this much larger is another case and may be tried.
ANOTHER_CASE_FACTOR = 2
LONGEST_WHY = 200
# The factor by which a check corrects a plan's costs stays believable.
CORRECTION_PERMILLE = (250, 4000)
# A lesson halves in a day: machines, neighbours and models change.
CORRECTION_HALF_LIFE_SECONDS = 86_400
BURDEN_HALF_LIFE_SECONDS = 86_400


@dataclass(frozen=True)
class Failure:
    """A plan that was tried and was worse, or was refused by the pods."""

    plan: Plan
    count: int
    until: int  # unix seconds
    saving_permille: int  # what had been predicted
    why: str = ""  # what kept a pod from serving with it at all; empty: it was only worse

    def blocks(self, saving: float, *, rules: Rules, now: float) -> bool:
        """Whether the plan is still left alone, although it is predicted to save that share."""
        is_resting = 0 < self.until - now <= _rest_seconds(self.count, rules)
        is_another_case = 1000 * saving >= ANOTHER_CASE_FACTOR * self.saving_permille
        return is_resting and (bool(self.why) or not is_another_case)

    def to_status(self) -> dict[str, object]:
        """The persisted form."""
        return {
            "plan": str(self.plan),
            "count": self.count,
            "until": self.until,
            "savingPermille": self.saving_permille,
            "why": self.why,
        }

    @classmethod
    def from_status(cls, document: fields.Document) -> "Failure":
        """The failure that was persisted. Raises UnreadableField."""
        return cls(
            plan=fields.parse_plan(document, "plan"),
            count=min(fields.parse_count(document, "count"), MOST_FAILURES),
            until=fields.parse_whole(document, "until"),
            saving_permille=fields.parse_whole(document, "savingPermille"),
            why=fields.parse_text({"why": "", **document}, "why")[:LONGEST_WHY],
        )


@dataclass(frozen=True)
class Correction:
    """A factor on a plan's costs, learnt at a moment and fading since."""

    plan: Plan
    permille: int
    at: int  # unix seconds

    def factor(self, now: float) -> float:
        """What to multiply the plan's costs by now; 1 where nothing is left of it."""
        age = max(0.0, now - self.at)
        return float(1 + (self.permille / 1000 - 1) * 0.5 ** (age / CORRECTION_HALF_LIFE_SECONDS))

    def to_status(self) -> dict[str, object]:
        """The persisted form."""
        return {"plan": str(self.plan), "permille": self.permille, "at": self.at}

    @classmethod
    def from_status(cls, document: fields.Document) -> "Correction":
        """The correction that was persisted. Raises UnreadableField."""
        return cls(
            plan=fields.parse_plan(document, "plan"),
            permille=_believable(fields.parse_whole(document, "permille")),
            at=fields.parse_whole(document, "at"),
        )


@dataclass(frozen=True)
class Burden:
    """What the last stay with a plan cost beyond the best other one before it was left.

    Going back risks as much again, since a turn of the traffic is noticed no sooner: it has to be
    earned.
    """

    plan: Plan
    micros: int
    at: int  # unix seconds

    def seconds(self, now: float) -> float:
        """What is left of it now."""
        age = max(0.0, now - self.at)
        return float(self.micros / 1e6 * 0.5 ** (age / BURDEN_HALF_LIFE_SECONDS))

    def to_status(self) -> dict[str, object]:
        """The persisted form."""
        return {"plan": str(self.plan), "micros": self.micros, "at": self.at}

    @classmethod
    def from_status(cls, document: fields.Document) -> "Burden":
        """The burden that was persisted. Raises UnreadableField."""
        return cls(
            plan=fields.parse_plan(document, "plan"),
            micros=fields.parse_count(document, "micros"),
            at=fields.parse_whole(document, "at"),
        )


def burden(
    burdens: Iterable[Burden], plan: Plan, *, micros: int, is_soon: bool, now: float
) -> tuple[Burden, ...]:
    """The burdens once `plan` is left after losing so much.

    `is_soon`: it was left soon after a switch to it. Its burden then more than doubles, so that stays
    which go wrong one after the other become rare; otherwise half of what it bore is forgotten.
    """
    known = {it.plan: it for it in burdens}
    plan = plan.base
    last = known.pop(plan, None)
    before = last.seconds(now) * 1e6 if last else 0.0
    bears = round(micros + 2 * before) if is_soon and micros else max(micros, round(before / 2))
    return (*known.values(), Burden(plan, bears, int(now))) if bears else tuple(known.values())


def remember(
    failures: Iterable[Failure], plan: Plan, *, saving_permille: int, rules: Rules, now: float
) -> tuple[Failure, ...]:
    """The failures with one more; a plan's record is forgotten after as long a time as it rested."""
    known = {failure.plan: failure for failure in failures}
    plan = plan.base
    last = known.pop(plan, None)
    is_recent = last is not None and now < last.until + _rest_seconds(last.count, rules)
    count = min((last.count if last and is_recent else 0) + 1, MOST_FAILURES)
    until = int(now) + _rest_seconds(count, rules)
    return (*known.values(), Failure(plan, count, until, saving_permille))


def rule_out(
    failures: Iterable[Failure], plan: Plan, *, why: str, rules: Rules, now: float
) -> tuple[Failure, ...]:
    """The failures with a plan that a pod cannot serve with: it rests, whatever it promises.

    To try it again may end the process again.
    """
    others = tuple(failure for failure in failures if failure.plan != plan.base)
    until = int(now) + _rest_seconds(MOST_FAILURES, rules)
    return (*others, Failure(plan.base, MOST_FAILURES, until, 0, why[:LONGEST_WHY]))


def correct(
    corrections: Iterable[Correction], plan: Plan, *, ratio: float, now: float
) -> tuple[Correction, ...]:
    """The corrections with `plan`'s multiplied by `ratio`: how much dearer it was than predicted."""
    known = {correction.plan: correction for correction in corrections}
    plan = plan.base
    last = known.pop(plan, None)
    factor = ratio * (last.factor(now) if last else 1.0)
    return (*known.values(), Correction(plan, _believable(round(1000 * factor)), int(now)))


def _rest_seconds(count: int, rules: Rules) -> int:
    unit = max(rules.cooldown_seconds, rules.window_seconds)
    return int(FAILURE_COOLDOWNS * unit * 2 ** (max(count, 1) - 1))


def _believable(permille: int) -> int:
    least, most = CORRECTION_PERMILLE
    return min(max(permille, least), most)
