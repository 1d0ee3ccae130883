"""What the policy remembers of one model. All but the window's history outlives a restart."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from batchwright_operator.policy import fields, memory
from batchwright_operator.policy.canary import Canary
from batchwright_operator.policy.costs import Gathered
from batchwright_operator.policy.history import History
from batchwright_operator.policy.memory import Burden, Correction, Failure
from batchwright_operator.policy.pending import PendingCheck
from batchwright_operator.policy.rules import Rules
from batchwright_server.config.plan import Plan

VERSION = 1
# The cool-down doubles at most this often: 32 times five minutes are two hours and forty minutes.
MOST_FLAPS = 5
# A reversal within this many cool-downs is a flap, and as many quiet ones halve the cool-down again.
FLAP_COOLDOWNS = 4
# A status is stored and shown whole; a sentence stays a sentence.
LONGEST_SENTENCE = 500
HOUR_SECONDS = 3600
MOST_MOVES = 100  # remembered at once


@dataclass(frozen=True)
class ModelState:
    """The plan wanted for a model, how it came to be, and what bears on the next decision."""

    plan: Plan
    since: int  # unix seconds
    previous: Plan | None = None  # what the last switch left; None before the first
    flaps: int = 0  # how often the cool-down has doubled
    because: str = ""  # why the plan is in place, with its numbers; empty where nobody decided
    losses: Mapping[Plan, int] = field(default_factory=dict)  # microseconds lost against each plan
    tolls: Mapping[Plan, int] = field(default_factory=dict)  # the same, beyond what is worth a switch
    moves: tuple[int, ...] = ()  # when plans changed within the last hour, unix seconds
    burdens: tuple[Burden, ...] = ()
    failures: tuple[Failure, ...] = ()
    corrections: tuple[Correction, ...] = ()
    check: PendingCheck | None = None
    canary: Canary | None = None
    history: History = field(default_factory=History)
    gathered: Gathered = field(default_factory=Gathered, compare=False)  # saves time, no more

    @classmethod
    def initial(cls, plan: Plan, now: float) -> "ModelState":
        """A model of which nothing is known but the plan it has."""
        return cls(plan=plan, since=int(now))

    def having_seen(self, history: History, gathered: Gathered) -> "ModelState":
        """The state after a look. Far quicker than `replace`, for there is one at every look."""
        return _altered(self, {"history": history, "gathered": gathered})

    def having_lost(self, losses: Mapping[Plan, int], tolls: Mapping[Plan, int]) -> "ModelState":
        """The state with other losses, as quickly."""
        return _altered(self, {"losses": losses, "tolls": tolls})

    def not_after(self, now: float) -> "ModelState":
        """The state under a clock that may have gone back: nothing began in the future."""
        kept = self if self.since <= now else replace(self, since=int(now))
        canary = self.canary
        if canary is None or canary.since <= now:
            return kept
        return replace(kept, canary=replace(canary, since=int(now), seen_at=None))

    def is_cooling(self, rules: Rules, now: float, *, is_urgent: bool = False) -> bool:
        """Whether the last switch is too recent for another.

        What flapping adds to the cool-down does not hold up an urgent one.
        """
        seconds = rules.cooldown_seconds if is_urgent else self.cooldown_seconds(rules)
        return self.previous is not None and now - self.since < seconds

    def moves_lately(self, now: float) -> tuple[int, ...]:
        """When plans changed within the last hour."""
        return tuple(at for at in self.moves if 0 <= now - at < HOUR_SECONDS)[-MOST_MOVES:]

    def burden_seconds(self, plan: Plan, now: float) -> float:
        """What going back to `plan` has to earn first."""
        return sum([it.seconds(now) for it in self.burdens if it.plan == plan.base])

    def cooldown_seconds(self, rules: Rules) -> int:
        """How long a switch keeps the next one away; doubled by flapping."""
        return int(rules.cooldown_seconds * 2**self.flaps)

    def factors(self, now: float) -> dict[Plan, float]:
        """What checks have taught of each plan's costs."""
        return {correction.plan: correction.factor(now) for correction in self.corrections}

    def switched(
        self, plan: Plan, *, rules: Rules, now: float, because: str, check: PendingCheck | None = None
    ) -> "ModelState":
        """The state once `plan` is wanted instead; the window starts anew."""
        return replace(
            self,
            plan=plan,
            since=int(now),
            previous=self.plan,
            flaps=self._flaps_after(plan, rules, now),
            because=because[:LONGEST_SENTENCE],
            losses={},
            tolls={},
            moves=(*self.moves_lately(now), int(now)),
            burdens=self._burdens_after(plan, rules, now),
            check=check,
            canary=None,
            history=History(),
        )

    def gone_back(self, *, rules: Rules, now: float, because: str) -> "ModelState":
        """The state once the switch that `check` is about is undone: it was never a reason to leave.

        What the plan that comes back was blamed for when it was left rested on the prediction that
        proved wrong, so it bears what it bore before.
        """
        check = self.check
        if check is None:
            return self
        back = self.switched(check.previous, rules=rules, now=now, because=because)
        others = tuple(it for it in back.burdens if it.plan != check.previous.base)
        bore = Burden(check.previous.base, check.bore_micros, int(now))
        return replace(back, burdens=(*others, bore) if bore.micros else others)

    def forgiving(self) -> "ModelState":
        """The state once the user changed something: what did not fit may fit now."""
        return replace(self, failures=tuple(it for it in self.failures if not it.why))

    def because_of(self, because: str) -> "ModelState":
        """The state with another reason for the plan that stays in place."""
        return replace(self, because=because[:LONGEST_SENTENCE])

    def _burdens_after(self, plan: Plan, rules: Rules, now: float) -> tuple[Burden, ...]:
        """What this plan is to blame for: the most that another one would have saved meanwhile.

        What was lost against a plan because that had to earn its own burden first is not this one's
        fault, whichever of the others it is left for.
        """
        micros = max(0, *(self._blame(other, now) for other in (plan, *self.tolls)))
        is_soon = self._was_left_for(plan) and now - self.since < FLAP_COOLDOWNS * rules.cooldown_seconds
        return memory.burden(self.burdens, self.plan, micros=micros, is_soon=is_soon, now=now)

    def _was_left_for(self, plan: Plan) -> bool:
        return self.previous is not None and self.previous.base == plan.base

    def _blame(self, other: Plan, now: float) -> int:
        return self.tolls.get(other.base, 0) - round(1e6 * self.burden_seconds(other, now))

    def _flaps_after(self, plan: Plan, rules: Rules, now: float) -> int:
        spell = max(1, FLAP_COOLDOWNS * self.cooldown_seconds(rules))
        quiet_spells = max(0, int((now - self.since) // spell))
        if self._was_left_for(plan) and quiet_spells == 0:
            return min(self.flaps + 1, MOST_FLAPS)
        return max(0, self.flaps - quiet_spells)

    def to_status(self) -> dict[str, object]:
        """The persisted form: strings, booleans, integers, lists and mappings of them."""
        document: dict[str, object] = {
            "version": VERSION,
            "plan": str(self.plan),
            "since": self.since,
            "flaps": self.flaps,
            "because": self.because,
            "lossMicros": {str(plan): loss for plan, loss in self.losses.items()},
            "tolls": {str(plan): toll for plan, toll in self.tolls.items()},
            "moves": list(self.moves),
            "burdens": [it.to_status() for it in self.burdens],
            "failures": [failure.to_status() for failure in self.failures],
            "corrections": [correction.to_status() for correction in self.corrections],
        }
        if self.previous is not None:
            document["previous"] = str(self.previous)
        if self.check is not None:
            document["check"] = self.check.to_status()
        if self.canary is not None:
            document["canary"] = self.canary.to_status()
        return document

    @classmethod
    def from_status(cls, document: object) -> "ModelState | None":
        """The state that was persisted, its window empty; None where it cannot be read.

        Keys it does not know are passed over, so that a newer release may be rolled back.
        """
        try:
            return cls._parse(fields.parse_part(document, "policy"))
        except ValueError:
            return None

    @classmethod
    def _parse(cls, document: fields.Document) -> "ModelState | None":
        if fields.parse_whole(document, "version") != VERSION:
            return None
        losses = fields.parse_part(document.get("lossMicros", {}), "lossMicros")
        tolls = fields.parse_part(document.get("tolls", {}), "tolls")
        check, canary = document.get("check"), document.get("canary")
        return cls(
            plan=fields.parse_plan(document, "plan"),
            since=fields.parse_whole(document, "since"),
            previous=fields.parse_plan(document, "previous") if "previous" in document else None,
            flaps=min(fields.parse_count(document, "flaps"), MOST_FLAPS),
            because=fields.parse_text(document, "because")[:LONGEST_SENTENCE],
            losses={Plan.parse(name): fields.parse_count(losses, name) for name in losses},
            tolls={Plan.parse(name): fields.parse_count(tolls, name) for name in tolls},
            moves=fields.parse_wholes(document, "moves")[-MOST_MOVES:],
            burdens=tuple(map(Burden.from_status, fields.parse_parts(document, "burdens"))),
            failures=tuple(map(Failure.from_status, fields.parse_parts(document, "failures"))),
            corrections=tuple(map(Correction.from_status, fields.parse_parts(document, "corrections"))),
            check=None if check is None else PendingCheck.from_status(fields.parse_part(check, "check")),
            canary=None if canary is None else Canary.from_status(fields.parse_part(canary, "canary")),
        )


def _altered(state: ModelState, changes: Mapping[str, object]) -> ModelState:
    """A copy with some fields set, the others not gone through one by one."""
    other = object.__new__(ModelState)
    other.__dict__.update(state.__dict__)
    other.__dict__.update(changes)
    return other
