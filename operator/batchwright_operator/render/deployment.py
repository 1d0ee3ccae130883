"""The Deployment: pods that read the ConfigMap, and are replaced without a gap."""

from batchwright_operator.render import container, names
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.pod import Pod

DRAIN_SECONDS = 20  # what the server may take for its last requests, beyond their longest wait


def render_deployment(server: ModelServer, settings: Settings) -> names.Manifest:
    """The Deployment. Nothing in it depends on plans, so a switch never replaces a pod."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": names.metadata(server, server.name),
        "spec": {
            "replicas": server.spec.replicas,
            "selector": {"matchLabels": names.selector(server)},
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
            },
            "template": {
                "metadata": _pod_metadata(server),
                "spec": _pod_spec(server, settings),
            },
        },
    }


def _pod_metadata(server: ModelServer) -> names.Manifest:
    metadata: names.Manifest = {"labels": names.pod_labels(server)}
    if server.spec.pod.annotations:
        metadata["annotations"] = dict(server.spec.pod.annotations)
    return metadata


def _pod_spec(server: ModelServer, settings: Settings) -> names.Manifest:
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 5000,
            "runAsGroup": 5000,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "terminationGracePeriodSeconds": _grace_seconds(server),
        "containers": [container.render_container(server, settings)],
        "volumes": _volumes(server),
        **_placement(server.spec.pod),
    }


def _grace_seconds(server: ModelServer) -> int:
    longest = max(model.batching.reload.queue.max_wait_seconds for model in server.spec.models)
    return container.PRE_STOP_SECONDS + longest + DRAIN_SECONDS


def _volumes(server: ModelServer) -> list[names.Manifest]:
    config = {"name": names.CONFIG_VOLUME, "configMap": {"name": names.config_map_name(server)}}
    claims = [
        {
            "name": names.claim_volume(claim),
            "persistentVolumeClaim": {"claimName": claim, "readOnly": True},
        }
        for claim in server.spec.claims
    ]
    return [config, *claims]


def _placement(pod: Pod) -> names.Manifest:
    placement: names.Manifest = {}
    if pod.image_pull_secrets:
        placement["imagePullSecrets"] = [{"name": item.name} for item in pod.image_pull_secrets]
    if pod.node_selector:
        placement["nodeSelector"] = dict(pod.node_selector)
    if pod.tolerations:
        placement["tolerations"] = [
            item.model_dump(by_alias=True, exclude_none=True) for item in pod.tolerations
        ]
    if pod.priority_class_name:
        placement["priorityClassName"] = pod.priority_class_name
    return placement
