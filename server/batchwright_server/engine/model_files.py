"""The files of one version: which of them OpenVINO reads, and that all of them are where they belong."""

import mmap
import os
from collections.abc import Iterator
from pathlib import Path

MAPPING_FILE = "mapping_config.json"

_SAVED_MODEL = "saved_model.pb"
# IR, ONNX, Paddle, TensorFlow's frozen graph, TensorFlow Lite; a saved model is read as a folder.
_PATTERNS = ("*.xml", "*.onnx", "*.pdmodel", _SAVED_MODEL, "*.pb", "*.tflite")


_MEMORY_ADDRESS = b"_ORT_MEM_ADDR_"  # ONNX Runtime's, between its own parts


class Misplaced(ValueError):
    """Data that are not there, or not where the model's own are; the message says which."""


def find_model(place: Path) -> Path:
    """What OpenVINO is to read of a version's folder, or of a single file. Raises Misplaced."""
    if place.is_file():
        return place
    for pattern in _PATTERNS:
        for path in sorted(place.glob(pattern)):
            return place if path.name == _SAVED_MODEL else path
    raise Misplaced(f"no model file ({', '.join(_PATTERNS)}) in {str(place)!r}")


def check_inside(place: Path, base: Path) -> None:
    """Raise Misplaced if `place`, or a link in it, leads out of the folder `base`.

    Links inside it are fine: Kubernetes projects a volume's files as links to a folder beside them.
    """
    root = base.resolve()
    for path in (place, *_links(place)):
        try:
            target = path.resolve()
        except (OSError, RuntimeError) as error:  # a circle of links
            raise Misplaced(f"{str(path)!r} leads nowhere: {error}") from error
        if not target.is_relative_to(root):
            raise Misplaced(
                f"{str(path)!r} leads out of {str(base)!r}, to {str(target)!r}; copy the file instead"
            )


def check_source(path: Path) -> None:
    """Raise Misplaced if a model file takes weights from an address in memory instead of from a file.

    OpenVINO believes such an address: it is the server's memory that would be read, or end the process.
    """
    if path.is_dir() or not path.stat().st_size:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content.find(_MEMORY_ADDRESS) >= 0:
            raise Misplaced(
                f"{str(path)!r} takes weights from an address in memory; save the model with its weights"
            )


def fingerprint(place: Path) -> str:
    """Changes when a file of the version is added, removed, replaced or written to."""
    files = [place] if place.is_file() else sorted(_files(place))
    return repr([_identity(path, place) for path in files])


def _identity(path: Path, place: Path) -> tuple[object, ...]:
    name = str(path.relative_to(place))
    try:
        stat = path.stat()
    except OSError:  # removed a moment ago, or a link to nowhere
        return (name,)
    return name, stat.st_size, stat.st_mtime_ns, stat.st_ino


def _files(folder: Path) -> Iterator[Path]:
    for directory, _, names in os.walk(folder):
        yield from (Path(directory, name) for name in names)


def _links(folder: Path) -> Iterator[Path]:
    for directory, folders, names in os.walk(folder):
        paths = (Path(directory, name) for name in (*folders, *names))
        yield from (path for path in paths if path.is_symlink())
