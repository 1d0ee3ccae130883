"""Each rule by which a model's schema becomes one that an API server takes."""

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import Field, WithJsonSchema, create_model

from batchwright_operator.resources import markers
from batchwright_operator.resources.markers import ATOMIC, NOT_EMPTY, SET, Keywords, Rule, list_map
from batchwright_operator.resources.opaque import OpenObject
from batchwright_operator.resources.quantity import Quantity
from batchwright_operator.resources.schema.structural import NotStructural, to_structural
from batchwright_operator.resources.strict import Positive, Strict, Unavailable


class Colour(StrEnum):
    """What a developer knows of colours."""

    RED = "Red"
    BLUE = "Blue"


class Inner(Strict):
    """An inner part."""

    rules: ClassVar = (Rule("self.some_name != ''", "a name", ".someName"),)

    some_name: Annotated[str, Field(max_length=9)] = "x"
    """What it is called,
    in two lines."""
    other: Colour = Colour.RED


class Outer(Strict):
    """An outer part."""

    number: Positive
    """A number."""
    colour: Colour | None = None
    """A colour."""
    inner: Inner = Inner()
    """A part."""
    maybe: Inner | None = None
    ruled: Annotated[Inner, Rule("true", "always")] = Inner()
    later: Unavailable = None
    share: Quantity = "1"
    either: dict[str, str | int] = Field(default={})
    anything: OpenObject | None = None
    listed: Annotated[tuple[Inner, ...], Field(max_length=3), NOT_EMPTY, list_map("someName")] = ()
    several: Annotated[tuple[int, ...], SET] = ()
    ordered: Annotated[tuple[str, ...], ATOMIC] = ()
    only: Literal["this"] = "this"
    own: Annotated[str, Keywords((("x-kubernetes-map-type", "atomic"),))] = ""


FOUND = to_structural(Outer.model_json_schema(by_alias=True))
FIELDS = FOUND["properties"]


def _field(annotation: Any) -> Any:
    model = create_model("Odd", __base__=Strict, odd=annotation)
    return to_structural(model.model_json_schema(by_alias=True))["properties"]["odd"]


def _words(schema: Any) -> set[str]:
    """Every key of every schema in `schema`."""
    if isinstance(schema, dict):
        inner = schema.get("properties", {})
        rest = [value for key, value in schema.items() if key not in ("properties", "default")]
        return set(schema).union(*map(_words, [*inner.values(), *rest]))
    return set().union(*map(_words, schema)) if isinstance(schema, list) else set()


def test_nothing_is_left_that_a_cluster_refuses() -> None:
    """No references, titles, unions, constants, closed objects, or null."""
    refused = {"$ref", "$defs", "title", "anyOf", "const", "uniqueItems", "propertyNames", "nullable"}
    assert _words(FOUND) & refused == set()
    assert "'null'" not in str(FOUND)
    assert "'additionalProperties': False" not in str(FOUND)


def test_keys_are_camel_case_and_required_ones_are_said() -> None:
    """Keys as users write them; only what has no default has to be there."""
    assert set(FIELDS["inner"]["properties"]) == {"someName", "other"}
    assert FOUND["required"] == ["number"]
    assert "required" not in FIELDS["inner"]


def test_what_is_not_available_does_not_appear() -> None:
    """A key that is kept for a later release is unknown to a cluster."""
    assert "later" not in FIELDS


def test_an_optional_field_is_what_it_is_when_given() -> None:
    """Of `Colour | None` remains the colour, without a default."""
    assert FIELDS["colour"]["enum"] == ["Red", "Blue"]
    assert FIELDS["colour"]["type"] == "string"
    assert "default" not in FIELDS["colour"]


def test_integers_have_bounds_and_a_size() -> None:
    """Bounds stay; the format is the smallest that holds them."""
    assert FIELDS["number"] == {
        "type": "integer",
        "format": "int32",
        "minimum": 1,
        "maximum": 1_000_000_000,
        "description": "A number.",
    }
    assert _field(int)["format"] == "int64"


def test_texts_for_users() -> None:
    """The text below a field is its description, in one line; the class's where there is none."""
    assert FIELDS["inner"]["description"] == "A part."
    assert FIELDS["inner"]["properties"]["someName"]["description"] == "What it is called, in two lines."
    assert FIELDS["maybe"]["description"] == "An inner part."


def test_rules_are_beside_what_they_judge() -> None:
    """A model's rules are at each of its places, and those of the place follow."""
    own = {"rule": "self.some_name != ''", "message": "a name", "fieldPath": ".someName"}
    assert FIELDS["inner"][markers.RULES] == [own]
    assert FIELDS["ruled"][markers.RULES] == [own, {"rule": "true", "message": "always"}]


def test_lists_say_how_they_are_merged() -> None:
    """Maps by their keys, sets, and lists that are one value; with their bounds."""
    listed = FIELDS["listed"]
    assert (listed["x-kubernetes-list-type"], listed["x-kubernetes-list-map-keys"]) == (
        "map",
        ["someName"],
    )
    assert (listed["minItems"], listed["maxItems"], listed["items"]["type"]) == (1, 3, "object")
    assert FIELDS["several"]["x-kubernetes-list-type"] == "set"
    assert FIELDS["ordered"]["x-kubernetes-list-type"] == "atomic"
    assert FIELDS["own"]["x-kubernetes-map-type"] == "atomic"


def test_integers_or_texts() -> None:
    """A quantity, and a value that may be either, have no type but Kubernetes' own word."""
    assert FIELDS["share"]["x-kubernetes-int-or-string"] is True
    assert "type" not in FIELDS["share"]
    assert FIELDS["share"]["pattern"]
    assert FIELDS["either"]["additionalProperties"] == {"x-kubernetes-int-or-string": True}


def test_open_blocks_keep_what_nobody_knows() -> None:
    """Only they do."""
    assert FIELDS["anything"] == {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    assert str(FOUND).count("x-kubernetes-preserve-unknown-fields") == 1


def test_a_constant_is_a_choice_of_one() -> None:
    """A literal becomes an enum."""
    assert FIELDS["only"]["enum"] == ["this"]


def test_a_status_has_no_defaults() -> None:
    """What the operator writes is not filled in by a cluster."""
    found = to_structural(Outer.model_json_schema(by_alias=True), with_defaults=False)
    assert "default" not in _words(found)


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (float, "odd: floating-point numbers"),
        (int | list[str], "odd: expected one type, got 2"),
        (tuple[int, str], "odd: no place for prefixItems"),
        (Annotated[int, Field(gt=0)], "odd: no place for exclusiveMinimum"),
        (Annotated[str, WithJsonSchema({"type": "string", "not": {}})], "odd: no place for not"),
    ],
)
def test_what_has_no_structural_form_is_told(annotation: Any, words: str) -> None:
    """A model that a cluster could not take is an error when the schema is made, with its place."""
    with pytest.raises(NotStructural, match=words):
        _field(annotation)
