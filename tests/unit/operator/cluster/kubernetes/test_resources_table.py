"""Where the API server keeps each kind."""

import pytest

from batchwright_operator.cluster.kubernetes.resources_table import route_of
from batchwright_operator.render.bundle import render_bundle
from batchwright_operator.render.settings import Settings
from tests.support.modelservers import RELOAD, make_server


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("ConfigMap", "/api/v1/namespaces/team/configmaps/x"),
        ("Deployment", "/apis/apps/v1/namespaces/team/deployments/x"),
        ("ModelServer", "/apis/batchwright.dev/v1alpha1/namespaces/team/modelservers/x"),
    ],
)
def test_paths(kind: str, path: str) -> None:
    """The core has a root of its own; a subresource comes last, and all of a kind have no name."""
    route = route_of(kind)
    assert route.path("team", "x") == path
    assert route.path("team", "x", "status") == f"{path}/status"
    assert route.path("team") == path.removesuffix("/x")
    assert route.path("") == path.removesuffix("/x").replace("/namespaces/team", "")


def test_every_rendered_kind_has_its_place() -> None:
    """What is rendered can be sent, in the API version that it says."""
    bundle = render_bundle(make_server(networkPolicy={}), Settings(), {"resnet": RELOAD})
    assert len(bundle.manifests) >= 7
    for manifest in bundle.manifests:
        assert route_of(manifest["kind"]).api_version == manifest["apiVersion"]
