"""Where the API server keeps each kind of object: known beforehand, so that nobody has to ask it."""

from dataclasses import dataclass

from batchwright_operator.resources import modelserver, pipeline

_OURS = "batchwright.dev"


@dataclass(frozen=True)
class Route:
    """One kind's place in the API. `group` "" is the core's."""

    kind: str
    group: str
    version: str
    plural: str

    @property
    def api_version(self) -> str:
        """As it stands in a manifest."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str, name: str = "", subresource: str = "") -> str:
        """Of an object or, without a name, of all of them in a namespace or, without one, everywhere."""
        root = f"/apis/{self.group}" if self.group else "/api"
        place = ("namespaces", namespace) if namespace else ()
        parts = (root, self.version, *place, self.plural, name, subresource)
        return "/".join(part for part in parts if part)


_ROUTES = (
    Route(modelserver.KIND, _OURS, "v1alpha1", "modelservers"),
    Route(pipeline.KIND, _OURS, "v1alpha1", "pipelines"),
    Route("ConfigMap", "", "v1", "configmaps"),
    Route("Service", "", "v1", "services"),
    Route("ServiceAccount", "", "v1", "serviceaccounts"),
    Route("Pod", "", "v1", "pods"),
    Route("Deployment", "apps", "v1", "deployments"),
    Route("ReplicaSet", "apps", "v1", "replicasets"),
    Route("PodDisruptionBudget", "policy", "v1", "poddisruptionbudgets"),
    Route("HorizontalPodAutoscaler", "autoscaling", "v2", "horizontalpodautoscalers"),
    Route("NetworkPolicy", "networking.k8s.io", "v1", "networkpolicies"),
    Route("ServiceMonitor", "monitoring.coreos.com", "v1", "servicemonitors"),
    Route("Event", "events.k8s.io", "v1", "events"),
    Route("Lease", "coordination.k8s.io", "v1", "leases"),
)
_BY_KIND = {route.kind: route for route in _ROUTES}


def route_of(kind: str) -> Route:
    """The place of `kind`. Raises KeyError for a kind that is none of this operator's business."""
    return _BY_KIND[kind]
