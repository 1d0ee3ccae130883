"""The one container of a pod: the server's command line, probes and security."""

from batchwright_operator.render import names
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.modelserver import ModelServer

PRE_STOP_SECONDS = 5  # for endpoints to be told that the pod goes, before it stops listening
_STARTUP_SECONDS = 600  # compiling large models is slow; liveness starts to count after it


def render_container(server: ModelServer, settings: Settings) -> names.Manifest:
    """The container."""
    pod = server.spec.pod
    own_env = [{"name": item.name, "value": item.value} for item in pod.env]
    return {
        "name": names.SERVER_CONTAINER,
        "image": pod.image or settings.image,
        "args": _args(server, settings),
        # The pod's address comes last: nothing of the user's may hide it.
        "env": [*own_env, _field_env("POD_NAME", "metadata.name"), _field_env("POD_IP", "status.podIP")],
        "ports": _ports(server),
        **_probes(),
        "lifecycle": {"preStop": {"sleep": {"seconds": PRE_STOP_SECONDS}}},
        "resources": pod.resources.model_dump(exclude_defaults=True),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": _mounts(server, settings),
    }


def _args(server: ModelServer, settings: Settings) -> list[str]:
    service = server.spec.service
    flags = {
        "config_path": f"{settings.config_mount}/{names.CONFIG_FILE}",
        "port": service.grpc_port,
        "rest_port": service.http_port,
        "grpc_bind_address": settings.grpc_bind_address,
        "rest_bind_address": settings.rest_bind_address,
        "file_system_poll_wait_seconds": 1,
    }
    return [f"--{name}={value}" for name, value in flags.items()] + list(settings.server_args)


def _field_env(name: str, path: str) -> names.Manifest:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def _ports(server: ModelServer) -> list[names.Manifest]:
    service = server.spec.service
    return [
        {"name": "grpc", "containerPort": service.grpc_port, "protocol": "TCP"},
        {"name": "http", "containerPort": service.http_port, "protocol": "TCP"},
    ]


def _probes() -> names.Manifest:
    live = {"httpGet": {"path": "/v2/health/live", "port": "http"}}
    ready = {"httpGet": {"path": "/v2/health/ready", "port": "http"}}
    return {
        "startupProbe": {**live, "periodSeconds": 2, "failureThreshold": _STARTUP_SECONDS // 2},
        "livenessProbe": {**live, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6},
        "readinessProbe": {**ready, "periodSeconds": 2, "timeoutSeconds": 2, "failureThreshold": 2},
    }


def _mounts(server: ModelServer, settings: Settings) -> list[names.Manifest]:
    config = {"name": names.CONFIG_VOLUME, "mountPath": settings.config_mount, "readOnly": True}
    claims = [
        {
            "name": names.claim_volume(claim),
            "mountPath": settings.claim_path(claim),
            "readOnly": True,
        }
        for claim in server.spec.claims
    ]
    return [config, *claims]
