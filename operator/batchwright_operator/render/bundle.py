"""Everything that is rendered for one ModelServer, each manifest marked with its own hash."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from batchwright_operator.render import (
    availability,
    configmap,
    deployment,
    names,
    networkpolicy,
    service,
    servicemonitor,
)
from batchwright_operator.render.document import Plans
from batchwright_operator.render.revisions.registry import REVISIONS
from batchwright_operator.render.settings import Settings
from batchwright_operator.render.template import Revisions, Template, newest_template
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_server.config import digest

_ON_REQUEST = (availability.AUTOSCALER, networkpolicy.KIND, servicemonitor.KIND)


@dataclass(frozen=True)
class Bundle:
    """The manifests of one ModelServer, in the order in which they have to exist.

    `unwanted` are the kinds and names of objects that exist on request and are not asked for.
    """

    manifests: tuple[names.Manifest, ...]
    unwanted: tuple[tuple[str, str], ...]

    def find(self, kind: str, name: str) -> names.Manifest | None:
        """The manifest of that kind and name."""
        found = (item for item in self.manifests if item["kind"] == kind)
        return next((item for item in found if item["metadata"]["name"] == name), None)

    @property
    def config_map(self) -> names.Manifest:
        """The ConfigMap with the configuration document."""
        return self._first("ConfigMap")

    @property
    def deployment(self) -> names.Manifest:
        """The Deployment of the pods."""
        return self._first("Deployment")

    @property
    def service(self) -> names.Manifest:
        """The Service that clients use."""
        return self._first("Service")

    @property
    def document(self) -> bytes:
        """The configuration document."""
        text: str = self.config_map["data"][names.CONFIG_FILE]
        return text.encode()

    @property
    def config_hash(self) -> str:
        """The digest of the document, by which a pod's answer is recognised."""
        return str(self.config_map["metadata"]["annotations"][names.CONFIG_HASH])

    @property
    def template_hash(self) -> str:
        """The hash that pods of the Deployment's template are marked with; empty if it has none."""
        metadata = self.deployment["spec"]["template"]["metadata"]
        return str(metadata.get("annotations", {}).get(names.TEMPLATE_HASH, ""))

    def _first(self, kind: str) -> names.Manifest:
        return next(item for item in self.manifests if item["kind"] == kind)


def render_bundle(
    server: ModelServer,
    settings: Settings,
    plans: Plans,
    template: Template | None = None,
    *,
    revisions: Revisions = REVISIONS,
) -> Bundle:
    """The manifests of `server` with its models on `plans`, its pods by `template` (or the newest)."""
    chosen = template or newest_template(settings, revisions)
    asked_for = {item["kind"]: item for item in _on_request(server, settings)}
    guard = asked_for.pop(networkpolicy.KIND, None)
    manifests = (
        availability.render_account(server),
        configmap.render_config_map(server, settings, plans),
        service.render_service(server),
        service.render_headless_service(server),
        availability.render_disruption_budget(server),
        *((guard,) if guard is not None else ()),  # before the pods that it is for
        deployment.render_deployment(server, settings, chosen, revisions),
        *asked_for.values(),
    )
    kinds = {manifest["kind"] for manifest in manifests}
    return Bundle(
        manifests=tuple(_mark(manifest) for manifest in manifests),
        unwanted=tuple((kind, server.name) for kind in _ON_REQUEST if kind not in kinds),
    )


def _on_request(server: ModelServer, settings: Settings) -> Iterator[names.Manifest]:
    spec = server.spec
    if spec.network_policy is not None:
        yield networkpolicy.render_network_policy(server, settings, spec.network_policy)
    if spec.autoscaling is not None:
        yield availability.render_autoscaler(server, spec.autoscaling)
    if spec.monitoring.service_monitor:
        yield servicemonitor.render_service_monitor(server, settings)


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
