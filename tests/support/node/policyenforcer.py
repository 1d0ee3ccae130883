"""Keeps a node's nftables as the cluster's NetworkPolicies say: `python -m ... KUBECONFIG NFT`.

Test equipment: it asks twice a second, so a pod or a policy counts half a second after it appears, and a
connection that is open stays so.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.cluster import blocking
from tests.support.cluster.kinds import find_kind
from tests.support.cluster.kubeconfig import Access, load_access
from tests.support.node.policyrules import Pod, Scene, render_table

_PERIOD_SECONDS = 0.5
_ENDED = ("Succeeded", "Failed")


def main(kubeconfig: str, nft: str) -> None:
    """Enforce for ever."""
    access = load_access(Path(kubeconfig))
    last = ""
    while True:
        scene = observe(access)
        table = render_table(scene) if scene else last
        if table != last:
            subprocess.run([nft, "--file", "-"], input=table, text=True, check=True)
            last = table
        time.sleep(_PERIOD_SECONDS)


def observe(access: Access) -> Scene | None:
    """The cluster now; None while its API server does not answer."""
    found: dict[str, list[Any]] = {}
    for kind in ("Namespace", "Pod", "NetworkPolicy"):
        status, answer = blocking.request(access, "GET", find_kind(kind).path())
        if status != 200:
            return None
        found[kind] = answer["items"]
    labels = {
        item["metadata"]["name"]: item["metadata"].get("labels") or {} for item in found["Namespace"]
    }
    return Scene(labels, tuple(_pods(found["Pod"])), tuple(found["NetworkPolicy"]))


def _pods(items: list[Any]) -> Iterator[Pod]:
    for item in items:
        status, spec, metadata = item["status"], item["spec"], item["metadata"]
        address = status.get("podIP")
        if not address or spec.get("hostNetwork") or status.get("phase") in _ENDED:
            continue
        containers = [*spec["containers"], *(spec.get("initContainers") or ())]
        ports = {
            (port.get("name", ""), port.get("protocol", "TCP").lower()): port["containerPort"]
            for container in containers
            for port in container.get("ports") or ()
        }
        yield Pod(metadata["namespace"], address, metadata.get("labels") or {}, ports)


if __name__ == "__main__":
    main(*sys.argv[1:])
