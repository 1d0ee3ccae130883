"""The volumes that models are on: where each is mounted, and where a model is on it."""

import json
from dataclasses import dataclass

from batchwright_operator.render import names
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.source import ConfigMapSource, ImageSource, Source
from batchwright_server.config import digest


@dataclass(frozen=True)
class Mounted:
    """A volume of a pod and where it is mounted, to be read only."""

    name: str
    path: str
    volume: names.Manifest


def mount_sources(server: ModelServer, settings: Settings) -> tuple[Mounted, ...]:
    """The volumes of all models, each once, in the order in which they are first named."""
    found = (mount_source(model.source, settings) for model in server.spec.models)
    return tuple({mounted.name: mounted for mounted in found}.values())


def base_path(source: Source, settings: Settings) -> str:
    """The directory of versions of a model, as the server finds it."""
    root = mount_source(source, settings).path
    return f"{root}/{source.path}" if source.path else root


def mount_source(source: Source, settings: Settings) -> Mounted:
    """The volume of a model's source."""
    if source.image is not None:
        return _mount_image(source.image, settings)
    if source.config_map is not None:
        return _mount_config_map(source.config_map, settings)
    claim = source.claim.claim_name
    name = names.claim_volume(claim)
    volume = {"persistentVolumeClaim": {"claimName": claim, "readOnly": True}}
    return Mounted(name, settings.claim_path(claim), {"name": name, **volume})


def _mount_image(source: ImageSource, settings: Settings) -> Mounted:
    image = {"reference": source.reference}
    if source.pull_policy is not None:
        image["pullPolicy"] = source.pull_policy.value
    return _mount("image", {"image": image}, settings)


def _mount_config_map(source: ConfigMapSource, settings: Settings) -> Mounted:
    items = [item.model_dump(by_alias=True) for item in source.items]
    return _mount("configmap", {"configMap": {"name": source.name, "items": items}}, settings)


def _mount(kind: str, volume: names.Manifest, settings: Settings) -> Mounted:
    mark = digest.digest(json.dumps(volume, sort_keys=True).encode())
    name = f"{kind}-{mark}"
    # An underscore: no claim's name has one, so that none has this directory.
    return Mounted(name, f"{settings.models_mount}/{kind}_{mark}", {"name": name, **volume})
