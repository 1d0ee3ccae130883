"""Kubernetes on one node, in namespaces of its own: control plane, containerd, kubelet, kube-proxy."""

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO

from tests.support.cluster import blocking
from tests.support.cluster import commands as control
from tests.support.cluster.access import Cluster
from tests.support.cluster.binaries import Binaries
from tests.support.cluster.daemon import Daemon, wait_until
from tests.support.cluster.kinds import find_kind
from tests.support.cluster.kubeconfig import write_kubeconfig
from tests.support.cluster.pki import Authority
from tests.support.node import cgroups, commands, configuration, imagefile, network, requirements
from tests.support.node.images import folder as image_folder
from tests.support.node.layout import NAME, Layout

START_SECONDS = 90.0
_HERE = Path(__file__).parent
_ROOT = _HERE.parents[2]
_ADDONS = ("dns", "metrics")
_SMALL_IMAGES = {"pause": "pause", "coredns": "coredns", "metrics-server": "metrics-server"}
_USERS = {
    "admin": ("kubernetes-admin", ("system:masters",)),
    "kube-controller-manager": ("system:kube-controller-manager", ()),
    "kube-scheduler": ("system:kube-scheduler", ()),
    "kube-proxy": ("system:kube-proxy", ()),
    "kubelet": (f"system:node:{NAME}", ("system:nodes",)),
}

Say = Callable[[str], None]


class OneNode(Cluster):
    """The node of this machine: there is one at most. `start` it, and `stop` it."""

    def __init__(self, binaries: Binaries, say: Say) -> None:
        requirements.check_node()
        self.layout = Layout()
        self.binaries = binaries
        self._say = say
        self._started: list[Daemon] = []
        self._mounts = self.layout.state / "mount-namespace"  # a link to that of `mounts`
        self._lock = _take_lock()
        _remove_all(self.layout)
        for place in (self.layout.logs, self.layout.runtime_socket.parent, self.layout.pki):
            place.mkdir(parents=True)
        authority = Authority(self.layout.pki)
        front = Authority(self.layout.pki / "front")
        self._kubeconfigs = _write_kubeconfigs(self.layout, authority)
        self._plan = commands.Plan(self.layout, binaries, authority, front, self._kubeconfigs)
        super().__init__(self.layout.state, self._kubeconfigs["admin"], binaries["kubectl"])
        self._make_daemons()

    def _make_daemons(self) -> None:
        plan, users = self._plan, self._kubeconfigs
        unshare = [requirements.find_program("unshare"), "--mount", "--propagation=private"]
        holder = [
            sys.executable,
            "-S",
            str(_HERE / "mountholder.py"),
            str(self.layout.state),
            str(self._mounts),
        ]
        self.mounts = Daemon("mounts", [*unshare, *holder], self.layout.logs / "mounts.log")
        self.etcd = self._daemon("etcd", control.etcd(plan.control))
        self.api_server = self._daemon("kube-apiserver", commands.api_server(plan))
        self.controller_manager = self._daemon(
            "kube-controller-manager",
            control.controller_manager(plan.control, users["kube-controller-manager"]),
        )
        self.scheduler = self._daemon(
            "kube-scheduler", control.scheduler(plan.control, users["kube-scheduler"])
        )
        self.proxy = self._daemon("kube-proxy", commands.proxy(plan))
        enforcer = [sys.executable, "-m", "tests.support.node.policyenforcer", str(users["admin"])]
        self.policies = self._daemon("policies", [*enforcer, requirements.find_program("nft")])
        # These two see the mounts that are made for them.
        self.containerd = self._daemon("containerd", commands.containerd(plan), mounts=True)
        self.kubelet = self._daemon("kubelet", commands.kubelet(plan), mounts=True)

    @property
    def daemons(self) -> tuple[Daemon, ...]:
        """In the order in which they are started."""
        return (
            self.mounts,
            self.etcd,
            self.api_server,
            self.containerd,
            self.controller_manager,
            self.scheduler,
            self.kubelet,
            self.proxy,
            self.policies,
        )

    def start(self, images: Iterable[Path] = ()) -> None:
        """Start everything; returns once pods run, names resolve, and `images` are there."""
        began = time.monotonic()
        shim = self.binaries["containerd-shim-runc-v2"]
        configuration.write_all(self.layout, self._kubeconfigs, shim)
        cgroups.make()
        network.make(self.layout)
        self._begin(self.mounts)
        self._await(self._mounts.is_symlink, "the mount namespace", 10.0)
        self._begin(self.etcd, self.api_server, self.containerd)
        self._import_small_images()
        self.wait_until_ready()
        self._tell(began, "API server ready")
        self._begin(self.controller_manager, self.scheduler, self.kubelet, self.proxy, self.policies)
        for archive in images:
            self.import_image(archive)
        self._tell(began, "images imported")
        self._await(self._is_node_ready, "the node", START_SECONDS)
        self._apply_addons()
        self._await(lambda: self._has_endpoints("kube-dns"), "DNS", START_SECONDS)
        self._tell(began, "node and DNS ready")

    def stop(self) -> None:
        """End everything and leave nothing."""
        for daemon in (self.kubelet, self.controller_manager, self.scheduler):
            daemon.kill()
        _remove_all(self.layout, before_state=self._kill_daemons)
        self._lock.close()

    def wait_until_ready(self, seconds: float = START_SECONDS) -> None:
        """Return once the API server says that it is ready."""
        self._await(self._is_ready, "the API server", seconds)

    def import_image(self, archive: Path) -> None:
        """Give an image to the container runtime."""
        self.run_runtime("images", "import", str(archive))

    def tag_image(self, reference: str, other: str) -> None:
        """Give an image another name too."""
        self.run_runtime("images", "tag", "--force", reference, other)

    def kill_container(self, container_id: str) -> None:
        """Kill all processes of a container, as a crash does. The id: as a pod's status has it."""
        name = container_id.removeprefix("containerd://")
        self.run_runtime("tasks", "kill", "--all", "--signal=SIGKILL", name)

    def run_runtime(self, *arguments: str) -> str:
        """What `ctr` prints."""
        return self.run_inside(*commands.runtime_client(self._plan), *arguments)

    def run_inside(self, *command: str) -> str:
        """What a command prints in the node's network and mounts."""
        inside = self.inside(command, mounts=True)
        done = subprocess.run(inside, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr[-800:]}"
        return done.stdout

    def inside(self, command: Sequence[str], *, mounts: bool = False) -> list[str]:
        """The command, in the node's network (and mounts), among its daemons."""
        join = [sys.executable, "-S", str(_HERE / "joining.py"), str(cgroups.daemons_file())]
        enter = [requirements.find_program("nsenter"), f"--net={self.layout.network_namespace}"]
        if mounts:
            enter.append(f"--mount={self._mounts}")
        return [*join, *enter, f"--wd={_ROOT}", "--", *command]

    def _daemon(self, name: str, command: Sequence[str], *, mounts: bool = False) -> Daemon:
        environ = {**os.environ, "PYTHONPATH": str(_ROOT)}
        log = self.layout.logs / f"{name}.log"
        return Daemon(name, self.inside(command, mounts=mounts), log, environ=environ)

    def _import_small_images(self) -> None:
        self._await(self._is_runtime_ready, "containerd", 30.0)
        for name, program in _SMALL_IMAGES.items():
            archive = image_folder() / f"small-{name}.tar"
            binary = self.binaries[program]
            if not archive.exists() or archive.stat().st_mtime < binary.stat().st_mtime:
                archive.parent.mkdir(parents=True, exist_ok=True)
                imagefile.write(archive, binary, f"localhost/batchwright/{name}:test")
            self.import_image(archive)

    def _apply_addons(self) -> None:
        for name in _ADDONS:
            self.kubectl("apply", "--filename", str(_HERE / "addons" / f"{name}.yaml"))

    def _await(self, check: Callable[[], bool], what: str, seconds: float) -> None:
        wait_until(check, what, self._started, seconds=seconds)

    def _begin(self, *daemons: Daemon) -> None:
        for daemon in daemons:
            daemon.start()
            self._started.append(daemon)

    def _tell(self, began: float, what: str) -> None:
        self._say(f"{time.monotonic() - began:5.1f} s: {what}")

    def _is_ready(self) -> bool:
        return blocking.request(self.access, "GET", "/readyz")[0] == 200

    def _is_runtime_ready(self) -> bool:
        command = self.inside([*commands.runtime_client(self._plan), "version"], mounts=True)
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def _is_node_ready(self) -> bool:
        path = find_kind("Node").path(name=NAME)
        account = find_kind("ServiceAccount").path("default", "default")
        status, node = blocking.request(self.access, "GET", path)
        conditions = node["status"].get("conditions", ()) if status == 200 else ()
        is_ready = any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)
        return is_ready and blocking.request(self.access, "GET", account)[0] == 200

    def _has_endpoints(self, service: str) -> bool:
        path = find_kind("EndpointSlice").path("kube-system")
        slices = self.request("GET", f"{path}?labelSelector=kubernetes.io/service-name={service}")[
            "items"
        ]
        return any(
            endpoint["conditions"].get("ready")
            for item in slices
            for endpoint in item.get("endpoints") or ()
        )

    def _kill_daemons(self) -> None:
        for daemon in reversed(self.daemons):
            daemon.kill()


def remove_leftovers() -> None:
    """Take away what a node left that was killed together with its tests. Raises Unfit if one runs."""
    requirements.check_node()
    with _take_lock():
        _remove_all(Layout())


def _write_kubeconfigs(layout: Layout, authority: Authority) -> dict[str, Path]:
    written = {}
    for name, (user, groups) in _USERS.items():
        path = layout.state / "kubeconfigs" / f"{name}.yaml"
        pair = authority.issue_user(user, groups)
        written[name] = write_kubeconfig(path, layout.url, authority.pair.certificate, pair)
    return written


def _take_lock() -> IO[str]:
    path = image_folder().parent / "node.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise requirements.Unfit(
            "a node of this machine's runs already; there is one at most"
        ) from error
    return lock


def _remove_all(layout: Layout, before_state: Callable[[], None] | None = None) -> None:
    """Take away all that a node has, of this process or of one that was killed."""
    cgroups.end_pods()
    if before_state is not None:
        before_state()
    cgroups.end_daemons()
    cgroups.remove()
    network.remove(layout)
    shutil.rmtree(layout.state, ignore_errors=True)
