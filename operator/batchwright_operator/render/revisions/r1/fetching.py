"""What runs before the server: a container for each model that is fetched, by the server's own image."""

import json

from batchwright_operator.render import names, sources
from batchwright_operator.render.revisions.r1 import container, volumes
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources import quantity
from batchwright_operator.resources.model import Model
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.origin import Access

_CA_DIRECTORY = "/etc/batchwright-fetch-ca"


def render_steps(server: ModelServer, settings: Settings, image: str) -> names.Manifest:
    """The init containers, as a part of the pod's spec; nothing if no model is fetched."""
    models = {
        sources.fetch_key(item): item for item in server.spec.models if item.source.uri is not None
    }
    steps = [_render(model, server, settings, image) for model in models.values()]
    return {"initContainers": steps} if steps else {}


def render_authorities(server: ModelServer) -> list[names.Manifest]:
    """The volumes with the authorities that stores' certificates are signed by."""
    found = {}
    for model in server.spec.models:
        authority = _access(model).ca_config_map
        if authority is not None:
            items = [{"key": authority.key, "path": "ca.crt"}]
            volume = {"configMap": {"name": authority.name, "items": items}}
            found[_ca_volume(model)] = volume
    return [{"name": name, **volume} for name, volume in found.items()]


def _render(model: Model, server: ModelServer, settings: Settings, image: str) -> names.Manifest:
    pod, secret = server.spec.pod, _access(model).credentials_secret_name
    step = {
        "name": f"{names.FETCH_CONTAINER}-{sources.fetch_key(model)}",
        "image": pod.image or image,
        "args": _args(model, server, settings),
        "env": container.render_env(server, settings),
        "resources": pod.resources.model_dump(exclude_defaults=True),
        "securityContext": container.render_security(),
        "volumeMounts": _mounts(model, settings),
    }
    return step | ({"envFrom": [{"secretRef": {"name": secret}}]} if secret is not None else {})


def _args(model: Model, server: ModelServer, settings: Settings) -> list[str]:
    access = _access(model)
    flags = {
        "model_name": model.name,
        "uri": model.source.uri,
        "cache_dir": settings.cache_path,
        "cache_key": sources.fetch_key(model),
        "model_version_policy": _policy(model),
        "max_bytes": _max_bytes(server),
        "endpoint": access.endpoint,
        "region": access.region,
        "ca_file": f"{_CA_DIRECTORY}/ca.crt" if access.ca_config_map is not None else None,
    }
    # A dollar sign would begin a reference to a variable.
    given = [f"--{key}={value}".replace("$", "$$") for key, value in flags.items() if value is not None]
    anonymous = ["--anonymous"] if access.anonymous else []
    return ["fetch", *given, *anonymous, f"--termination_log={settings.termination_log}"]


def _policy(model: Model) -> str:
    """As in a configuration document."""
    policy = model.version_policy
    if policy.latest is not None:
        return json.dumps({"latest": {"num_versions": policy.latest.count}})
    if policy.specific is not None:
        return json.dumps({"specific": {"versions": list(policy.specific.versions)}})
    return json.dumps({"all": {}})


def _max_bytes(server: ModelServer) -> int | None:
    cache = server.spec.model_cache
    if cache.size_limit is None and cache.claim_name is not None:
        return None
    return int(quantity.amount(cache.size_limit or sources.DEFAULT_LIMIT))


def _mounts(model: Model, settings: Settings) -> list[names.Manifest]:
    mounts: list[names.Manifest] = [{"name": sources.CACHE_VOLUME, "mountPath": settings.cache_path}]
    if settings.scratch_mount is not None:
        mounts.append({"name": volumes.SCRATCH_VOLUME, "mountPath": settings.scratch_mount})
    if _access(model).ca_config_map is not None:
        mounts.append({"name": _ca_volume(model), "mountPath": _CA_DIRECTORY, "readOnly": True})
    return mounts


def _ca_volume(model: Model) -> str:
    return f"ca-{sources.fetch_key(model)}"


def _access(model: Model) -> Access:
    return model.source.access or Access()
