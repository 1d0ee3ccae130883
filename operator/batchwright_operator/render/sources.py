"""The volumes that models are on: where each is mounted, and where a model is on it."""

import json
from dataclasses import dataclass

from batchwright_operator.render import names
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.model import Model
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.source import ConfigMapSource, ImageSource, Source
from batchwright_server.config import digest

CACHE_VOLUME = "model-cache"
DEFAULT_LIMIT = "10Gi"
_REPOSITORY = "model"  # what a fetched model's directory of versions is called on the volume


@dataclass(frozen=True)
class Mounted:
    """A volume of a pod and where it is mounted, to be read only."""

    name: str
    path: str
    volume: names.Manifest


def mount_sources(server: ModelServer, settings: Settings) -> tuple[Mounted, ...]:
    """The volumes of all models, each once, in the order in which they are first named."""
    found = (
        mount_source(model.source, settings)
        if model.source.uri is None
        else _mount_cache(server, settings)
        for model in server.spec.models
    )
    return tuple({mounted.name: mounted for mounted in found}.values())


def base_path(model: Model, settings: Settings) -> str:
    """The directory of versions of a model, as the server finds it."""
    source = model.source
    if source.uri is not None:
        return f"{settings.cache_path}/{fetch_key(model)}/{_REPOSITORY}"
    root = mount_source(source, settings).path
    return f"{root}/{source.path}" if source.path else root


def fetch_key(model: Model) -> str:
    """The directory that a model by `uri` has on the volume: the same for what is fetched alike."""
    access = model.source.access
    where = (access.endpoint, access.region) if access is not None else (None, None)
    versions = model.version_policy.model_dump(mode="json")
    text = json.dumps([model.source.uri, *where, versions], sort_keys=True)
    return digest.digest(text.encode())


def mount_source(source: Source, settings: Settings) -> Mounted:
    """The volume of a model's source, where it is one."""
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


def _mount_cache(server: ModelServer, settings: Settings) -> Mounted:
    cache = server.spec.model_cache
    if cache.claim_name is not None:
        volume: names.Manifest = {"persistentVolumeClaim": {"claimName": cache.claim_name}}
    else:
        volume = {"emptyDir": {"sizeLimit": cache.size_limit or DEFAULT_LIMIT}}
    return Mounted(CACHE_VOLUME, settings.cache_path, {"name": CACHE_VOLUME, **volume})


def _mount(kind: str, volume: names.Manifest, settings: Settings) -> Mounted:
    mark = digest.digest(json.dumps(volume, sort_keys=True).encode())
    name = f"{kind}-{mark}"
    # An underscore: no claim's name has one, so that none has this directory.
    return Mounted(name, f"{settings.models_mount}/{kind}_{mark}", {"name": name, **volume})
