"""Pod template revisions for tests: what each renders of the golden ModelServers, and one to come."""

import sys
from pathlib import Path

from batchwright_operator.cli.render import to_yaml
from batchwright_operator.render.names import Manifest
from batchwright_operator.render.revisions.registry import REVISIONS, Revision
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.attachment import attach
from batchwright_operator.resources.manifests import parse_manifests
from batchwright_operator.resources.modelserver import ModelServer

GOLDEN = Path(__file__).parents[1] / "golden"
IMAGE = "registry.example/server:1"


def golden_servers() -> tuple[ModelServer, ...]:
    """The ModelServers of the golden files."""
    source = GOLDEN / "modelservers.yaml"
    return attach(parse_manifests(source.read_text(), file=source.name)).servers


def render_golden(revision: Revision) -> dict[str, Manifest]:
    """The pod template of each golden ModelServer, by its name."""
    return {server.name: revision.render(server, Settings(), IMAGE) for server in golden_servers()}


def _render_next(server: ModelServer, settings: Settings, image: str) -> Manifest:
    template = REVISIONS[-1].render(server, settings, image)
    return {**template, "spec": {**template["spec"], "dnsPolicy": "Default"}}


NEXT = (*REVISIONS, Revision("next", _render_next))  # as a release to come may have them


if __name__ == "__main__":
    found = next(item for item in REVISIONS if item.name == sys.argv[1])
    sys.stdout.write(to_yaml([render_golden(found)]))
