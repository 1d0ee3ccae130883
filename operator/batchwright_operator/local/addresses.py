"""Where the objects are reached, told whenever it changes."""

from collections.abc import Iterable

from batchwright_operator.controller.run import Run
from batchwright_operator.local.placement import GRPC_ADDRESS
from batchwright_operator.resources.modelserver import ModelServer


def first_addresses(server: ModelServer) -> str:
    """Where an object will be reached once all its pods are ready for the first time."""
    pods = (f"127.0.0.{1 + index}" for index in range(server.spec.replicas))
    port = server.spec.service.http_port
    return _sentence(server, (f"{pod}:{port}" for pod in pods))


def ready_addresses(run: Run) -> str:
    """Where an object is reached: gRPC through one address, HTTP at each pod that is ready."""
    port = run.server.spec.service.http_port
    ready = (pod.ip for pod in run.observed.current_pods if pod.ready)
    return _sentence(run.server, sorted(f"{ip}:{port}" for ip in ready))


class Addresses:
    """What has been told of each object."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}

    def begin(self, server: ModelServer) -> str:
        """What to tell of an object that is new."""
        self._told[server.name] = first_addresses(server)
        return self._told[server.name]

    def news(self, run: Run) -> str:
        """What to tell after a run; empty if it is known, or not yet settled: a replaced pod moves."""
        now = ready_addresses(run)
        name, wanted = run.server.name, run.server.spec.replicas
        is_whole = run.status.ready_replicas == wanted
        if not is_whole or now == self._told.get(name):
            return ""
        self._told[name] = now
        return now


def _sentence(server: ModelServer, http: Iterable[str]) -> str:
    grpc = f"{server.name}: gRPC at {GRPC_ADDRESS}:{server.spec.service.grpc_port}"
    found = ", ".join(http)
    return f"{grpc}, HTTP at {found}" if found else f"{grpc}, no pod is ready"
