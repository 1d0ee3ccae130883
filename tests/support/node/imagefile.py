"""Images of one static program, or of files alone, written as `docker save` writes images."""

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

_USER = "65534:65534"
_PROGRAM_MODE, _FILE_MODE = 0o755, 0o644


def write(archive: Path, program: Path, reference: str) -> None:
    """Write an image at `archive` whose only file is `program`, in the root folder."""
    runs = {"Entrypoint": [f"/{program.name}"], "User": _USER, "WorkingDir": "/"}
    _write(archive, reference, _layer({program.name: program}, _PROGRAM_MODE), runs)


def write_tree(archive: Path, tree: Path, reference: str) -> None:
    """Write an image at `archive` with the files below `tree`, and nothing that runs."""
    found = sorted(path for path in tree.rglob("*") if path.is_file())
    files = {str(path.relative_to(tree)): path for path in found}
    _write(archive, reference, _layer(files, _FILE_MODE), {})


def _write(archive: Path, reference: str, layer: bytes, runs: Mapping[str, object]) -> None:
    name = hashlib.sha256(layer).hexdigest()
    config = json.dumps(
        {
            "architecture": _architecture(),
            "os": "linux",
            "config": runs,
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{name}"]},
        }
    ).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = [{"Config": config_name, "RepoTags": [reference], "Layers": [f"{name}.tar"]}]
    with tarfile.open(archive, "w") as image:
        _add(image, config_name, config)
        _add(image, f"{name}.tar", layer)
        _add(image, "manifest.json", json.dumps(manifest).encode())


def _layer(files: Mapping[str, Path], mode: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        folders = {parent for name in files for parent in PurePosixPath(name).parents}
        for folder in sorted(str(parent) for parent in folders - {PurePosixPath()}):
            _add_folder(layer, folder, 0o755)
        _add_folder(layer, "tmp", 0o1777)
        for name, path in files.items():
            _add(layer, name, path.read_bytes(), mode=mode)
    return buffer.getvalue()


def _add_folder(archive: tarfile.TarFile, name: str, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    archive.addfile(entry)


def _add(archive: tarfile.TarFile, name: str, content: bytes, *, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
