"""The model repository: a folder for each model, in it a folder for each numeric version."""

from pathlib import Path

from batchwright_server import errors
from batchwright_server.config.document import ModelConfig
from batchwright_server.runtime.ports import Version

_MODEL_FILES = ("*.xml", "*.onnx")


def find_version(config: ModelConfig) -> Version:
    """The highest numeric version. Raises ModelUnavailable naming the path."""
    base = Path(config.base_path)
    if not base.is_dir():
        raise errors.ModelUnavailable(config.name, f"base_path {config.base_path!r} is not a directory")
    versions = [int(entry.name) for entry in base.iterdir() if _is_version(entry)]
    if not versions:
        reason = (
            f"base_path {config.base_path!r} has no version directory; expected one named by a number"
        )
        raise errors.ModelUnavailable(config.name, reason)
    return Version(max(versions))


def find_model_file(config: ModelConfig, version: Version) -> Path:
    """The model file of a version. Raises ModelUnavailable naming the path."""
    folder = Path(config.base_path) / str(version)
    for pattern in _MODEL_FILES:
        for path in sorted(folder.glob(pattern)):
            return path
    reason = f"no model file ({', '.join(_MODEL_FILES)}) in {str(folder)!r}"
    raise errors.ModelUnavailable(config.name, reason)


def _is_version(entry: Path) -> bool:
    return entry.is_dir() and entry.name.isdecimal() and int(entry.name) > 0
