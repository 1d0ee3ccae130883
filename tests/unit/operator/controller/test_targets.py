"""Where pods are asked, and whose word is taken for their certificates."""

from collections.abc import Mapping

import pytest

from batchwright_operator.controller import targets
from batchwright_operator.reconcile.observed import Observed, Phase, Pod
from batchwright_operator.render.settings import Settings
from tests.support.fake_cluster import FakeCluster
from tests.support.modelservers import make_server

NAMED = {"secretName": "s", "caConfigMap": {"name": "ca", "key": "ca.crt"}}


@pytest.mark.parametrize(
    ("tls", "found", "expected"),
    [
        (None, "pem", None),
        ({"secretName": "s"}, "pem", None),
        (NAMED, "pem", "pem"),
        (NAMED, None, ""),
    ],
)
async def test_the_authority_of_a_pod(
    tls: Mapping[str, object] | None, found: str | None, expected: str | None
) -> None:
    """The one named; this machine's where none is named; nobody's where the one named is not found."""
    cluster = FakeCluster()
    cluster.authority = found
    observed = Observed(pods=(Pod(name="p", ip="10.0.0.1", phase=Phase.RUNNING),))
    server = make_server(tls=tls) if tls else make_server()
    made = await targets.find_targets(cluster, server, Settings(), observed)
    assert (made["p"].ca, made["p"].has_tls) == (expected, tls is not None)
