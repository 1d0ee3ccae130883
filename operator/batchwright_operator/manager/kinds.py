"""What the operator watches."""

from batchwright_operator.cluster.kubernetes.resources_table import route_of
from batchwright_operator.handlers.watching import Watch
from batchwright_operator.manager.census import Kind
from batchwright_operator.resources import modelserver, pipeline

SELECTOR = "app.kubernetes.io/managed-by=batchwright"

_OURS = (modelserver.KIND, pipeline.KIND)
_OWNED = (
    "ConfigMap",
    "Deployment",
    "Service",
    "ServiceAccount",
    "PodDisruptionBudget",
    "HorizontalPodAutoscaler",
    "NetworkPolicy",
    "Pod",
)
_OPTIONAL = ("ServiceMonitor",)  # there where the Prometheus operator is


def watched_kinds() -> tuple[Kind, ...]:
    """Our own kinds, and of what they own the objects that carry our label."""
    return (
        *(Kind(_watch(kind, "")) for kind in _OURS),
        *(Kind(_watch(kind, SELECTOR)) for kind in _OWNED),
        *(Kind(_watch(kind, SELECTOR), is_optional=True) for kind in _OPTIONAL),
    )


def _watch(kind: str, selector: str) -> Watch:
    route = route_of(kind)
    return Watch(kind, route.group, route.version, route.plural, selector)
