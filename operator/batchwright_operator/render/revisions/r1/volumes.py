"""The pod's volumes, and where the container has them."""

from dataclasses import dataclass

from batchwright_operator.render import names, sources
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.modelserver import ModelServer

CALIBRATION_VOLUME = "calibration"
SCRATCH_VOLUME = "tmp"
TLS_DIRECTORY = "/etc/batchwright-tls"
CLIENT_CA_DIRECTORY = "/etc/batchwright-client-ca"
AUTH_DIRECTORY = "/etc/batchwright-auth"
_SECRET_MODE = 0o440  # for the pod's group alone


@dataclass(frozen=True)
class _Volume:
    source: names.Manifest
    path: str
    read_only: bool = True


def render_volumes(server: ModelServer, settings: Settings) -> list[names.Manifest]:
    """The volumes of the pod."""
    own = [{"name": name, **item.source} for name, item in _volumes(server, settings).items()]
    return own + [item.volume for item in sources.mount_sources(server, settings)]


def render_mounts(server: ModelServer, settings: Settings) -> list[names.Manifest]:
    """The mounts of the container."""
    own = [
        _mount(name, item.path, read_only=item.read_only)
        for name, item in _volumes(server, settings).items()
    ]
    of_models = sources.mount_sources(server, settings)
    return own + [_mount(item.name, item.path, read_only=True) for item in of_models]


def _volumes(server: ModelServer, settings: Settings) -> dict[str, _Volume]:
    config = {"configMap": {"name": names.config_map_name(server)}}
    found = {names.CONFIG_VOLUME: _Volume(config, settings.config_mount)}
    if settings.scratch_mount is not None:
        # The root is read only. What lies here is in memory, and counts as the container's.
        scratch = _empty("64Mi", medium="Memory")
        found[SCRATCH_VOLUME] = _Volume(scratch, settings.scratch_mount, read_only=False)
    if settings.calibration_mount is not None:
        kept = _Volume(_empty("16Mi"), settings.calibration_mount, read_only=False)
        found[CALIBRATION_VOLUME] = kept
    return found | _protection(server)


def _protection(server: ModelServer) -> dict[str, _Volume]:
    tls, auth = server.spec.tls, server.spec.auth
    found = {}
    if tls is not None:
        found["tls"] = _Volume(_secret(tls.secret_name, ("tls.crt", "tls.key")), TLS_DIRECTORY)
        if tls.client_ca_config_map is not None:
            authority = tls.client_ca_config_map
            items = [{"key": authority.key, "path": "ca.crt"}]
            source = {"configMap": {"name": authority.name, "items": items}}
            found["client-ca"] = _Volume(source, CLIENT_CA_DIRECTORY)
    if auth is not None:
        found["auth"] = _Volume(_secret(auth.secret_name, (auth.key,)), AUTH_DIRECTORY)
    return found


def _secret(name: str, keys: tuple[str, ...]) -> names.Manifest:
    items = [{"key": key, "path": key} for key in keys]
    return {"secret": {"secretName": name, "items": items, "defaultMode": _SECRET_MODE}}


def _empty(limit: str, **more: str) -> names.Manifest:
    return {"emptyDir": {"sizeLimit": limit, **more}}


def _mount(name: str, path: str, *, read_only: bool) -> names.Manifest:
    return {"name": name, "mountPath": path} | ({"readOnly": True} if read_only else {})
