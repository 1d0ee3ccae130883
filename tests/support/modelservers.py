"""ModelServers and signals for tests."""

from collections.abc import Mapping
from typing import Any

from batchwright_operator.resources.modelserver import ModelServer
from batchwright_server.config.plan import Plan, Strategy
from batchwright_server.config.signals import (
    ConfigState,
    ModelCounters,
    ModelSignals,
    PlanName,
    Signals,
)

RELOAD = Plan.of(Strategy.RELOAD)
DEMULTIPLEX = Plan.of(Strategy.DEMULTIPLEX)


def model_document(name: str = "resnet", **more: Any) -> dict[str, Any]:
    """One model as a user writes it."""
    source = {"pvc": {"claimName": "models", "path": name}}
    return {"name": name, "source": source, **more}


def server_document(*models: Mapping[str, Any], name: str = "vision", **spec: Any) -> dict[str, Any]:
    """A ModelServer as a user writes it; without models, one named resnet."""
    return {
        "apiVersion": "batchwright.dev/v1alpha1",
        "kind": "ModelServer",
        "metadata": {"name": name},
        "spec": {"models": list(models) or [model_document()], **spec},
    }


def make_server(*models: Mapping[str, Any], name: str = "vision", **spec: Any) -> ModelServer:
    """A ModelServer from what `server_document` takes."""
    return ModelServer.model_validate(server_document(*models, name=name, **spec))


def make_counters(samples: int = 0, *, requests: int = 0, reloads: int = 0) -> ModelCounters:
    """Counters of a process that served that much."""
    return ModelCounters(
        requests={1: requests},
        failed_requests=0,
        samples=samples,
        in_flight_seconds=requests / 100,
        reloads=reloads,
        reload_seconds=0.0,
        queue_wait_seconds=0.0,
        would_reloads=0,
    )


def make_model_signals(name: str = "resnet", *, plan: Plan = RELOAD, **more: Any) -> ModelSignals:
    """A model that serves with `plan`."""
    fields = {"version": 1, "state": "AVAILABLE", "counters": make_counters(), **more}
    return ModelSignals(name=name, plan=PlanName.of(plan), **fields)


def make_signals(*models: ModelSignals, config_hash: str = "", **more: Any) -> Signals:
    """A process that serves the document of that hash; `rejected_hash` and `error` as given."""
    rejected, error = more.pop("rejected_hash", ""), more.pop("error", "")
    fields = {"process": "p1", "uptime_seconds": 10.0, "cpu_seconds": 1.0, "cores": 2, **more}
    return Signals(
        ready=True,
        config=ConfigState(hash=config_hash, rejected_hash=rejected, error=error),
        models=models or (make_model_signals(),),
        **fields,
    )
