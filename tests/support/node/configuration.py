"""The configuration files of a node's daemons, and why what is in them."""

import json
from pathlib import Path
from typing import Any

import yaml

from tests.support.node import cgroups, requirements
from tests.support.node.layout import (
    DNS_ADDRESS,
    DOMAIN,
    NAME,
    NODE_ADDRESS,
    POD_RANGE,
    Layout,
)

PAUSE_IMAGE = "localhost/batchwright/pause:test"
_IMAGES, _PODS = "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"
# They only cost time at the start: there are no file systems for them.
_UNUSED_PLUGINS = ("btrfs", "zfs", "devmapper", "blockfile", "erofs")


def write_all(layout: Layout, kubeconfigs: dict[str, Path], shim: Path) -> None:
    """Write them all. `shim`: containerd's, for a machine may have that of another release."""
    folder = layout.configuration
    (folder / "cni").mkdir(parents=True, exist_ok=True)
    (folder / "cni" / "10-pods.conflist").write_text(json.dumps(_pod_network(layout)))
    (folder / "containerd.toml").write_text(_containerd(layout, shim))
    (folder / "kubelet.yaml").write_text(yaml.safe_dump(_kubelet(layout)))
    (folder / "kube-proxy.yaml").write_text(yaml.safe_dump(_proxy(kubeconfigs["kube-proxy"])))
    (folder / "resolv.conf").touch()


def _containerd(layout: Layout, shim: Path) -> str:
    unused = ", ".join(f'"io.containerd.snapshotter.v1.{name}"' for name in _UNUSED_PLUGINS)
    return f"""\
version = 3
root = "{layout.state}/containerd"
state = "{layout.state}/run/containerd"
oom_score = 0
disabled_plugins = [{unused}]

[grpc]
address = "{layout.runtime_socket}"

[plugins."io.containerd.internal.v1.opt"]
path = "{layout.state}/opt"

[plugins."io.containerd.nri.v1.nri"]
disable = true  # its socket would be the machine's

[plugins."{_IMAGES}".pinned_images]
sandbox = "{PAUSE_IMAGE}"

[plugins."{_PODS}"]
disable_apparmor = true
restrict_oom_score_adj = true  # who may not lower it need not
tolerate_missing_hugetlb_controller = true
netns_mounts_under_state_dir = true  # so that nothing is left in /run/netns
enable_cdi = false  # there are no devices to inject
enable_unprivileged_ports = true  # DNS listens on port 53 without rights

[plugins."{_PODS}".cni]
bin_dirs = ["{requirements.CNI_PLUGINS}"]
conf_dir = "{layout.configuration}/cni"

[plugins."{_PODS}".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
runtime_path = "{shim}"
options.BinaryName = "{requirements.find_program("runc")}"
options.SystemdCgroup = false
"""


def _pod_network(layout: Layout) -> dict[str, Any]:
    # Point to point: every packet of a pod is forwarded by the node, where policies see it.
    return {
        "cniVersion": "1.0.0",
        "name": "pods",
        "plugins": [
            {
                "type": "ptp",
                "ipMasq": False,
                "ipam": {
                    "type": "host-local",
                    "dataDir": str(layout.state / "addresses"),
                    "ranges": [[{"subnet": POD_RANGE}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            }
        ],
    }


def _kubelet(layout: Layout) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": NODE_ADDRESS,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(layout.pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{NAME}",
        "failCgroupV1": False,
        "clusterDNS": [DNS_ADDRESS],
        "clusterDomain": DOMAIN,
        "containerRuntimeEndpoint": f"unix://{layout.runtime_socket}",
        # The disk is the machine's, and an image that was collected has nowhere to come back from.
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "1%",
            "imagefs.available": "1%",
        },
        "imageGCHighThresholdPercent": 100,
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "podLogsDir": str(layout.state / "pod-logs"),
        "resolvConf": str(layout.configuration / "resolv.conf"),  # names beyond the cluster: none
        "serializeImagePulls": False,
        "tlsCertFile": str(layout.pki / "kubelet-server.crt"),
        "tlsPrivateKeyFile": str(layout.pki / "kubelet-server.key"),
        "volumePluginDir": str(layout.state / "volume-plugins"),
        **({} if cgroups.is_unified() else {"enforceNodeAllocatable": ["pods"]}),
    }


def _proxy(kubeconfig: Path) -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(kubeconfig)},
        "hostnameOverride": NAME,
        "clusterCIDR": POD_RANGE,
        "mode": "nftables",
        "oomScoreAdj": 0,
        # Limits of connection tracking are the machine's: only its first network namespace may set them.
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
    }
