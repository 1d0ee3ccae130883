"""Which pods are a ModelServer's for certain.

A label is anybody's to write, and the pods of a ModelServer are sent its token. So the controller of a
pod must be a ReplicaSet, and the controller of that the ModelServer's own Deployment. Those are not
watched: each ReplicaSet is asked for once, and remembered by its uid.
"""

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass

from batchwright_operator.cluster.kubernetes.client import Client
from batchwright_operator.cluster.kubernetes.failures import Missing
from batchwright_operator.cluster.kubernetes.ownership import controller_of
from batchwright_operator.cluster.kubernetes.remembered import Remembered
from batchwright_operator.render.names import Manifest
from batchwright_operator.resources.metadata import ObjectKey

DOUBT_SECONDS = 10.0


@dataclass(frozen=True)
class _Answer:
    deployment_uid: str  # empty: no Deployment's
    at: float


class PodOwners:
    """ReplicaSets by name and uid, and the uids of the Deployments that control them."""

    def __init__(self, client: Client, clock: Callable[[], float]) -> None:
        self._client = client
        self._clock = clock
        self._answers: Remembered[tuple[ObjectKey, str], _Answer] = Remembered()

    async def owned(self, pods: Iterable[Manifest], deployments: Container[str]) -> tuple[Manifest, ...]:
        """Those of `pods` that are of Deployments of these uids.

        Raises ClusterError: to take a pod that cannot be verified for none would be as wrong.
        """
        return tuple([pod for pod in pods if await self._is_of(pod, deployments)])

    async def _is_of(self, pod: Manifest, deployments: Container[str]) -> bool:
        owner = controller_of(pod)
        if owner.get("kind") != "ReplicaSet":
            return False
        # By its name too: a pod that gives a wrong one must not spoil what is known of the right one.
        replica_set = (ObjectKey(pod["metadata"]["namespace"], str(owner["name"])), str(owner["uid"]))
        known = self._answers.get(replica_set)
        if known is None or (known.deployment_uid not in deployments and self._is_in_doubt(known)):
            known = _Answer(await self._ask(*replica_set), self._clock())
            self._answers.put(replica_set, known)
        return known.deployment_uid in deployments

    def _is_in_doubt(self, answer: _Answer) -> bool:
        # A Deployment that is made anew adopts what its forerunner left.
        return self._clock() - answer.at >= DOUBT_SECONDS

    async def _ask(self, key: ObjectKey, uid: str) -> str:
        try:
            replica_set = await self._client.get("ReplicaSet", key)
        except Missing:
            return ""
        owner = controller_of(replica_set)
        is_it = replica_set["metadata"]["uid"] == uid and owner.get("kind") == "Deployment"
        return str(owner["uid"]) if is_it else ""
