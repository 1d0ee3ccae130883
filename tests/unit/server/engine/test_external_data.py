"""Weights that an ONNX model has outside of its own file: of the version's folder, and nowhere else."""

from pathlib import Path

import numpy as np
import pytest

from batchwright_server import errors
from batchwright_server.config.model import ModelConfig
from batchwright_server.engine.openvino_engine import OpenVinoEngine
from batchwright_server.runtime.ports import Version
from tests.support import foreign_models

WEIGHTS = np.arange(4, dtype=np.float32).tobytes()


@pytest.fixture
def version(tmp_path: Path) -> Path:
    """An empty version `1` of a model, beside a file that is none of its."""
    (tmp_path / "secret").write_bytes(WEIGHTS)
    folder = tmp_path / "m" / "1"
    folder.mkdir(parents=True)
    return folder


def read(version: Path) -> list[str]:
    config = ModelConfig(name="m", base_path=str(version.parent))
    signature = OpenVinoEngine().read(config, Version(1)).signature
    return [spec.name for spec in signature.outputs]


@pytest.mark.parametrize("location", ["weights", "./weights", "data/weights"])
def test_weights_beside_the_model_are_read(version: Path, location: str) -> None:
    """Large models have them in files of their own."""
    (version / "data").mkdir()
    (version / location).write_bytes(WEIGHTS)
    foreign_models.write_onnx_with_data_at(version, location=location)

    assert read(version) == ["y"]


@pytest.mark.parametrize(
    "location",
    [
        "../../secret",
        "./../../secret",
        "data/../../../secret",
        "{outside}/secret",
        "file://{outside}/secret",
        "..\\..\\secret",
        "/proc/self/environ",
        "link",
    ],
)
def test_weights_of_another_place_are_refused(version: Path, location: str) -> None:
    """Neither a path nor a link leads a model to the files of others."""
    outside = version.parent.parent
    (version / "data").mkdir()
    if location == "link":
        (version / "link").symlink_to(outside / "secret")
    foreign_models.write_onnx_with_data_at(version, location=location.format(outside=outside))

    with pytest.raises(errors.ModelUnavailable):
        read(version)


def test_weights_at_an_address_in_memory_are_refused(version: Path) -> None:
    """A model reads nothing of the server's memory, where keys and tokens are, and does not end it."""
    mine = np.arange(4, dtype=np.float32)
    for address in (mine.ctypes.data, 4096):
        foreign_models.write_onnx_with_data_at(
            version, location="*/_ORT_MEM_ADDR_/*", offset=str(address), length="16"
        )
        with pytest.raises(errors.ModelUnavailable, match="takes weights from an address in memory"):
            read(version)


def test_an_empty_model_file_is_a_fault_of_the_model(version: Path) -> None:
    """A file that is just being copied fails its version alone."""
    (version / "model.onnx").write_bytes(b"")

    with pytest.raises(errors.ModelUnavailable):
        read(version)
