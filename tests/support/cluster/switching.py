"""A ModelServer whose best strategy is not the one it starts with, and how far its operator is."""

import time
from pathlib import Path
from typing import Any

from tests.support import models
from tests.support.cluster import compilefaults, pods, workloads
from tests.support.cluster.apiclient import ApiClient, Object
from tests.support.modelservers import server_document

NAME = "vision"
MODEL = "m"
SIZES = (1, 7, 3, 16, 5, 12, 2, 9)
"""Batch sizes that a compiled model is never there for twice in a row: each costs a reload."""


def adaptive(**more: Any) -> dict[str, Any]:
    """Batching that starts with reloads and soon knows better."""
    judging = {
        "candidates": ["Reload", "Demultiplex"],
        "windowSeconds": 4,
        "cooldownSeconds": 30,
        **more,
    }
    return {"adaptive": judging, "reload": {"compiledCache": {"maxEntries": 1}}}


def switching_server(claim: str, **spec: Any) -> Object:
    """The ModelServer, with its model in a claim."""
    given = {"batching": adaptive(), **spec.pop("model", {})}
    model = {
        "name": MODEL,
        "source": {"pvc": {"claimName": claim, "path": "m"}},
        "pluginConfig": models.EXACT,
        **given,
    }
    pod = {"env": compilefaults.ENVIRONMENT, **spec.pop("pod", {})}
    return server_document(model, name=NAME, **{"pod": pod, **spec})


async def create(api: ApiClient, namespace: str, folder: Path, **spec: Any) -> None:
    """Create the ModelServer and the claim of its model, whose files are made in `folder`."""
    workloads.save_model(folder)
    claim = f"models-{namespace}"
    await workloads.create_claim(api, namespace, claim, folder)
    await api.create(switching_server(claim, **spec), namespace=namespace)


async def applied(api: ApiClient, namespace: str, *, seconds: float = 60.0) -> Object:
    """The ModelServer, once all its pods are ready and serve what is wanted of them."""

    def is_applied(found: Object) -> bool:
        kinds = ("Ready", "ConfigApplied", "ModelsAvailable", "StrategySettled")
        return (
            found.get("status", {}).get("observedGeneration") == found["metadata"]["generation"]
            and found["status"]["readyReplicas"] == found["spec"]["replicas"]
            and all(condition(found, kind)["status"] == "True" for kind in kinds)
        )

    return await api.wait_for("ModelServer", NAME, namespace, until=is_applied, seconds=seconds)


async def switched(
    api: ApiClient, namespace: str, strategy: str = "demultiplex", *, seconds: float = 60.0
) -> Object:
    """The ModelServer, once the policy wants that strategy, whether or not pods serve it yet."""
    return await api.wait_for(
        "ModelServer",
        NAME,
        namespace,
        until=lambda found: strategy_of(found) == strategy,
        seconds=seconds,
    )


async def trying(api: ApiClient, namespace: str, *, seconds: float = 90.0) -> str:
    """The name of the pod that tries the policy's next plan, once one does."""
    found = await api.wait_for(
        "ModelServer",
        NAME,
        namespace,
        until=lambda it: condition(it, "StrategySettled")["reason"] == "Canary",
        seconds=seconds,
    )
    return canary_of(found)


def canary_of(server: Object) -> str:
    """The pod that tries a plan for the first model, by the status; empty where none does."""
    models_told = server.get("status", {}).get("models") or [{}]
    policy = models_told[0].get("policy") or {}
    return str(policy.get("canary", {}).get("pod", ""))


def strategy_of(server: Object) -> str:
    """The strategy wanted of the first model, by the status."""
    models_told = server.get("status", {}).get("models") or [{}]
    return str(models_told[0].get("strategy", ""))


def condition(server: Object, kind: str) -> Object:
    """One condition; of one that is not told, nothing is true."""
    told = server.get("status", {}).get("conditions") or ()
    found: Object = next((item for item in told if item["type"] == kind), {"status": "", "reason": ""})
    return found


async def scale(api: ApiClient, namespace: str, replicas: int) -> None:
    """Write the subresource that an autoscaler writes."""
    patch = {"spec": {"replicas": replicas}}
    await api.patch("ModelServer", NAME, namespace, patch=patch, subresource="scale")


async def edit_model(api: ApiClient, namespace: str, **changes: Any) -> None:
    """Change keys of the model as a user does; None removes one."""
    found = await api.get("ModelServer", NAME, namespace)
    model = {**found["spec"]["models"][0], **changes}
    edited = [{key: value for key, value in model.items() if value is not None}]
    await api.patch("ModelServer", NAME, namespace, patch={"spec": {"models": edited}})


async def events(api: ApiClient, namespace: str, reason: str) -> list[Object]:
    """The events about the ModelServer with that reason."""
    found = await api.list("Event", namespace)
    return [
        item for item in found if item["reason"] == reason and item["regarding"]["kind"] == "ModelServer"
    ]


async def running_pods(api: ApiClient, namespace: str) -> list[Object]:
    """The pods that are ready and stay, in the order of their names."""
    found = await pods.ready(api, namespace, NAME)
    return sorted(found, key=lambda pod: str(pod["metadata"]["name"]))


class Stopwatch:
    """Seconds since it was made, for what a test prints and asserts."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """So far."""
        return time.monotonic() - self._began

    def say(self, what: str) -> None:
        """Tell those who run tests with -s when something was."""
        print(f"{self.seconds:6.1f} s  {what}")  # noqa: T201
