"""Holds a mount namespace open for a node's daemons: a program of the standard library alone.

    unshare --mount --propagation private python mountholder.py STATE LINK

Whatever they mount goes with the namespace. What they insist on in the settings of the whole machine
they find in files that are bound over those settings here, and so the machine's stay as they are.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

# What the kubelet sets unless it finds it so.
SETTINGS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
# Where containerd, CNI plugins and the kubelet write whatever they are told.
FOLDERS = ("/run/containerd", "/var/lib/cni", "/var/lib/kubelet", "/var/log/containers")


def main(state: str, link: str) -> None:
    """Bind, say by `link` where the namespace is, and wait for ever."""
    own = Path(state) / "bound"
    for name, value in SETTINGS.items():
        target = Path("/proc/sys") / name
        if target.exists():
            file = own / name.replace("/", ".")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(value + "\n")
            bind(file, target)
    for name in FOLDERS:
        folder = own / name.strip("/").replace("/", "-")
        for place in (folder, Path(name)):
            place.mkdir(parents=True, exist_ok=True)
        bind(folder, Path(name))
    Path(link).symlink_to(f"/proc/{os.getpid()}/ns/mnt")
    signal.pause()


def bind(source: Path, target: Path) -> None:
    """Let `target` be `source`."""
    subprocess.run(["mount", "--bind", str(source), str(target)], check=True)  # noqa: S607


if __name__ == "__main__":
    main(*sys.argv[1:])
