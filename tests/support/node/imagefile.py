"""An image of one static program, written as `docker save` writes images."""

import hashlib
import io
import json
import platform
import tarfile
from pathlib import Path

_USER = "65534:65534"


def write(archive: Path, program: Path, reference: str) -> None:
    """Write an image at `archive` whose only file is `program`, in the root folder."""
    layer = _layer(program)
    name = hashlib.sha256(layer).hexdigest()
    config = json.dumps(
        {
            "architecture": _architecture(),
            "os": "linux",
            "config": {"Entrypoint": [f"/{program.name}"], "User": _USER, "WorkingDir": "/"},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{name}"]},
        }
    ).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = [{"Config": config_name, "RepoTags": [reference], "Layers": [f"{name}.tar"]}]
    with tarfile.open(archive, "w") as image:
        _add(image, config_name, config)
        _add(image, f"{name}.tar", layer)
        _add(image, "manifest.json", json.dumps(manifest).encode())


def _layer(program: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        folder = tarfile.TarInfo("tmp")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o1777
        layer.addfile(folder)
        _add(layer, program.name, program.read_bytes(), mode=0o755)
    return buffer.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes, *, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
