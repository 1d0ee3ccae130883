"""Everything that is rendered for one ModelServer, each manifest marked with its own hash."""

import json
from dataclasses import dataclass

from batchwright_operator.render import configmap, deployment, names, service
from batchwright_operator.render.document import Plans
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_server.config import digest


@dataclass(frozen=True)
class Bundle:
    """The manifests of one ModelServer, and the digest of its configuration document."""

    config_map: names.Manifest
    deployment: names.Manifest
    service: names.Manifest
    config_hash: str

    @property
    def manifests(self) -> tuple[names.Manifest, ...]:
        """In the order in which they have to exist."""
        return (self.config_map, self.deployment, self.service)


def render_bundle(server: ModelServer, settings: Settings, plans: Plans) -> Bundle:
    """The manifests of `server` with its models on `plans`."""
    config_map = _mark(configmap.render_config_map(server, settings, plans))
    return Bundle(
        config_map=config_map,
        deployment=_mark(deployment.render_deployment(server, settings)),
        service=_mark(service.render_service(server)),
        config_hash=config_map["metadata"]["annotations"][names.CONFIG_HASH],
    )


def rendered_hash(manifest: names.Manifest) -> str | None:
    """The hash that a manifest is marked with."""
    value = manifest["metadata"].get("annotations", {}).get(names.RENDERED_HASH)
    return str(value) if value is not None else None


def _mark(manifest: names.Manifest) -> names.Manifest:
    text = json.dumps(manifest, sort_keys=True).encode()
    metadata = dict(manifest["metadata"])
    mark = {names.RENDERED_HASH: digest.digest(text)}
    metadata["annotations"] = {**metadata.get("annotations", {}), **mark}
    return {**manifest, "metadata": metadata}
