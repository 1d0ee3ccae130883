"""The node's network namespace: a link to this machine, by which tests ask, and no way beyond."""

import subprocess
from pathlib import Path

from tests.support.cluster.commands import SERVICE_RANGE
from tests.support.node import requirements
from tests.support.node.layout import (
    HOST_ADDRESS,
    HOST_LINK,
    LINK_BITS,
    NAME,
    NODE_ADDRESS,
    NODE_LINK,
    Layout,
)


def make(layout: Layout) -> None:
    """A new namespace."""
    _ip("netns", "add", NAME)
    _ip("link", "add", HOST_LINK, "type", "veth", "peer", "name", NODE_LINK, "netns", NAME)
    _ip("address", "add", f"{HOST_ADDRESS}/{LINK_BITS}", "dev", HOST_LINK)
    _ip("link", "set", HOST_LINK, "up")
    _ip("-netns", NAME, "link", "set", "lo", "up")
    _ip("-netns", NAME, "address", "add", f"{NODE_ADDRESS}/{LINK_BITS}", "dev", NODE_LINK)
    _ip("-netns", NAME, "link", "set", NODE_LINK, "up")
    # The node's own calls to a Service are routed first and translated afterwards.
    _ip("-netns", NAME, "route", "add", SERVICE_RANGE, "dev", NODE_LINK)
    enter = [requirements.find_program("nsenter"), f"--net={layout.network_namespace}"]
    forward = Path("/proc/sys/net/ipv4/ip_forward")
    subprocess.run([*enter, "sh", "-c", f"echo 1 > {forward}"], check=True)


def remove(layout: Layout) -> None:
    """Take it away, where there is one; its links and rules go with it."""
    if layout.network_namespace.exists():
        _ip("netns", "delete", NAME)


def _ip(*arguments: str) -> None:
    command = [requirements.find_program("ip"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr.strip()}"
