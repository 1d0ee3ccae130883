"""What every part of a resource has in common: immutable, camelCase outside, no unknown key."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Strict(BaseModel):
    """An immutable resource part; a key it does not know is an error."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
    )


def _refuse(value: object) -> None:
    if value is not None:
        raise ValueError("not available in this release; remove it")


# A key that is reserved for a later release: accepting it silently would promise what is not done.
Unavailable = Annotated[None, BeforeValidator(_refuse)]

# Numbers are written as numbers: the API server refuses "8" and 8.0 where an integer belongs.
Positive = Annotated[int, Field(strict=True, ge=1, le=1_000_000_000)]
NonNegative = Annotated[int, Field(strict=True, ge=0, le=1_000_000_000)]
Percent = Annotated[int, Field(strict=True, ge=0, le=100)]
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]
Text = Annotated[str, Field(min_length=1, max_length=1024)]
