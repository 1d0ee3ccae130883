"""The pod template: one container, by the restricted Pod Security Standard, spread over nodes."""

from typing import Any

from pydantic import BaseModel

from batchwright_operator.render import admin, names
from batchwright_operator.render.revisions.r1 import container, fetching, volumes
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.pod import Pod

_USER = 5000
# What the server may take to end: 25 s for gRPC requests, 60 s for HTTP, 4 s for all else; and a margin.
_DRAIN_SECONDS = 115
_LEAVING_SECONDS = 70  # the longest for which it lets connections come to their age before that
_WAIT_COVERED = 25  # what of a request's longest wait is in it


def render_template(server: ModelServer, settings: Settings, image: str) -> names.Manifest:
    """The template. Nothing in it depends on plans, so a switch never replaces a pod."""
    metadata: names.Manifest = {"labels": {**server.spec.pod.labels, **names.pod_labels(server)}}
    if server.spec.pod.annotations:
        metadata["annotations"] = dict(server.spec.pod.annotations)
    return {"metadata": metadata, "spec": _spec(server, settings, image)}


def _spec(server: ModelServer, settings: Settings, image: str) -> names.Manifest:
    return {
        "serviceAccountName": server.spec.pod.service_account_name or server.name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
            **_sysctls(server, settings),
        },
        "terminationGracePeriodSeconds": _grace_seconds(server),
        **fetching.render_steps(server, settings, image),
        "containers": [container.render_container(server, settings, image)],
        "volumes": volumes.render_volumes(server, settings) + fetching.render_authorities(server),
        **_placement(server),
    }


def _sysctls(server: ModelServer, settings: Settings) -> names.Manifest:
    """Leave to listen on ports below 1024, which without capabilities only this gives."""
    service = server.spec.service
    ports = (service.grpc_port, service.http_port, admin.choose_port(server, settings) or 1024)
    if min(ports) >= 1024:
        return {}
    return {"sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]}


def _grace_seconds(server: ModelServer) -> int:
    """More than a pod takes to end. Longer waits count in whole minutes: a change rolls the pods."""
    longest = max(model.batching.reload.queue.max_wait_seconds for model in server.spec.models)
    minutes = max(0, -(-(longest - _WAIT_COVERED) // 60))
    leaving = _LEAVING_SECONDS if server.spec.service.max_connection_age_seconds else 0
    return container.PRE_STOP_SECONDS + _DRAIN_SECONDS + 60 * minutes + leaving


def _placement(server: ModelServer) -> names.Manifest:
    pod = server.spec.pod
    placement = {
        "imagePullSecrets": [_plain(item) for item in pod.image_pull_secrets],
        "nodeSelector": dict(pod.node_selector),
        "tolerations": [_plain(item) for item in pod.tolerations],
        "priorityClassName": pod.priority_class_name,
        "affinity": pod.affinity,
        "topologySpreadConstraints": _spread(server, pod),
    }
    return {key: value for key, value in placement.items() if value}


def _spread(server: ModelServer, pod: Pod) -> list[Any]:
    if pod.topology_spread_constraints:
        return list(pod.topology_spread_constraints)
    over_nodes = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": names.selector(server)},
        "matchLabelKeys": ["pod-template-hash"],  # pods that are about to be replaced do not count
    }
    return [over_nodes]


def _plain(part: BaseModel) -> names.Manifest:
    return part.model_dump(mode="json", by_alias=True, exclude_none=True)
