"""What others do to the objects of a ModelServer is put right; what is theirs is left alone."""

import time
from collections.abc import Callable

import pytest

from tests.support.cluster.apiclient import ApiClient, Object
from tests.support.cluster.stage import Stage

pytestmark = pytest.mark.slow

REPAIR_SECONDS = 10.0
# Of each kind what somebody changes, and where it shows.
EDITS: dict[str, Object] = {
    "ConfigMap": {"data": {"config.json": "{}"}},
    "Deployment": {"spec": {"replicas": 2, "strategy": {"rollingUpdate": {"maxUnavailable": 1}}}},
    "Service": {"spec": {"selector": {"app": "another"}}},
    "ServiceAccount": {"automountServiceAccountToken": True},
    "PodDisruptionBudget": {"spec": {"maxUnavailable": 5}},
    "HorizontalPodAutoscaler": {"spec": {"maxReplicas": 9}},
    "NetworkPolicy": {"spec": {"podSelector": {"matchLabels": {"app": "another"}}}},
}
THEIRS = {"labels": {"team": "vision"}, "annotations": {"example.com/note": "kept"}}


async def test_owned_objects_are_repaired(api: ApiClient, stage: Stage, namespace: str) -> None:
    """Each kind, edited by somebody and then deleted, is as it was within seconds; then all is quiet."""
    await stage.open()
    autoscaling = {"minReplicas": 1, "maxReplicas": 3}
    await stage.create(networkPolicy={}, autoscaling=autoscaling, replicas=1)
    await stage.settled()
    whole = await stage.owned()
    assert {kind for kind, _ in whole} == EDITS.keys()
    await _edit_each(api, stage, whole)
    await _delete_each(api, stage, whole)

    await stage.settled()
    await stage.require_quiet()


async def _edit_each(api: ApiClient, stage: Stage, whole: dict[tuple[str, str], Object]) -> None:
    for (kind, name), before in whole.items():
        began = time.monotonic()
        patch = {"metadata": THEIRS, **EDITS[kind]}
        edited = await api.patch(kind, name, stage.namespace, patch=patch)
        assert _content(edited) != _content(before), f"{kind} {name}: the edit changed nothing"
        found = await api.wait_for(
            kind, name, stage.namespace, until=_has_content_of(before), seconds=REPAIR_SECONDS
        )
        stage.say(f"{kind} {name}: edit undone after {time.monotonic() - began:.2f} s")
        assert THEIRS["labels"].items() <= found["metadata"]["labels"].items()
        assert THEIRS["annotations"].items() <= found["metadata"]["annotations"].items()


async def _delete_each(api: ApiClient, stage: Stage, whole: dict[tuple[str, str], Object]) -> None:
    for (kind, name), before in whole.items():
        began = time.monotonic()
        await api.delete(kind, name, stage.namespace)
        await api.wait_for(
            kind, name, stage.namespace, until=_is_other_than(before), seconds=REPAIR_SECONDS
        )
        stage.say(f"{kind} {name}: made again after {time.monotonic() - began:.2f} s")


def _is_other_than(before: Object) -> Callable[[Object], bool]:
    return lambda found: bool(found["metadata"]["uid"] != before["metadata"]["uid"])


def _has_content_of(before: Object) -> Callable[[Object], bool]:
    return lambda found: _content(found) == _content(before)


def _content(found: Object) -> Object:
    """What of an object its operator decides."""
    return {key: found[key] for key in found if key in ("spec", "data", "automountServiceAccountToken")}
