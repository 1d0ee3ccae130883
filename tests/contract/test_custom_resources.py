"""The custom resources' definitions, the models they are made from, and the examples agree."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from batchwright_operator.resources import markers
from batchwright_operator.resources.conditions import Condition, ConditionStatus, ConditionType
from batchwright_operator.resources.objects import read_object
from batchwright_operator.resources.schema import defaults, definition
from batchwright_operator.resources.status import (
    DecisionStatus,
    ModelServerStatus,
    ModelStatus,
    PipelineStatus,
    VersionStatus,
)
from tests.support import structural_schemas
from tests.support.custom_resources import Case, rule_cases, shape_cases
from tests.support.modelservers import server_document
from tests.support.pipelines import pipeline_document
from tools import custom_resource_reference, custom_resources

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "example_client" / "manifests").glob("*.yaml"))
SCHEMAS = {kind.kind: definition.render_schema(kind) for kind in definition.KINDS}
KINDS = pytest.mark.parametrize("kind", definition.KINDS, ids=lambda kind: str(kind.kind))
RULES, CASES = list(rule_cases()), [*rule_cases(), *shape_cases()]


def _faults(document: Mapping[str, Any]) -> list[str]:
    return list(structural_schemas.check(SCHEMAS[document["kind"]], document))


def _places(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield path, schema
    for key, child in schema.get("properties", {}).items():
        yield from _places(child, f"{path}.{key}")
    for key, mark in (("items", "[]"), ("additionalProperties", ".*")):
        if key in schema:
            yield from _places(schema[key], path + mark)


def _read(document: dict[str, Any]) -> Any:
    return read_object({**document, "metadata": {**document["metadata"], "namespace": "team"}})


def test_the_committed_definitions_are_fresh() -> None:
    """What is in crds/ is what `make generate` would write now, and nothing else."""
    files = {path.name: path.read_text() for path in (ROOT / "crds").glob("*")}

    assert files == custom_resources.render_files()


def test_the_reference_is_fresh() -> None:
    """The page of fields is what `make generate` would write now."""
    page = (ROOT / "docs" / custom_resources.REFERENCE).read_text()

    assert page == custom_resource_reference.render_reference()


@KINDS
def test_every_column_shows_something(kind: definition.Kind) -> None:
    """The path of each column is one of the schema."""
    known = {path for path, _ in _places(SCHEMAS[kind.kind])} | {".metadata.creationTimestamp"}

    paths = [re.sub(r"\[\?\(@\.type==\"\w+\"\)\]", "[]", column.path) for column in kind.columns]

    assert set(paths) <= known


@KINDS
def test_every_field_is_explained(kind: definition.Kind) -> None:
    """`kubectl explain` has a sentence for each field."""
    silent = [
        path
        for path, schema in _places(SCHEMAS[kind.kind])
        if "description" not in schema and not path.endswith(("[]", ".*")) and path != ".metadata"
    ]

    assert silent == []


@KINDS
def test_what_a_user_writes_is_bounded(kind: definition.Kind) -> None:
    """Texts, lists and maps have a largest length, and lists say how they are merged."""
    spec = SCHEMAS[kind.kind]["properties"]["spec"]
    for path, schema in _places(spec):
        match schema.get("type"):
            case "string":
                assert "enum" in schema or "maxLength" in schema, path
            case "array":
                assert "maxItems" in schema, path
                assert "x-kubernetes-list-type" in schema, path
            case "object" if "additionalProperties" in schema:
                assert "maxProperties" in schema, path


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_examples_fit(file: Path) -> None:
    """Every manifest that is shown to users is one that a cluster takes."""
    for document in yaml.safe_load_all(file.read_text()):
        assert _faults(document) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.name))
def test_models_and_schema_take_the_same(case: Case) -> None:
    """Objects that keep the rules are read and fit the schema; what breaks one is not read."""
    _read(case.good)
    assert _faults(case.good) == []
    with pytest.raises(ValueError, match=":"):
        _read(case.bad)


def test_every_rule_is_tried() -> None:
    """For each rule in CEL there is an object that breaks it."""
    told = [
        rule["message"]
        for schema in SCHEMAS.values()
        for _, place in _places(schema)
        for rule in place.get(markers.RULES, [])
    ]

    assert [message for message in told if not any(case.told in message for case in RULES)] == []


@pytest.mark.parametrize(
    "document", [server_document(), pipeline_document()], ids=lambda item: item["kind"]
)
def test_defaults_are_the_same(document: dict[str, Any]) -> None:
    """What a cluster fills in is what is assumed without it."""
    filled = defaults.fill(SCHEMAS[document["kind"]], document)

    assert _faults(filled) == []
    assert _read(filled) == _read(document)


def test_defaults_are_filled_in_beside_what_is_given() -> None:
    """A cluster fills in what is missing of a block that is written in part."""
    filled = defaults.fill(
        SCHEMAS["ModelServer"], server_document(service={"grpcPort": 1}, auth={"secretName": "s"})
    )

    assert filled["spec"]["service"] == {"type": "ClusterIP", "grpcPort": 1, "httpPort": 8000}
    assert filled["spec"]["auth"] == {"secretName": "s", "key": "token"}


def test_a_status_fits() -> None:
    """What the controller writes is kept whole by a cluster."""
    condition = Condition(
        type=ConditionType.READY,
        status=ConditionStatus.TRUE,
        reason="Serving",
        message="x" * 100_000,
        last_transition_time="2026-01-01T00:00:00Z",
    )
    timeless = condition.model_copy(update={"last_transition_time": "", "type": ConditionType.ACCEPTED})
    model = ModelStatus(
        name="m",
        strategy="reload",
        versions=(VersionStatus(version=1, state="AVAILABLE"),),
        policy={"any": {"thing": [1.5]}},
        decision=DecisionStatus(observed={"a": "1.5", "b": 2}),
    )
    statuses = {
        "ModelServer": ModelServerStatus(conditions=(condition,), models=(model, ModelStatus(name="n"))),
        "Pipeline": PipelineStatus(conditions=(condition, timeless)),
    }
    for kind, status in statuses.items():
        written = status.model_dump(mode="json", by_alias=True, exclude_none=True)
        assert list(structural_schemas.check(SCHEMAS[kind]["properties"]["status"], written)) == []
        assert "" not in [item.get("lastTransitionTime") for item in written["conditions"]]
    assert statuses["ModelServer"].model_dump()["summary"] == {"models": "1/2", "strategies": "Reload"}


def test_a_status_of_another_release_is_read() -> None:
    """Conditions and keys that this release does not know are passed over."""
    known = {"type": "Ready", "status": "True", "reason": "Serving", "message": "."}
    raw = {
        "conditions": [known, {**known, "type": "Tomorrow"}],
        "later": 1,
        "summary": {"models": "1/1"},
    }

    status = ModelServerStatus.model_validate(raw, by_alias=True, by_name=False)

    assert [condition.type for condition in status.conditions] == [ConditionType.READY]
