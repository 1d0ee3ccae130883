"""Which versions of a model are served: exactly one of latest, specific and all."""

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from batchwright_operator.resources.markers import ATOMIC, Rule
from batchwright_operator.resources.strict import Positive, Strict


class Latest(Strict):
    """The highest numbers, as many as said."""

    count: Positive = 1
    """How many."""


class Specific(Strict):
    """Exactly these, of which those that are not there yet are waited for."""

    versions: Annotated[tuple[Positive, ...], Field(min_length=1, max_length=64), ATOMIC]
    """Their numbers."""


class All(Strict):
    """Every version that is there."""


class VersionPolicy(Strict):
    """The policy, as an object with exactly one key."""

    rules: ClassVar = (
        Rule(
            "[has(self.latest), has(self.specific), has(self.all)].exists_one(given, given)",
            "expected exactly one of latest, specific and all",
        ),
    )

    latest: Latest | None = None
    """The highest version numbers, as many as said."""
    specific: Specific | None = None
    """Exactly these versions; those that are not there yet are waited for."""
    all: All | None = None
    """Every version that is there."""

    @model_validator(mode="after")
    def _check_one(self) -> "VersionPolicy":
        if [self.latest, self.specific, self.all].count(None) != 2:
            raise ValueError(self.rules[0].message)
        return self


DEFAULT_POLICY = VersionPolicy(latest=Latest())
