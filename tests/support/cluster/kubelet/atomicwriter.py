"""Files from the API server in a volume, changed all at once as a kubelet does it.

..2026_11_22_10_31_27.x7k2/config.json     the files of one version
..data -> ..2026_11_22_10_31_27.x7k2       replaced by a rename: the step in which all change
config.json -> ..data/config.json          what is seen
"""

import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_DATA = "..data"


@dataclass(frozen=True)
class File:
    """A file of a volume."""

    content: bytes
    mode: int


Payload = Mapping[str, File]  # by path below the volume


def write_payload(volume: Path, payload: Payload) -> bool:
    """Make the volume's files those of `payload`; gives whether anything had to change."""
    volume.mkdir(parents=True, exist_ok=True)
    old = _current(volume)
    if old is not None and _load(old) == dict(payload):
        return False
    new = _write_version(volume, payload)
    staged = volume / "..data_tmp"
    staged.unlink(missing_ok=True)
    staged.symlink_to(new.name)
    os.replace(staged, volume / _DATA)
    seen = {path.split("/", 1)[0] for path in payload}
    for name in seen:
        if not (volume / name).is_symlink():
            (volume / name).symlink_to(f"{_DATA}/{name}")
    for path in volume.iterdir():
        if not path.name.startswith("..") and path.name not in seen:
            path.unlink()
    if old is not None:
        shutil.rmtree(old)
    return True


def _write_version(volume: Path, payload: Payload) -> Path:
    prefix = time.strftime("..%Y_%m_%d_%H_%M_%S.", time.gmtime())
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=volume))
    folder.chmod(0o755)
    for name, file in payload.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
        path.chmod(file.mode)
    return folder


def _current(volume: Path) -> Path | None:
    link = volume / _DATA
    return volume / os.readlink(link) if link.is_symlink() else None


def _load(folder: Path) -> dict[str, File]:
    return {
        str(path.relative_to(folder)): File(path.read_bytes(), path.stat().st_mode & 0o777)
        for path in folder.rglob("*")
        if path.is_file()
    }
