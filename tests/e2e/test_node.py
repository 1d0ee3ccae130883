"""The node of our own that stories run on."""

from pathlib import Path

import pytest

from tests.support.cluster.kinds import find_kind
from tests.support.node import mountholder, requirements
from tests.support.node.layout import NAME
from tests.support.node.onenode import OneNode


def test_there_is_one_node_at_most(own_node: OneNode) -> None:
    """A second one is refused in one line, and the first goes on."""
    with pytest.raises(requirements.Unfit, match="runs already"):
        OneNode(own_node.binaries, print)

    assert own_node.request("GET", find_kind("Node").path(name=NAME))["metadata"]["name"] == NAME


def test_what_the_kubelet_insists_on_is_set_for_it_alone(own_node: OneNode) -> None:
    """It finds settings and folders of its own, which this machine has not mounted."""
    found = {
        name: own_node.run_inside("cat", f"/proc/sys/{name}").strip() for name in mountholder.SETTINGS
    }

    assert found == mountholder.SETTINGS
    assert str(own_node.layout.state) not in Path("/proc/self/mounts").read_text()
