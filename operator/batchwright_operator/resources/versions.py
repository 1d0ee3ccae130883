"""Which versions of a model are served: exactly one of latest, specific and all."""

from typing import Annotated

from pydantic import Field, model_validator

from batchwright_operator.resources.strict import Positive, Strict


class Latest(Strict):
    """The highest numbers, as many as said."""

    count: Positive = 1


class Specific(Strict):
    """Exactly these, of which those that are not there yet are waited for."""

    versions: Annotated[tuple[Positive, ...], Field(min_length=1, max_length=64)]


class All(Strict):
    """Every version that is there."""


class VersionPolicy(Strict):
    """The policy, as an object with exactly one key."""

    latest: Latest | None = None
    specific: Specific | None = None
    all: All | None = None

    @model_validator(mode="after")
    def _check_one(self) -> "VersionPolicy":
        if [self.latest, self.specific, self.all].count(None) != 2:
            raise ValueError("expected exactly one of latest, specific and all")
        return self


DEFAULT_POLICY = VersionPolicy(latest=Latest())
