"""Faults in the words of somebody who writes YAML."""

from typing import Any

import pytest
from pydantic import ValidationError

from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.wording import to_problems
from tests.support.modelservers import model_document, server_document


def _told(document: dict[str, Any]) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        ModelServer.model_validate(document, by_alias=True, by_name=False)
    return [str(problem) for problem in to_problems(caught.value, ModelServer)]


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"replicas": "2"}, "spec.replicas: expected an integer (got '2')"),
        ({"replicas": -1}, "spec.replicas: expected at least 0 (got -1)"),
        ({"replicas": 1001}, "spec.replicas: expected at most 1000 (got 1001)"),
        ({"models": {}}, "spec.models: expected a list (got a mapping)"),
        ({"models": ["a"]}, "spec.models[0]: expected a mapping (got 'a')"),
        ({"pod": []}, "spec.pod: expected a mapping (got a list)"),
        ({"pod": {"env": [{"name": "A", "value": 1}]}}, "expected a text; put it in quotes (got 1)"),
        ({"pod": {"image": ""}}, "spec.pod.image: expected a text of at least 1 character (got '')"),
        ({"pod": {"resources": {"limits": {"cpu": True}}}}, "spec.pod.resources.limits.cpu: expected"),
        ({"pod": {"annotations": {1: "a"}}}, "spec.pod.annotations.1: expected a text as key"),
        (
            {"service": {"type": "LoadBalance"}},
            "spec.service.type: expected one of ClusterIP, NodePort, LoadBalancer (got 'LoadBalance'); "
            "did you mean LoadBalancer?",
        ),
        ({"service": {"grpc_port": 1}}, "service.grpc_port: unknown key; did you mean grpcPort?"),
        ({"zzz": 1}, "spec.zzz: unknown key; remove it or check its spelling"),
    ],
)
def test_words(spec: dict[str, Any], told: str) -> None:
    """Each fault says what was expected in YAML's terms, what came, and what was probably meant."""
    (problem,) = _told(server_document(**spec))
    assert told in problem
    assert "Input" not in problem


def test_plugin_values() -> None:
    """A value of the wrong kind is one fault at its own path."""
    assert _told(server_document(model_document(pluginConfig={"A": [1], "B": 1, "C": "YES"}))) == [
        'spec.models[0].pluginConfig.A: expected a text or an integer; a flag is "YES" or "NO"'
    ]


def test_long_values_are_cut() -> None:
    """What came is told, not repeated at length."""
    (problem,) = _told(server_document(replicas=10_000 * "9"))
    assert len(problem) < 200
