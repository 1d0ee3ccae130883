"""A ConfigMap as files, changed in one step as the kubelet does it.

The visible names are links through `..data`, and only that link is replaced: a reader sees the files
of one version, never a half-written one.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

_DATA = "..data"


def apply_projection(directory: Path, data: Mapping[str, str]) -> None:
    """Make the files in `directory` exactly those of `data`."""
    directory.mkdir(parents=True, exist_ok=True)
    old = _current(directory)
    new = Path(tempfile.mkdtemp(prefix="..version_", dir=directory))
    new.chmod(0o755)
    for name, content in data.items():
        (new / name).write_text(content, "utf-8")
    _replace_link(directory / _DATA, new.name)
    for name in data:
        if not (directory / name).is_symlink():
            _replace_link(directory / name, f"{_DATA}/{name}")
    for name in _visible(directory) - set(data):
        (directory / name).unlink()
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)


def load_projection(directory: Path) -> dict[str, str] | None:
    """What was projected into `directory` last; None if nothing was, or nothing that can be read."""
    current = _current(directory)
    if current is None:
        return None
    try:
        return {path.name: path.read_text("utf-8") for path in sorted(current.iterdir())}
    except (OSError, UnicodeDecodeError):  # it is only what a run begins with, and is written anew
        return None


def _current(directory: Path) -> Path | None:
    link = directory / _DATA
    return link.resolve() if link.is_symlink() and link.is_dir() else None


def _visible(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir() if not path.name.startswith("..")}


def _replace_link(link: Path, target: str) -> None:
    staged = link.with_name(f"..staged_{link.name.lstrip('.')}")
    staged.unlink(missing_ok=True)
    staged.symlink_to(target)
    os.replace(staged, link)
