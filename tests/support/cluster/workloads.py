"""A Deployment of the server as a person writes it, without any operator: to test the node with."""

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support import models
from tests.support.certificates import Pair
from tests.support.cluster.apiclient import ApiClient, Object
from tests.support.serving import document, model_config

IMAGE = "batchwright/server:test"
NAME = "vision"
LABELS = {"app": NAME}
_CONFIG_MOUNT = "/etc/batchwright"
_TLS_MOUNT = "/etc/batchwright-tls"


@dataclass(frozen=True)
class Workload:
    """What of the Deployment differs between tests."""

    replicas: int = 1
    args: tuple[str, ...] = ()
    grace_seconds: int = 20
    pre_stop_seconds: int = 1
    pod: dict[str, Any] = field(default_factory=dict)  # more of the pod's spec
    container: dict[str, Any] = field(default_factory=dict)  # more of the container


def save_model(folder: Path) -> Path:
    """A model `m` of which an answer is three times the input and one: where its files are."""
    return models.save(models.affine(), folder / "m")


def config_text(folder: Path, **keys: Any) -> str:
    """A configuration document with the model `m` in `folder`."""
    return json.dumps(document(model_config("m", folder, **{"batch_size": "auto", **keys})))


async def create(api: ApiClient, namespace: str, config: str, workload: Workload) -> None:
    """Create the ConfigMap, the Deployment, the Service and the PodDisruptionBudget."""
    for manifest in (
        config_map(config),
        deployment(workload),
        service(),
        disruption_budget(),
    ):
        await api.create(manifest, namespace=namespace)


def config_map(config: str) -> Object:
    """The ConfigMap with the configuration document."""
    return _object("v1", "ConfigMap", data={"config.json": config})


def service() -> Object:
    """The Service before the pods."""
    ports = [{"name": "grpc", "port": 9000, "targetPort": "grpc"}]
    return _object("v1", "Service", spec={"selector": LABELS, "ports": ports})


def disruption_budget() -> Object:
    """A budget of one pod."""
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": LABELS}}
    return _object("policy/v1", "PodDisruptionBudget", spec=spec)


def deployment(workload: Workload) -> Object:
    """The Deployment."""
    template = {"metadata": {"labels": LABELS}, "spec": _pod_spec(workload)}
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    spec = {
        "replicas": workload.replicas,
        "selector": {"matchLabels": LABELS},
        "strategy": rolling,
        "template": template,
    }
    return _object("apps/v1", "Deployment", spec=spec)


def _pod_spec(workload: Workload) -> Object:
    return {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": workload.grace_seconds,
        "containers": [_container(workload)],
        "volumes": [{"name": "config", "configMap": {"name": NAME}}],
        **workload.pod,
    }


def _container(workload: Workload) -> Object:
    live = {"path": "/v2/health/live", "port": "http"}
    ready = {"path": "/v2/health/ready", "port": "http"}
    args = [f"--config_path={_CONFIG_MOUNT}/config.json", "--port=9000", "--rest_port=8000"]
    return {
        "name": "server",
        "image": IMAGE,
        "args": [*args, "--file_system_poll_wait_seconds=1", *workload.args],
        "ports": [{"name": "grpc", "containerPort": 9000}, {"name": "http", "containerPort": 8000}],
        "startupProbe": {"httpGet": live, "periodSeconds": 1, "failureThreshold": 60},
        "livenessProbe": {"httpGet": live, "periodSeconds": 1, "timeoutSeconds": 2},
        "readinessProbe": {"httpGet": ready, "periodSeconds": 1, "timeoutSeconds": 2},
        "lifecycle": {"preStop": {"sleep": {"seconds": workload.pre_stop_seconds}}},
        "volumeMounts": [{"name": "config", "mountPath": _CONFIG_MOUNT, "readOnly": True}],
        **workload.container,
    }


def _object(api_version: str, kind: str, **content: Any) -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": NAME}, **content}


def with_tls() -> Workload:
    """A Deployment whose server speaks TLS with the Secret of `tls_secret`, probed by HTTPS."""
    mounts = [
        {"name": "config", "mountPath": _CONFIG_MOUNT, "readOnly": True},
        {"name": "tls", "mountPath": _TLS_MOUNT, "readOnly": True},
    ]
    volumes = [
        {"name": "config", "configMap": {"name": NAME}},
        {"name": "tls", "secret": {"secretName": NAME, "defaultMode": 0o440}},
    ]
    get = {"port": "http", "scheme": "HTTPS"}
    probes = {
        name: {"httpGet": {**get, "path": f"/v2/health/{path}"}, "periodSeconds": 1, "timeoutSeconds": 2}
        for name, path in (("livenessProbe", "live"), ("readinessProbe", "ready"))
    }
    startup = {"startupProbe": {**probes["livenessProbe"], "failureThreshold": 60}}
    files = (f"--tls_cert_path={_TLS_MOUNT}/tls.crt", f"--tls_key_path={_TLS_MOUNT}/tls.key")
    container = {"volumeMounts": mounts, **probes, **startup}
    return Workload(args=files, pod={"volumes": volumes}, container=container)


def tls_secret(pair: Pair) -> Object:
    """The Secret with the server's certificate."""
    files = {"tls.crt": pair.certificate, "tls.key": pair.key}
    data = {name: base64.b64encode(path.read_bytes()).decode() for name, path in files.items()}
    return _object("v1", "Secret", type="kubernetes.io/tls", data=data)


async def create_claim(api: ApiClient, namespace: str, name: str, directory: Path) -> None:
    """A claim, bound to a volume of its own that is `directory` of the node."""
    amount = {"storage": "1Gi"}
    modes = ["ReadOnlyMany"]
    volume = f"{namespace}-{name}"
    spec = {
        "capacity": amount,
        "accessModes": modes,
        "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": "",
        "hostPath": {"path": str(directory)},
        "claimRef": {"namespace": namespace, "name": name},
    }
    await api.create(
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": volume}, "spec": spec}
    )
    wanted = {
        "accessModes": modes,
        "storageClassName": "",
        "volumeName": volume,
        "resources": {"requests": amount},
    }
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}}
    await api.create({**claim, "spec": wanted}, namespace=namespace)
    await api.wait_for(
        "PersistentVolumeClaim",
        name,
        namespace,
        until=lambda found: found.get("status", {}).get("phase") == "Bound",
        seconds=30,
    )
