"""The one container of a pod: the server's command line, probes and security."""

from batchwright_operator.render import admin, names
from batchwright_operator.render.revisions.r1 import volumes
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.environment import EnvVar
from batchwright_operator.resources.modelserver import ModelServer

PRE_STOP_SECONDS = 5  # for endpoints to be told that the pod goes, before it stops listening
_STARTUP_SECONDS = 600  # compiling large models is slow; liveness starts to count after it


def render_container(server: ModelServer, settings: Settings, image: str) -> names.Manifest:
    """The container."""
    pod = server.spec.pod
    return {
        "name": names.SERVER_CONTAINER,
        "image": pod.image or image,
        "args": _args(server, settings),
        "env": render_env(server, settings),
        "ports": _ports(server, settings),
        **_probes(server, settings),
        "lifecycle": {"preStop": {"sleep": {"seconds": PRE_STOP_SECONDS}}},
        "resources": pod.resources.model_dump(exclude_defaults=True),
        "securityContext": render_security(),
        "volumeMounts": volumes.render_mounts(server, settings),
    }


def render_security() -> names.Manifest:
    """What the restricted Pod Security Standard asks of a container."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def _args(server: ModelServer, settings: Settings) -> list[str]:
    service = server.spec.service
    flags = {
        "config_path": f"{settings.config_mount}/{names.CONFIG_FILE}",
        "port": service.grpc_port,
        "rest_port": service.http_port,
        "grpc_bind_address": settings.grpc_bind_address,
        "rest_bind_address": settings.rest_bind_address,
        **_admin_flags(server, settings),
        "file_system_poll_wait_seconds": 1,
        **_protection_flags(server),
    }
    if service.max_connection_age_seconds is not None:
        flags["max_connection_age_seconds"] = service.max_connection_age_seconds
    if server.spec.workers > 1:
        flags["workers"] = server.spec.workers
    if settings.calibration_mount is not None:
        flags["calibration_dir"] = settings.calibration_mount
    return [f"--{name}={value}" for name, value in flags.items()] + list(settings.server_args)


def _admin_flags(server: ModelServer, settings: Settings) -> dict[str, str | int]:
    port = admin.choose_port(server, settings)
    if port is None:
        return {}
    return {"admin_port": port, "admin_bind_address": settings.admin_bind_address}


def _protection_flags(server: ModelServer) -> dict[str, str]:
    tls, auth = server.spec.tls, server.spec.auth
    flags = {}
    if tls is not None:
        flags["tls_cert_path"] = f"{volumes.TLS_DIRECTORY}/tls.crt"
        flags["tls_key_path"] = f"{volumes.TLS_DIRECTORY}/tls.key"
        if tls.client_ca_config_map is not None:
            flags["tls_client_ca_path"] = f"{volumes.CLIENT_CA_DIRECTORY}/ca.crt"
    if auth is not None:
        flags["auth_token_file"] = f"{volumes.AUTH_DIRECTORY}/{auth.key}"
    return flags


def render_env(server: ModelServer, settings: Settings) -> list[names.Manifest]:
    """The variables: the user's, and the pod's own name and address."""
    own = [_variable(item) for item in server.spec.pod.env]
    given = {item["name"] for item in own}
    home = {"name": "HOME", "value": settings.scratch_mount}  # libraries write there
    ours = [] if settings.scratch_mount is None or "HOME" in given else [home]
    # The pod's address comes last: nothing of the user's may hide it.
    return [*ours, *own, _field("POD_NAME", "metadata.name"), _field("POD_IP", "status.podIP")]


def _variable(item: EnvVar) -> names.Manifest:
    if item.value_from is None:
        return {"name": item.name, "value": item.value}
    source = item.value_from.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {"name": item.name, "valueFrom": source}


def _field(name: str, path: str) -> names.Manifest:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def _ports(server: ModelServer, settings: Settings) -> list[names.Manifest]:
    service = server.spec.service
    ports = {
        "grpc": service.grpc_port,
        "http": service.http_port,
        "admin": admin.choose_port(server, settings),
    }
    return [
        {"name": name, "containerPort": port, "protocol": "TCP"}
        for name, port in ports.items()
        if port is not None
    ]


def _probes(server: ModelServer, settings: Settings) -> names.Manifest:
    port = "http" if settings.admin_port is None else "admin"
    scheme = {"scheme": "HTTPS"} if server.spec.tls is not None else {}
    live = {"httpGet": {"path": "/v2/health/live", "port": port, **scheme}}
    ready = {"httpGet": {"path": "/v2/health/ready", "port": port, **scheme}}
    return {
        "startupProbe": {**live, "periodSeconds": 2, "failureThreshold": _STARTUP_SECONDS // 2},
        "livenessProbe": {**live, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6},
        "readinessProbe": {**ready, "periodSeconds": 2, "timeoutSeconds": 2, "failureThreshold": 2},
    }
