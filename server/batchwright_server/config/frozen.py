"""What every document model has in common."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """An immutable document part; a key it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Tolerant(BaseModel):
    """An immutable document part from any release: keys it does not know are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")
