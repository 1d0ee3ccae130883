"""How the pods are looked after: as whom they run, how many may go at once, how many there are."""

from batchwright_operator.render import names
from batchwright_operator.resources.modelserver import API_VERSION, KIND, ModelServer
from batchwright_operator.resources.scaling import Autoscaling

AUTOSCALER = "HorizontalPodAutoscaler"


def render_account(server: ModelServer) -> names.Manifest:
    """The ServiceAccount, which may do nothing and has no token."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": names.metadata(server, server.name),
        "automountServiceAccountToken": False,
    }


def render_disruption_budget(server: ModelServer) -> names.Manifest:
    """The PodDisruptionBudget: one pod at a time, and pods that are broken anyway at any time."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": names.metadata(server, server.name),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": names.selector(server)},
        },
    }


def render_autoscaler(server: ModelServer, autoscaling: Autoscaling) -> names.Manifest:
    """The HorizontalPodAutoscaler. It scales the ModelServer, not its Deployment."""
    spec: names.Manifest = {
        "scaleTargetRef": {"apiVersion": API_VERSION, "kind": KIND, "name": server.name},
        "minReplicas": autoscaling.min_replicas,
        "maxReplicas": autoscaling.max_replicas,
    }
    if autoscaling.metrics:
        spec["metrics"] = list(autoscaling.metrics)
    if autoscaling.behavior is not None:
        spec["behavior"] = autoscaling.behavior
    return {
        "apiVersion": "autoscaling/v2",
        "kind": AUTOSCALER,
        "metadata": names.metadata(server, server.name),
        "spec": spec,
    }
