"""The Deployment: pods that read the ConfigMap, and are replaced without a gap."""

from batchwright_operator.render import names, template
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.modelserver import ModelServer

_PROGRESS_SECONDS = 900  # a pod may take ten minutes to start


def render_deployment(
    server: ModelServer, settings: Settings, chosen: template.Template, revisions: template.Revisions
) -> names.Manifest:
    """The Deployment. Its number of pods is the object's own, which an autoscaler writes there."""
    pods, record = template.render_template(server, settings, chosen, revisions)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {**names.metadata(server, server.name), "annotations": record},
        "spec": {
            "replicas": server.spec.replicas,
            "progressDeadlineSeconds": _PROGRESS_SECONDS,
            "selector": {"matchLabels": names.selector(server)},
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
            },
            "template": pods,
        },
    }
