"""The operator's Kubernetes adapter in tests: with a store that is filled by hand, and counted calls."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from batchwright_operator.cluster.kubernetes.adapter import KubernetesCluster
from batchwright_operator.cluster.kubernetes.client import Client
from batchwright_operator.cluster.kubernetes.connection import Connection, Credentials
from batchwright_operator.cluster.kubernetes.store import Store
from batchwright_operator.resources.metadata import ObjectKey
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.objects import read_object
from tests.support.cluster.apiclient import ApiClient
from tests.support.modelservers import server_document

WATCHED = ("ModelServer", "Pipeline", "ConfigMap", "Service", "Deployment", "Pod")


@dataclass
class Adapter:
    """An adapter over one namespace. `now` is its clock; `calls` are `verb kind code`."""

    api: ApiClient
    namespace: str
    client: Client
    store: Store
    now: float = 1000.0
    calls: list[str] = field(default_factory=list)

    @classmethod
    async def connect(
        cls, kubeconfig: Path, api: ApiClient, namespace: str, *, timeout_seconds: float = 10.0
    ) -> "Adapter":
        """A new one, that knows nothing yet. Its `client` must be closed."""
        calls: list[str] = []
        client = Client(
            await Credentials.load(Connection(kubeconfig)),
            observe_call=lambda verb, kind, code, seconds: calls.append(f"{verb} {kind} {code}"),
            timeout_seconds=timeout_seconds,
        )
        found = cls(api, namespace, client, Store(), calls=calls)
        found.restart()
        return found

    def restart(self) -> None:
        """Forget all but what is in the cluster."""
        self.store = Store()
        self.cluster = KubernetesCluster(
            self.client, self.store, identity="replica-1", clock=lambda: self.now
        )

    async def look(self, kinds: Iterable[str] = WATCHED) -> None:
        """Bring the store up to date, as the watch does sooner or later."""
        for kind in kinds:
            listed = await self.api.list(kind, self.namespace)
            for item in listed:
                self.store.upsert(kind, item)
            there = {item["metadata"]["name"] for item in listed}
            for key in self.store.names(kind):
                if key.name not in there:
                    self.store.remove_named(kind, key, self.store.version_of(kind, key))

    async def make_server(self, name: str = "vision", **spec: Any) -> ModelServer:
        """A ModelServer that is in the cluster and in the store."""
        created = await self.api.create(server_document(name=name, **spec), namespace=self.namespace)
        self.store.upsert("ModelServer", created)
        return self.read(name)

    def read(self, name: str = "vision") -> ModelServer:
        """A ModelServer as the store has it."""
        raw = self.store.model_server(ObjectKey(self.namespace, name))
        assert raw is not None
        server = read_object(raw)
        assert isinstance(server, ModelServer)
        return server

    def told(self) -> list[str]:
        """The calls since this was asked last."""
        told = list(self.calls)
        self.calls.clear()
        return told
