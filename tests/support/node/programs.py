"""The programs of a node: those of the control plane, and what runs beside and in its pods."""

from tests.support.cluster import binaries
from tests.support.cluster.binaries import Binaries, Program

_PROGRAMS = (
    *binaries.PROGRAMS,
    Program("kubelet", "kubernetes", "k8s.io/kubernetes/cmd/kubelet"),
    Program("kube-proxy", "kubernetes", "k8s.io/kubernetes/cmd/kube-proxy"),
    Program("containerd", "containerd", "github.com/containerd/containerd/v2/cmd/containerd"),
    Program("ctr", "containerd", "github.com/containerd/containerd/v2/cmd/ctr"),
    Program(
        "containerd-shim-runc-v2",
        "containerd",
        "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
    ),
    Program("coredns", "coredns", "batchwright.dev/tests/cluster/coredns"),
    Program("metrics-server", "metrics-server", "sigs.k8s.io/metrics-server/cmd/metrics-server"),
    Program("pause", "pause", "batchwright.dev/tests/cluster/pause"),
)


def find_or_build(say: binaries.Say) -> Binaries:
    """All of them; builds what is missing. Raises BinariesMissing."""
    return binaries.find_or_build(say, _PROGRAMS)
