"""The volumes of one pod as directories of this machine."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from tests.support.cluster.apiclient import ApiClient, ApiError, Object
from tests.support.cluster.kubelet.atomicwriter import write_payload
from tests.support.cluster.kubelet.orders import Orders
from tests.support.cluster.kubelet.payloads import NotYet, Sources

_FROM_API = ("configMap", "secret", "downwardAPI", "projected")


class Volumes:
    """Makes the directories, and refreshes those whose content is the API server's.

    What is mounted below `models` is the same for every pod: a link there leads to it, so that the paths
    in a configuration document hold on this machine too.
    """

    def __init__(
        self, api: ApiClient, pod: Object, *, home: Path, models: Path, orders: Callable[[], Orders]
    ) -> None:
        self._api = api
        self._pod = pod
        self._home = home / "volumes"
        self._models = models
        self._orders = orders
        self._directories: dict[str, Path] = {}
        self._sources = Sources(api, pod)

    async def prepare(self, pod: Object) -> None:
        """Make all volumes what they should be now. Raises NotYet."""
        self._pod = pod
        self._sources.update(pod)
        for volume in pod["spec"].get("volumes") or ():
            if any(key in volume for key in _FROM_API):
                directory = self._place(volume)
                try:
                    write_payload(directory, await self._sources.volume(volume))
                except ApiError as error:
                    raise NotYet(str(error)) from error
            elif volume["name"] not in self._directories:
                directory = await self._directory(volume)
            else:
                continue
            self._directories[volume["name"]] = directory
        self._link_models()

    def mounts(self, container: Object) -> dict[str, str]:
        """For each path in the container that is another one here: the one here."""
        found = {
            mount["mountPath"]: str(self._source(mount))
            for mount in container.get("volumeMounts") or ()
            if not self._is_model(mount)
        }
        return {**found, str(self._models): str(self._models)}  # a volume at /tmp hides nothing of here

    def _place(self, volume: Object) -> Path:
        if not any(mount["name"] == volume["name"] for mount in self._model_mounts()):
            return self._home / str(volume["name"])
        text = json.dumps([self._pod["metadata"]["namespace"], volume], sort_keys=True)
        return self._models / "..shared" / hashlib.sha256(text.encode()).hexdigest()[:16]

    async def _directory(self, volume: Object) -> Path:
        if "persistentVolumeClaim" in volume:
            return await self._claimed(volume["persistentVolumeClaim"]["claimName"])
        if "hostPath" in volume:
            return Path(volume["hostPath"]["path"])
        if "image" in volume:
            reference = volume["image"]["reference"]
            if reference not in self._orders().image_volumes:
                raise NotYet(f'failed to pull image "{reference}": the node has no such image')
            return Path(self._orders().image_volumes[reference])
        directory = self._place(volume)  # emptyDir
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    async def _claimed(self, claim: str) -> Path:
        namespace = self._pod["metadata"]["namespace"]
        try:
            found = await self._api.get("PersistentVolumeClaim", claim, namespace)
            volume = await self._api.get("PersistentVolume", found["spec"]["volumeName"])
        except (ApiError, KeyError) as error:
            raise NotYet(f"claim {claim}: {error}") from error
        return Path(volume["spec"]["hostPath"]["path"])

    def _link_models(self) -> None:
        for mount in self._model_mounts():
            link, source = Path(mount["mountPath"]), self._source(mount)
            if not link.is_symlink() or link.readlink() != source:
                link.parent.mkdir(parents=True, exist_ok=True)
                staged = link.with_name(f"..{link.name}")
                staged.unlink(missing_ok=True)
                staged.symlink_to(source)
                staged.replace(link)

    def _model_mounts(self) -> list[Object]:
        containers = self._pod["spec"]["containers"]
        mounts = [mount for container in containers for mount in container.get("volumeMounts") or ()]
        return [mount for mount in mounts if self._is_model(mount)]

    def _is_model(self, mount: Object) -> bool:
        return self._models in Path(mount["mountPath"]).parents

    def _source(self, mount: Object) -> Path:
        return self._directories[mount["name"]] / str(mount.get("subPath", ""))
