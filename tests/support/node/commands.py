"""The command lines of a node's programs, where they are not those of the control plane's tests."""

from dataclasses import dataclass
from pathlib import Path

from tests.support.cluster import commands
from tests.support.cluster.binaries import Binaries
from tests.support.cluster.pki import SERVER_NAMES, Authority
from tests.support.node.layout import API_ADDRESS, NAME, NODE_ADDRESS, Layout


@dataclass(frozen=True)
class Plan:
    """What the command lines are made of. `kubeconfigs`: by the name of the program."""

    layout: Layout
    binaries: Binaries
    authority: Authority
    front_authority: Authority
    kubeconfigs: dict[str, Path]

    @property
    def control(self) -> commands.Plan:
        """The same, as the control plane's command lines want it."""
        url, state = self.layout.url, self.layout.state
        return commands.Plan(state, self.binaries, self.authority, url, 2379, 2380)


def api_server(plan: Plan) -> list[str]:
    """The API server, for nodes and pods too, and with other API servers behind it (metrics)."""
    names = f"{SERVER_NAMES},IP:{NODE_ADDRESS},IP:{API_ADDRESS}"
    command = commands.api_server(plan.control)
    serving = plan.authority.issue_server("kube-apiserver", names)
    asking = plan.authority.issue_user("kube-apiserver-kubelet-client", ["system:masters"])
    front = plan.front_authority.issue_user("front-proxy-client")
    # Of a flag that is given twice, the last counts.
    return [
        *command,
        "--bind-address=0.0.0.0",
        f"--advertise-address={NODE_ADDRESS}",
        "--endpoint-reconciler-type=lease",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        f"--kubelet-certificate-authority={plan.authority.pair.certificate}",
        f"--kubelet-client-certificate={asking.certificate}",
        f"--kubelet-client-key={asking.key}",
        "--kubelet-preferred-address-types=InternalIP",
        f"--requestheader-client-ca-file={plan.front_authority.pair.certificate}",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={front.certificate}",
        f"--proxy-client-key-file={front.key}",
        "--enable-aggregator-routing=true",
    ]


def containerd(plan: Plan) -> list[str]:
    """The container runtime."""
    return [
        str(plan.binaries["containerd"]),
        "--config",
        str(plan.layout.configuration / "containerd.toml"),
    ]


def kubelet(plan: Plan) -> list[str]:
    """The kubelet."""
    plan.authority.issue_server("kubelet-server", f"DNS:{NAME},IP:{NODE_ADDRESS}")
    state = plan.layout.state / "kubelet"
    return [
        str(plan.binaries["kubelet"]),
        f"--config={plan.layout.configuration / 'kubelet.yaml'}",
        f"--kubeconfig={plan.kubeconfigs['kubelet']}",
        f"--root-dir={state}",
        f"--cert-dir={state / 'pki'}",
        f"--hostname-override={NAME}",
        f"--node-ip={NODE_ADDRESS}",
    ]


def proxy(plan: Plan) -> list[str]:
    """kube-proxy."""
    return [
        str(plan.binaries["kube-proxy"]),
        f"--config={plan.layout.configuration / 'kube-proxy.yaml'}",
    ]


def runtime_client(plan: Plan) -> list[str]:
    """ctr, for the images and containers of pods."""
    socket = str(plan.layout.runtime_socket)
    return [str(plan.binaries["ctr"]), "--address", socket, "--namespace", "k8s.io"]
