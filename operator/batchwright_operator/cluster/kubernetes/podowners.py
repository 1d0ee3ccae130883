"""Which pods are a ModelServer's for certain.

A label is anybody's to write, and the pods of a ModelServer are sent its token. So the controller of a
pod must be a ReplicaSet, and the controller of that the ModelServer's own Deployment. Those are not
watched: each ReplicaSet is asked for once, and remembered by its uid.
"""

from collections.abc import Iterable

from batchwright_operator.cluster.kubernetes.client import Client
from batchwright_operator.cluster.kubernetes.failures import Missing
from batchwright_operator.cluster.kubernetes.ownership import controller_of
from batchwright_operator.cluster.kubernetes.remembered import Remembered
from batchwright_operator.render.names import Manifest
from batchwright_operator.resources.metadata import ObjectKey


class PodOwners:
    """ReplicaSets by uid, and the uids of the Deployments that control them."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._deployments: Remembered[str, str] = Remembered()

    async def owned(self, pods: Iterable[Manifest], deployment_uid: str) -> tuple[Manifest, ...]:
        """Those of `pods` that are the Deployment's.

        Raises ClusterError: to take a pod that cannot be verified for none would be as wrong.
        """
        return tuple([pod for pod in pods if await self._deployment_of(pod) == deployment_uid])

    async def _deployment_of(self, pod: Manifest) -> str:
        owner = controller_of(pod)
        if owner.get("kind") != "ReplicaSet":
            return ""
        uid = str(owner["uid"])
        known = self._deployments.get(uid)
        if known is None:
            known = await self._ask(ObjectKey(pod["metadata"]["namespace"], owner["name"]), uid)
            self._deployments.put(uid, known)
        return known

    async def _ask(self, key: ObjectKey, uid: str) -> str:
        try:
            replica_set = await self._client.get("ReplicaSet", key)
        except Missing:
            return ""
        owner = controller_of(replica_set)
        is_it = replica_set["metadata"]["uid"] == uid and owner.get("kind") == "Deployment"
        return str(owner["uid"]) if is_it else ""
