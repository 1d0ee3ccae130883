"""The ConfigMap that carries the configuration document."""

from batchwright_operator.render import document, names
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_server.config import digest


def render_config_map(server: ModelServer, settings: Settings, plans: document.Plans) -> names.Manifest:
    """The ConfigMap; an annotation carries the digest by which a pod's answer is recognised."""
    content = document.render_config(server, settings, plans)
    metadata = names.metadata(server, names.config_map_name(server))
    metadata["annotations"] = {names.CONFIG_HASH: digest.digest(content)}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "data": {names.CONFIG_FILE: content.decode()},
    }
