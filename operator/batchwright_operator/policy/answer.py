"""The answer to one of the questions that a decision asks."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from batchwright_operator.policy.canary import Canary
from batchwright_operator.policy.decision import Action, Reason
from batchwright_operator.policy.state import ModelState


@dataclass(frozen=True)
class Answer:
    """What to do, and the state from then on.

    `clause` is what there is to say beside why the plan is in place, which the state knows.
    """

    state: ModelState
    reason: Reason
    clause: str = ""
    action: Action = Action.HOLD
    predicted: Mapping[str, int] = field(default_factory=dict)
    ended: Canary | None = None  # the trial that is given up
