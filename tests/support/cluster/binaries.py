"""The programs of a control plane: etcd, Kubernetes' own, kubectl and helm.

They are taken from KUBEBUILDER_ASSETS where that is set, else built from the Go modules in
`tests/cluster/gomod` into a cache folder outside the tree: about ten minutes the first time, and again
only when a module's go.mod changes.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MODULES = Path(__file__).parents[2] / "cluster" / "gomod"
ASSETS = "KUBEBUILDER_ASSETS"
_VERSION = re.compile(r"^\s*k8s\.io/kubernetes (v(\d+)\.(\d+)\.\S+)", re.MULTILINE)
_VERSION_PACKAGES = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")

Say = Callable[[str], None]


class BinariesMissing(Exception):
    """A program is not there and cannot be built here; the message says what to install."""


@dataclass(frozen=True)
class Program:
    """A program, the folder of its module below `MODULES`, and its package."""

    name: str
    module: str
    package: str


PROGRAMS = (
    Program("etcd", "etcd", "go.etcd.io/etcd/server/v3"),
    Program("kube-apiserver", "kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver"),
    Program("kube-controller-manager", "kubernetes", "k8s.io/kubernetes/cmd/kube-controller-manager"),
    Program("kube-scheduler", "kubernetes", "k8s.io/kubernetes/cmd/kube-scheduler"),
    Program("kubectl", "kubernetes", "k8s.io/kubernetes/cmd/kubectl"),
    Program("helm", "helm", "helm.sh/helm/v4/cmd/helm"),
)


@dataclass(frozen=True)
class Binaries:
    """Where each program is."""

    paths: Mapping[str, Path]

    def __getitem__(self, name: str) -> Path:
        return self.paths[name]


def cache_folder() -> Path:
    """Where built programs are kept."""
    return (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "batchwright" / "go-binaries"
    )


def find_or_build(say: Say, programs: Sequence[Program] = PROGRAMS) -> Binaries:
    """Those programs; builds what is missing. Raises BinariesMissing."""
    folder = cache_folder()
    found = {program.name: _find(program, folder) for program in programs}
    paths = {name: path for name, path in found.items() if path is not None}
    missing = [program for program in programs if program.name not in paths]
    if missing:
        with _locked(folder, say):
            paths |= {program.name: _build(program, folder, say) for program in missing}
    return Binaries(paths)


def is_built(program: Program, folder: Path) -> bool:
    """Whether the program in `folder` was built from the module as it is now."""
    stamp = folder / f"{program.name}.digest"
    return (folder / program.name).exists() and stamp.exists() and stamp.read_text() == digest(program)


def digest(program: Program) -> str:
    """A digest of all that a program is built from."""
    folder = MODULES / program.module
    parts = [path.read_bytes() for path in sorted(folder.iterdir())]
    return hashlib.sha256(b"\0".join([*parts, _linker_flags(program).encode()])).hexdigest()


def _find(program: Program, folder: Path) -> Path | None:
    """The program as it was given, or as it was built before."""
    return _find_asset(program.name) or (folder / program.name if is_built(program, folder) else None)


def _find_asset(name: str) -> Path | None:
    folder = os.environ.get(ASSETS)
    path = Path(folder or "") / name
    return path if folder and path.exists() else None


def _build(program: Program, folder: Path, say: Say) -> Path:
    target = folder / program.name
    if is_built(program, folder):
        return target
    go = shutil.which("go")
    if go is None:
        raise BinariesMissing(
            f"CONTROL PLANE MISSING: {program.name} is neither in {folder} nor in ${ASSETS}; install Go "
            "(1.26 or newer) and run `python -m tests.support.cluster build`, or set "
            "BATCHWRIGHT_TEST_KUBECONFIG to the kubeconfig of a disposable cluster"
        )
    say(f"building {program.name} (once; minutes)")
    began = time.monotonic()
    staged = folder / f".{program.name}"
    command = [go, "build", f"-ldflags={_linker_flags(program)}", "-o", str(staged), program.package]
    environ = {**os.environ, "CGO_ENABLED": "0"}
    built = subprocess.run(
        command, cwd=MODULES / program.module, env=environ, capture_output=True, text=True, check=False
    )
    if built.returncode:
        raise BinariesMissing(
            f"CONTROL PLANE MISSING: {program.name} was not built: {built.stderr[-800:]}"
        )
    staged.replace(target)
    (folder / f"{program.name}.digest").write_text(digest(program))
    say(f"built {program.name} in {time.monotonic() - began:.0f} s")
    return target


def _linker_flags(program: Program) -> str:
    # Without a version, what Kubernetes' programs say of themselves fails the checks of others (helm's).
    match = _VERSION.search((MODULES / program.module / "go.mod").read_text())
    if program.module != "kubernetes" or match is None:
        return "-s -w"
    figures = {"gitVersion": match[1], "gitMajor": match[2], "gitMinor": match[3]}
    stamps = [
        f"-X {package}.{name}={value}"
        for package in _VERSION_PACKAGES
        for name, value in figures.items()
    ]
    return " ".join(["-s -w", *stamps])


@contextmanager
def _locked(folder: Path, say: Say) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("waiting for another build of the control plane")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
