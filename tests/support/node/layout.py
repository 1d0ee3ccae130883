"""Where a node has its files, and the addresses of its network."""

from dataclasses import dataclass
from pathlib import Path

NAME = "batchwright-node"
STATE = Path("/tmp") / NAME  # noqa: S108  one node on a machine, and a short path for sockets
HOST_ADDRESS, NODE_ADDRESS, LINK_BITS = "10.203.0.1", "10.203.0.2", 30
HOST_LINK, NODE_LINK = "bw-host0", "bw-node0"
POD_RANGE = "10.204.0.0/24"
API_ADDRESS = "10.202.0.1"  # the Service kubernetes: the first of SERVICE_RANGE
DNS_ADDRESS = "10.202.0.10"
DOMAIN = "cluster.local"
API_PORT = 6443


@dataclass(frozen=True)
class Layout:
    """The node's folders."""

    state: Path = STATE

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def pki(self) -> Path:
        return self.state / "pki"

    @property
    def configuration(self) -> Path:
        return self.state / "configuration"

    @property
    def runtime_socket(self) -> Path:
        return self.state / "run" / "containerd.sock"

    @property
    def network_namespace(self) -> Path:
        return Path("/run/netns") / NAME

    @property
    def url(self) -> str:
        return f"https://{NODE_ADDRESS}:{API_PORT}"
