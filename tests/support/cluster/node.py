"""The node that runs servers for tests: Kubernetes' own parts do the rest."""

import dataclasses
import os
import secrets
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.cluster import blocking
from tests.support.cluster.access import Cluster
from tests.support.cluster.apiclient import Object
from tests.support.cluster.controlplane import ControlPlane
from tests.support.cluster.daemon import Daemon
from tests.support.cluster.kinds import find_kind
from tests.support.cluster.kubelet.addresses import load_addresses
from tests.support.cluster.kubelet.orders import Orders, OrdersFile

_ROOT = Path(__file__).parents[3]


class Kubelet:
    """A process that plays a node's kubelet, and what a test may ask and order of it."""

    def __init__(self, cluster: Cluster, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.name = f"batchwright-{secrets.token_hex(3)}"
        self.directory = directory
        self.addresses_file = directory / "addresses.json"
        self.models_mount = directory / "models"  # for the operator's --models-mount
        self.models_mount.mkdir(exist_ok=True)
        self._cluster = cluster
        self._orders = OrdersFile(directory / "orders.json")
        self._ordered = Orders()
        self._orders.write(self._ordered)
        kubeconfig = cluster.kubeconfig
        if isinstance(cluster, ControlPlane):
            kubeconfig = cluster.kubeconfig_for_user(f"system:node:{self.name}", ["system:nodes"])
        command = [sys.executable, "-m", "tests.support.cluster.kubelet"]
        python_path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
        self.daemon = Daemon(
            self.name,
            [*command, str(kubeconfig), self.name, str(directory)],
            directory / "kubelet.log",
            environ={**os.environ, "PYTHONPATH": python_path},
        )

    def start(self, seconds: float = 20.0) -> None:
        """Start it; returns when pods can be scheduled to it."""
        self.daemon.start()
        deadline = time.monotonic() + seconds
        while not self._takes_pods():
            self.daemon.require_running()
            assert time.monotonic() < deadline, f"the node is not ready: {self.daemon.tail()}"
            time.sleep(0.05)

    def reset(self) -> None:
        """Take back all orders, and start it again if a test has ended it."""
        self._ordered = Orders()
        self._orders.write(self._ordered)
        if not self.daemon.is_running:
            self.start()

    def stop(self) -> None:
        """End it and every server that it runs."""
        self.daemon.kill()

    def order(
        self,
        *,
        refresh_seconds: float | None = None,
        back_off_seconds: float | None = None,
        image_volumes: dict[str, Path] | None = None,
        broken_images: tuple[str, ...] | None = None,
    ) -> None:
        """Change what is said, and leave the rest; the node knows within a moment."""
        changes: dict[str, object] = {
            "refresh_seconds": refresh_seconds,
            "back_off_seconds": back_off_seconds,
            "broken_images": broken_images,
        }
        if image_volumes is not None:
            changes["image_volumes"] = {key: str(path) for key, path in image_volumes.items()}
        given = {key: value for key, value in changes.items() if value is not None}
        self._ordered = dataclasses.replace(self._ordered, **given)  # type: ignore[arg-type]  # by name
        self._orders.write(self._ordered)

    def locate(self, pod_address: str) -> str:
        """Where on loopback a pod's address is."""
        return load_addresses(self.addresses_file)[pod_address]

    def address_of(self, pod: Object) -> str:
        """Where on loopback a pod listens."""
        return self.locate(pod["status"]["podIP"])

    def home_of(self, pod: Object) -> Path:
        """The directory of a pod, in which its processes run."""
        return self.directory / "pods" / str(pod["metadata"]["namespace"]) / str(pod["metadata"]["name"])

    def log_of(self, pod: Object, container: str = "server") -> str:
        """What a pod's container has printed so far."""
        path = self.home_of(pod) / f"{container}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def volume_of(self, pod: Object, volume: str) -> Path:
        """The directory of a pod's volume."""
        return self.home_of(pod) / "volumes" / volume

    def pid_of(self, pod: Object) -> int:
        """The number of the process of a pod's first container, as the pod's status has it."""
        return int(pod["status"]["containerStatuses"][0]["containerID"].removeprefix("process://"))

    def kill_process_of(self, pod: Object) -> None:
        """End the process of a pod's first container, as the kernel does when memory runs out."""
        os.kill(self.pid_of(pod), signal.SIGKILL)

    def stop_process_of(self, pod: Object) -> None:
        """Let the process of a pod's first container do nothing any more, and answer nobody."""
        os.kill(self.pid_of(pod), signal.SIGSTOP)

    def _takes_pods(self) -> bool:
        path = find_kind("Node").path(name=self.name)
        status, found = blocking.request(self._cluster.access, "GET", path)
        if status != 200 or found["spec"].get("taints"):
            return False
        conditions = found.get("status", {}).get("conditions") or ()
        return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


@contextmanager
def alone(cluster: Cluster, name: str) -> Iterator[None]:
    """Let no other node take pods for the time of the block: they could not run what tests are about."""
    nodes = cluster.request("GET", find_kind("Node").path())["items"]
    others = [
        str(node["metadata"]["name"])
        for node in nodes
        if node["metadata"]["name"] != name and not node["spec"].get("unschedulable")
    ]
    for other in others:
        cluster.kubectl("cordon", other)
    try:
        yield
    finally:
        for other in others:
            cluster.kubectl("uncordon", other)
