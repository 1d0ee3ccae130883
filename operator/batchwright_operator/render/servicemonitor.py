"""The ServiceMonitor: where Prometheus finds the metrics of the pods."""

from batchwright_operator.render import admin, names
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.security import Tls

KIND = "ServiceMonitor"


def render_service_monitor(server: ModelServer, settings: Settings) -> names.Manifest:
    """The ServiceMonitor. At the admin port metrics need neither a token nor a client's certificate."""
    metadata = names.metadata(server, server.name)
    metadata["labels"] = {**server.spec.monitoring.labels, **metadata["labels"]}
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": KIND,
        "metadata": metadata,
        "spec": {
            "selector": {
                "matchLabels": names.selector(server),
                # Both Services have the same pods; each is to be read once.
                "matchExpressions": [{"key": names.HEADLESS, "operator": "DoesNotExist"}],
            },
            "endpoints": [_endpoint(server, settings)],
        },
    }


def _endpoint(server: ModelServer, settings: Settings) -> names.Manifest:
    port = "http" if settings.admin_port is None else "admin"
    endpoint: names.Manifest = {"targetPort": port, "path": "/metrics"}
    if server.spec.tls is not None:
        endpoint |= {"scheme": "https", "tlsConfig": _tls_config(server, server.spec.tls)}
    return endpoint


def _tls_config(server: ModelServer, tls: Tls) -> names.Manifest:
    config: names.Manifest = {"serverName": admin.server_name(server)}
    if tls.ca_config_map is not None:
        authority = tls.ca_config_map
        config["ca"] = {"configMap": {"name": authority.name, "key": authority.key}}
    return config
