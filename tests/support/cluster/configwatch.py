"""What pods start from, what they serve and what they refuse, followed through a whole test."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp

from batchwright_operator.render import admin
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.objects import read_object
from batchwright_server.config import digest
from batchwright_server.config.signals import Signals
from tests.support.cluster import pods
from tests.support.cluster.apiclient import ApiClient, Object
from tests.support.cluster.node import Kubelet
from tests.support.cluster.operatorprocess import ADMIN_KEY

_LOOK_SECONDS = 0.2
_ADMIN_PORT = 8002
_NEWLY_READY = 2.0  # seconds within which an operator need not have seen it
_TIMEOUT = aiohttp.ClientTimeout(total=2)


@dataclass(frozen=True)
class Commit:
    """A document in the ConfigMap, and the ready pods that had not been seen to serve it by then."""

    hash: str
    at: float  # of time.monotonic
    without: tuple[str, ...]


@dataclass
class ConfigWatch:
    """The documents of one ModelServer. `require_sound` holds at any time, whatever happened."""

    commits: list[Commit] = field(default_factory=list)
    served: dict[str, list[str]] = field(default_factory=dict)  # by process, in order
    refused: dict[str, set[str]] = field(default_factory=dict)  # by document: pods
    latest: dict[str, Signals] = field(default_factory=dict)  # by pod, of those that answer

    def require_sound(self) -> None:
        """Fail if a pod could start from, or did, what another refused or had not taken."""
        committed = [commit.hash for commit in self.commits]
        assert committed, "no document was ever committed"
        assert not set(committed) & self.refused.keys(), (committed, self.refused)
        assert [commit for commit in self.commits if commit.without] == [], self.served
        first = {process: hashes[0] for process, hashes in self.served.items()}
        assert set(first.values()) <= set(committed), (first, committed)

    @property
    def committed(self) -> str:
        """The hash of what pods start from now."""
        return self.commits[-1].hash

    @property
    def plans(self) -> dict[str, str]:
        """The strategy that each pod serves its first model by."""
        found = ((pod, item.models[0].plan) for pod, item in self.latest.items() if item.models)
        return {pod: plan.strategy.value for pod, plan in found if plan is not None}

    @property
    def pending(self) -> set[str]:
        """The pods that are preparing another document."""
        return {pod for pod, item in self.latest.items() if item.config.pending_hash}

    def is_everywhere(self, config_hash: str, count: int) -> bool:
        """Whether so many pods serve that document, and no other does."""
        serving = [item.config.hash for item in self.latest.values()]
        return len(serving) == count and set(serving) == {config_hash}


class _Watcher:
    def __init__(self, api: ApiClient, kubelet: Kubelet, server: ModelServer) -> None:
        self.found = ConfigWatch()
        self._api = api
        self._kubelet = kubelet
        self._server = server
        self._token = admin.derive_token(ADMIN_KEY, server)
        self._http = aiohttp.ClientSession(timeout=_TIMEOUT)

    async def close(self) -> None:
        await self._http.close()

    async def follow_pods(self) -> None:
        while True:
            with suppress(aiohttp.ClientError, OSError, KeyError):
                await self._look()
            await asyncio.sleep(_LOOK_SECONDS)

    async def follow_config(self) -> None:
        namespace, name = self._server.key.namespace, f"{self._server.name}-config"
        seen = ""
        while True:
            config = await self._api.find("ConfigMap", name, namespace)
            if config is not None and config["metadata"]["resourceVersion"] != seen:
                seen = config["metadata"]["resourceVersion"]
                await self._note_commit(digest.digest(config["data"]["config.json"].encode()))
            await asyncio.sleep(_LOOK_SECONDS / 10)

    async def _note_commit(self, config_hash: str) -> None:
        if self.found.commits and self.found.committed == config_hash:
            return
        at = time.monotonic()
        ready = await self._look()
        without = tuple(
            pod for pod, process in ready.items() if not self._has_served(process, config_hash)
        )
        self.found.commits.append(Commit(config_hash, at, without))

    def _has_served(self, process: str, config_hash: str) -> bool:
        return config_hash in self.found.served.get(process, ())

    async def _look(self) -> dict[str, str]:
        """Ask every pod; the processes of those that are ready for some time, by pod."""
        namespace, name = self._server.key.namespace, self._server.name
        if await self._api.find("Deployment", name, namespace) is None:
            return {}
        found = await pods.of(self._api, namespace, await self._api.get("Deployment", name, namespace))
        answers = await asyncio.gather(*(self._ask(pod) for pod in found))
        self.found.latest = {}
        ready = {}
        for pod, signals in zip(found, answers, strict=True):
            if signals is not None:
                self._note(pod["metadata"]["name"], signals)
                if _is_long_ready(pod) and signals.uptime_seconds > _NEWLY_READY:
                    ready[pod["metadata"]["name"]] = signals.process
        return ready

    def _note(self, pod: str, signals: Signals) -> None:
        self.found.latest[pod] = signals
        served = self.found.served.setdefault(signals.process, [])
        if signals.config.hash and signals.config.hash not in served[-1:]:
            served.append(signals.config.hash)
        if not served:
            del self.found.served[signals.process]
        if signals.config.rejected_hash:
            self.found.refused.setdefault(signals.config.rejected_hash, set()).add(pod)

    async def _ask(self, pod: Object) -> Signals | None:
        if not pod.get("status", {}).get("podIP") or "deletionTimestamp" in pod["metadata"]:
            return None
        url = f"http://{self._kubelet.address_of(pod)}:{_ADMIN_PORT}/v1/signals"
        try:
            headers = {"Authorization": f"Bearer {self._token}"}
            async with self._http.get(url, headers=headers) as response:
                text = await response.read()
                return Signals.model_validate_json(text) if response.status == 200 else None
        except (aiohttp.ClientError, OSError, KeyError):
            return None


@asynccontextmanager
async def config_watch(
    api: ApiClient, kubelet: Kubelet, namespace: str, name: str
) -> AsyncIterator[ConfigWatch]:
    """Follow a ModelServer that is there already; what was seen is looked through at the end."""
    server = read_object(await api.get("ModelServer", name, namespace))
    assert isinstance(server, ModelServer)
    watcher = _Watcher(api, kubelet, server)
    following = [
        asyncio.create_task(watcher.follow_pods()),
        asyncio.create_task(watcher.follow_config()),
    ]
    try:
        yield watcher.found
        assert not any(task.done() for task in following), following
    finally:
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        await watcher.close()
    watcher.found.require_sound()


def _is_long_ready(pod: Object) -> bool:
    if not pods.is_ready(pod):
        return False
    condition = next(item for item in pod["status"]["conditions"] if item["type"] == "Ready")
    since = datetime.strptime(condition["lastTransitionTime"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return (datetime.now(UTC) - since).total_seconds() > _NEWLY_READY
