"""The kinds that tests speak of, and where the API server has them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind: its group and version, its name in addresses, and whether it lives in namespaces."""

    name: str
    api_version: str
    plural: str
    namespaced: bool = True

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The address of an object, or without `name` of them all."""
        root = f"/api/{self.api_version}" if self.api_version == "v1" else f"/apis/{self.api_version}"
        within = f"namespaces/{namespace}" if namespace and self.namespaced else ""
        return "/".join(part for part in (root, within, self.plural, name, subresource) if part)


_CORE = "v1"
_APPS = "apps/v1"
_RBAC = "rbac.authorization.k8s.io/v1"
_OURS = "batchwright.dev/v1alpha1"

_ALL = (
    Kind("ConfigMap", _CORE, "configmaps"),
    Kind("Namespace", _CORE, "namespaces", namespaced=False),
    Kind("Node", _CORE, "nodes", namespaced=False),
    Kind("PersistentVolume", _CORE, "persistentvolumes", namespaced=False),
    Kind("PersistentVolumeClaim", _CORE, "persistentvolumeclaims"),
    Kind("Pod", _CORE, "pods"),
    Kind("Secret", _CORE, "secrets"),
    Kind("Service", _CORE, "services"),
    Kind("ServiceAccount", _CORE, "serviceaccounts"),
    Kind("Deployment", _APPS, "deployments"),
    Kind("ReplicaSet", _APPS, "replicasets"),
    Kind("HorizontalPodAutoscaler", "autoscaling/v2", "horizontalpodautoscalers"),
    Kind("Lease", "coordination.k8s.io/v1", "leases"),
    Kind("EndpointSlice", "discovery.k8s.io/v1", "endpointslices"),
    Kind("Event", "events.k8s.io/v1", "events"),
    Kind("NetworkPolicy", "networking.k8s.io/v1", "networkpolicies"),
    Kind("PodDisruptionBudget", "policy/v1", "poddisruptionbudgets"),
    Kind("ClusterRole", _RBAC, "clusterroles", namespaced=False),
    Kind("ClusterRoleBinding", _RBAC, "clusterrolebindings", namespaced=False),
    Kind("Role", _RBAC, "roles"),
    Kind("RoleBinding", _RBAC, "rolebindings"),
    Kind(
        "CustomResourceDefinition",
        "apiextensions.k8s.io/v1",
        "customresourcedefinitions",
        namespaced=False,
    ),
    Kind("ServiceMonitor", "monitoring.coreos.com/v1", "servicemonitors"),
    Kind("ModelServer", _OURS, "modelservers"),
    Kind("Pipeline", _OURS, "pipelines"),
)


def find_kind(name: str) -> Kind:
    """The kind of this name."""
    return next(kind for kind in _ALL if kind.name == name)
