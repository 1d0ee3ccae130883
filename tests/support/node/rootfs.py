"""Two file trees that images begin with: a small Debian to build in, and of it what Python needs to run.

The second has no shell, no package manager and no Perl. It lists its packages where scanners look for
them in images without a package manager: a file for each in var/lib/dpkg/status.d.
"""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.node import requirements

SUITE = "bookworm"
_INCLUDED = "python3,python3-venv,ca-certificates"
_UNWANTED = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info")
_EMPTIED = ("var/cache/apt", "var/lib/apt/lists")
_ABSENT_ADDRESSES = ("etc/apt/sources.list", "etc/pip.conf", "etc/resolv.conf")

# What a Python of Debian with OpenSSL needs at run time, and the C++ library for wheels.
RUN_TIME_PACKAGES = (
    "base-files",
    "ca-certificates",
    "libbz2-1.0",
    "libc6",
    "libcrypt1",
    "libexpat1",
    "libffi8",
    "libgcc-s1",
    "liblzma5",
    "libpython3-stdlib",
    "libpython3.11-minimal",
    "libpython3.11-stdlib",
    "libssl3",
    "libstdc++6",
    "libuuid1",
    "media-types",
    "python3",
    "python3-minimal",
    "python3.11",
    "python3.11-minimal",
    "tzdata",
    "zlib1g",
)
_MERGED_FOLDERS = ("bin", "lib", "lib64", "sbin")  # links into usr
_EMPTY_FOLDERS = {"tmp": 0o1777, "proc": 0o555, "sys": 0o555, "dev": 0o755, "run": 0o755, "etc": 0o755}
_MADE_BY_INSTALLATION = ("etc/ssl/certs", "etc/ld.so.cache", "etc/localtime", "usr/bin/python3")
_ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/:/sbin/nologin\nbatchwright:x:5000:5000::/tmp:/sbin/nologin\n",
    "etc/group": "root:x:0:\nbatchwright:x:5000:\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
}


def make_debian(target: Path) -> None:
    """A new tree at `target`, by debootstrap: Debian's smallest, with Python and its venv module."""
    shutil.rmtree(target, ignore_errors=True)
    debootstrap = requirements.find_program("debootstrap")
    command = [debootstrap, "--variant=minbase", f"--include={_INCLUDED}", SUITE, str(target)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    for name in (*_UNWANTED, *_EMPTIED):
        shutil.rmtree(target / name, ignore_errors=True)
    for name in _ABSENT_ADDRESSES:
        (target / name).unlink(missing_ok=True)
    for device in (target / "dev").iterdir():
        shutil.rmtree(device) if device.is_dir() and not device.is_symlink() else device.unlink()


def make_run_time(debian: Path, target: Path) -> None:
    """A new tree at `target` with the files of RUN_TIME_PACKAGES in `debian`."""
    shutil.rmtree(target, ignore_errors=True)
    for name, mode in _EMPTY_FOLDERS.items():
        (target / name).mkdir(parents=True)
        (target / name).chmod(mode)
    for name in _MERGED_FOLDERS:
        (target / "usr" / name).mkdir(parents=True, exist_ok=True)
        (target / name).symlink_to(f"usr/{name}")
    for package in RUN_TIME_PACKAGES:
        for path in _files_of(debian, package):
            _copy(debian, target, path)
        _record(debian, target, package)
    for name in _MADE_BY_INSTALLATION:
        _copy_made(debian / name, target / name)
    for name, text in _ACCOUNTS.items():
        (target / name).write_text(text)


def _files_of(debian: Path, package: str) -> Iterator[str]:
    # By dpkg's own files: dpkg may be missing where this runs.
    info = debian / "var/lib/dpkg/info"
    found = [path for path in info.glob(f"{package}*.list") if path.stem.split(":")[0] == package]
    for line in found[0].read_text().splitlines():
        if line != "/.":
            yield line.lstrip("/")


def _copy(debian: Path, target: Path, name: str) -> None:
    # A package may say lib/x for usr/lib/x: the folder's links are followed, the file's own is not.
    parent = (debian / name).parent.resolve().relative_to(debian.resolve())
    source, goal = debian / parent / Path(name).name, target / parent / Path(name).name
    if source.is_symlink():
        goal.parent.mkdir(parents=True, exist_ok=True)
        if not goal.is_symlink() and not goal.exists():
            goal.symlink_to(source.readlink())
    elif source.is_dir():
        goal.mkdir(parents=True, exist_ok=True)
    elif source.exists():
        goal.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, goal)


def _copy_made(source: Path, goal: Path) -> None:
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, goal, symlinks=True, dirs_exist_ok=True)
    elif not goal.is_symlink() and (source.is_symlink() or source.exists()):
        goal.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, goal, follow_symlinks=False)


def _record(debian: Path, target: Path, package: str) -> None:
    folder = target / "var/lib/dpkg/status.d"
    folder.mkdir(parents=True, exist_ok=True)
    stanzas = (debian / "var/lib/dpkg/status").read_text().split("\n\n")
    stanza = next(text for text in stanzas if text.startswith(f"Package: {package}\n"))
    (folder / package).write_text(stanza + "\n")
