"""What the policy says of one model."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from batchwright_server.config.plan import Plan


class Action(StrEnum):
    """What is to be done."""

    HOLD = "Hold"
    TRY = "Try"  # on one pod, beside the others, which go on as they are
    SWITCH = "Switch"
    RETURN = "Return"  # from a plan that proved wrong: after a switch, or on the pod that tried it


class Reason(StrEnum):
    """Why, in a word that stays the same between releases."""

    # of a switch
    CHEAPER_PLAN = "CheaperPlan"
    PLAN_NOT_ALLOWED = "PlanNotAllowed"
    # of a return
    PREDICTION_WRONG = "PredictionWrong"
    PLAN_REFUSED = "PlanRefused"
    # of trying on another pod, or of giving that up
    CANARY_LOST = "CanaryLost"
    # of holding: the user's will
    PAUSED = "Paused"
    OBSERVE_ONLY = "ObserveOnly"
    # numbers are missing
    METRICS_UNREACHABLE = "MetricsUnreachable"
    PODS_UNSETTLED = "PodsUnsettled"
    COSTS_UNKNOWN = "CostsUnknown"
    NO_TRAFFIC = "NoTraffic"
    TOO_FEW_REQUESTS = "TooFewRequests"
    COLLECTING_WINDOW = "CollectingWindow"
    # one pod tries a plan
    AWAITING_CANARY = "AwaitingCanary"
    # the last switch
    AWAITING_CHECK = "AwaitingCheck"
    PREDICTION_CONFIRMED = "PredictionConfirmed"
    PREDICTION_MISSED = "PredictionMissed"  # not as good as predicted, but no worse than before
    TRAFFIC_CHANGED = "TrafficChanged"  # too much to compare before with after
    # no switch is worth it, or not now
    ALREADY_BEST = "AlreadyBest"
    SAVING_TOO_SMALL = "SavingTooSmall"
    LOSS_TOO_SMALL = "LossTooSmall"
    FAILED_BEFORE = "FailedBefore"
    COOLING_DOWN = "CoolingDown"
    BUDGET_SPENT = "BudgetSpent"  # as many switches in an hour as are allowed


@dataclass(frozen=True)
class Decision:
    """One decision, with its reason in a word, in a sentence, and in numbers fit for a status."""

    action: Action
    reason: Reason
    message: str
    plan: Plan  # wanted from now on
    previous: Plan  # wanted until now, or tried by one pod
    observed: Mapping[str, int]
    predicted: Mapping[str, int]
    pod: str = ""  # that alone tries a plan, or goes back from it
