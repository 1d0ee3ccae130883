"""What every part of a resource has in common: immutable, camelCase outside, no unknown key."""

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema

from batchwright_operator.resources import documentation, markers
from batchwright_operator.resources.markers import Rule


class Strict(BaseModel):
    """An immutable resource part; a key it does not know is an error.

    The text below a field says to users what it is; `rules` are those of its validators that a cluster
    can check too.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
    )
    rules: ClassVar[tuple[Rule, ...]] = ()

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        schema = handler.resolve_ref_schema(handler(core_schema))
        for name, text in documentation.field_texts(cls).items():
            key = cls.model_fields[name].alias or name
            schema["properties"][key]["description"] = text
        if cls.rules:
            schema[markers.RULES] = markers.to_schema(cls.rules)
        return schema


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
