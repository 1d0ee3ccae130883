"""The model repository: a folder for each model, in it a folder for each numeric version."""

from pathlib import Path

from batchwright_server import errors
from batchwright_server.config.document import ModelConfig
from batchwright_server.runtime.ports import Fingerprint, Version

_MODEL_FILES = ("*.xml", "*.onnx")


def find_versions(config: ModelConfig) -> dict[Version, Fingerprint]:
    """The numeric versions, each with its files' identity. Raises ModelUnavailable naming the path."""
    base = Path(config.base_path)
    if not base.is_dir():
        raise errors.ModelUnavailable(config.name, f"base_path {config.base_path!r} is not a directory")
    versions = {
        Version(int(entry.name)): _fingerprint(entry) for entry in base.iterdir() if _is_version(entry)
    }
    if not versions:
        reason = (
            f"base_path {config.base_path!r} has no version directory; expected one named by a number"
        )
        raise errors.ModelUnavailable(config.name, reason)
    return versions


def find_model_file(config: ModelConfig, version: Version) -> Path:
    """The model file of a version. Raises ModelUnavailable naming the path."""
    folder = Path(config.base_path) / str(version)
    for pattern in _MODEL_FILES:
        for path in sorted(folder.glob(pattern)):
            return path
    reason = f"no model file ({', '.join(_MODEL_FILES)}) in {str(folder)!r}"
    raise errors.ModelUnavailable(config.name, reason)


def _fingerprint(folder: Path) -> Fingerprint:
    """Changes when a file is added, removed, replaced or written to."""
    stats = [(path.name, path.stat()) for path in sorted(folder.iterdir()) if path.is_file()]
    return Fingerprint(repr([(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]))


def _is_version(entry: Path) -> bool:
    return entry.is_dir() and entry.name.isdecimal() and int(entry.name) > 0
