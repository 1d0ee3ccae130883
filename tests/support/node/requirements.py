"""What a machine must have to run a node or to build the images, and what to install otherwise."""

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

# Program -> the Debian package that has it. Some are where only root's PATH leads.
NODE_PROGRAMS: Mapping[str, str] = {
    "runc": "runc",
    "nft": "nftables",
    "conntrack": "conntrack",
    "iptables": "iptables",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "mount": "mount",
    "openssl": "openssl",
}
IMAGE_PROGRAMS: Mapping[str, str] = {"buildah": "buildah", "debootstrap": "debootstrap"}
CNI_PLUGINS = Path("/usr/lib/cni")
_CNI_PACKAGE = "containernetworking-plugins"
_ROOTS_PATH = "/usr/sbin:/sbin"
Check = Callable[[], None]


class Unfit(Exception):
    """It cannot be done on this machine; the message is one line and says what to do."""


def check_node() -> None:
    """Raises Unfit unless this machine can run a node."""
    _check_root("a node of our own needs network namespaces, mounts and cgroups")
    packages = _missing(NODE_PROGRAMS)
    if not (CNI_PLUGINS / "ptp").exists():
        packages.add(_CNI_PACKAGE)
    _check_installed(packages)


def check_images() -> None:
    """Raises Unfit unless this machine can build the images."""
    _check_root("a base image is made by debootstrap")
    _check_installed(_missing(IMAGE_PROGRAMS))


def find_program(name: str) -> str:
    """The path of a program that was checked for."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_ROOTS_PATH}")
    if found is None:
        raise Unfit(f"{name} is not installed")
    return found


def _check_root(reason: str) -> None:
    if os.geteuid() != 0:
        raise Unfit(
            f"run it as root ({reason}), or set BATCHWRIGHT_TEST_KUBECONFIG to the kubeconfig of a "
            "disposable cluster (kind, k3d, minikube)"
        )


def _missing(programs: Mapping[str, str]) -> set[str]:
    path = f"{os.environ.get('PATH', '')}:{_ROOTS_PATH}"
    return {package for name, package in programs.items() if shutil.which(name, path=path) is None}


def _check_installed(packages: Iterable[str]) -> None:
    names = " ".join(sorted(packages))
    if names:
        raise Unfit(f"not installed: apt-get install --no-install-recommends {names}")
