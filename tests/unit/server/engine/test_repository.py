import os
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest

from batchwright_server import errors
from batchwright_server.config.model import ModelConfig
from batchwright_server.config.plan import Streams
from batchwright_server.core.tensors import BatchRange
from batchwright_server.engine import model_files
from batchwright_server.engine.openvino_engine import EngineOptions, OpenVinoEngine
from batchwright_server.engine.repository import Repository
from batchwright_server.runtime.ports import Version
from tests.support import foreign_models, models

FIRST = Version(1)


def config(base: Path | str, **keys: Any) -> ModelConfig:
    return ModelConfig(name="m", base_path=str(base), **keys)


def versions(base: Path | str) -> list[int]:
    return list(Repository(Path()).find_versions(config(base)))


def read(base: Path, **keys: Any) -> list[str]:
    signature = OpenVinoEngine().read(config(base, **keys), FIRST).signature
    return [spec.name for spec in (*signature.inputs, *signature.outputs)]


@pytest.fixture
def affine(tmp_path: Path) -> Path:
    return models.save(models.affine(), tmp_path / "affine")


def test_versions_are_the_folders_named_by_a_number(tmp_path: Path) -> None:
    """Other names, files and numbers that no client can ask for are passed over."""
    for name in ("3", "1", "0012", "0", "-4", "latest", "1.5", "\u0663", "9" * 30):
        (tmp_path / name).mkdir()
    (tmp_path / "7").write_text("no folder")

    assert versions(tmp_path) == [1, 3, 12]


def test_a_version_padded_with_zeros_is_read(tmp_path: Path) -> None:
    """TensorFlow Serving's users pad their numbers."""
    models.save(models.affine(), tmp_path).joinpath("1").rename(tmp_path / "0001")

    assert read(tmp_path) == ["x", "y"]


def test_a_model_file_is_version_one(affine: Path) -> None:
    """A path to a file needs no folders."""
    file = affine / "1" / "model.xml"

    assert versions(file) == [1]
    assert read(file) == ["x", "y"]


def test_a_relative_path_is_taken_from_the_root(affine: Path) -> None:
    """As in OVMS, a configuration may be moved together with its models."""
    engine = OpenVinoEngine(EngineOptions(root=affine.parent))

    assert engine.read(config("affine"), FIRST).signature.inputs[0].name == "x"


@pytest.mark.parametrize("path", ["s3://bucket/m", "gs://bucket/m", "az://m", "/nowhere/at/all"])
def test_what_cannot_be_reached_is_told(path: str) -> None:
    """The path and the reason, for remote storage what to do instead."""
    with pytest.raises(errors.ModelUnavailable, match=path):
        versions(path)


def test_changes_of_files_are_seen(affine: Path) -> None:
    """A version has another identity when one of its files changes, also in a folder of it."""

    def identity() -> str:
        return Repository(Path()).find_versions(config(affine))[FIRST]

    first = identity()
    (affine / "1" / "variables").mkdir()
    (affine / "1" / "variables" / "data").write_text("x")
    second = identity()
    (affine / "1" / "variables" / "data").write_text("xy")

    assert len({first, second, identity()}) == 3


@pytest.mark.parametrize("name", ["1", "1/model.xml", "1/model.bin"])
def test_a_link_out_of_the_models_folder_is_refused(affine: Path, name: str) -> None:
    """Whoever may write into one model's folder reads no file of another place by it."""
    outside = affine.parent / "outside"
    inside = affine / name
    inside.rename(outside)
    inside.symlink_to(outside)

    with pytest.raises(errors.ModelUnavailable, match="leads out of"):
        read(affine)


def test_links_as_kubernetes_projects_them_are_followed(affine: Path) -> None:
    """A volume's files are links to `..data`, itself a link to a folder beside it."""
    version = affine / "1"
    data = version / "..2026_01_01"
    data.mkdir()
    (version / "..data").symlink_to(data.name)
    for name in ("model.xml", "model.bin"):
        (version / name).rename(data / name)
        (version / name).symlink_to(Path("..data", name))

    assert read(affine) == ["x", "y"]


def test_a_model_folder_may_be_a_link_itself(affine: Path) -> None:
    """Where base_path leads is the choice of who wrote the configuration."""
    link = affine.parent / "link"
    link.symlink_to(affine)

    assert read(link) == ["x", "y"]


def test_a_circle_of_links_is_a_fault_and_no_crash(affine: Path) -> None:
    """A link to itself is told."""
    os.symlink("again", affine / "1" / "again")

    with pytest.raises(errors.ModelUnavailable):
        read(affine)


@pytest.mark.parametrize(
    ("write", "names"),
    [
        (foreign_models.write_onnx, ["x", "y"]),
        (foreign_models.write_frozen_graph, ["x:0", "y:0"]),
        (foreign_models.write_saved_model, ["x", "y"]),
        (foreign_models.write_paddle, ["x", "y"]),
        (foreign_models.write_tflite, ["x", "y"]),
    ],
)
def test_models_of_other_frameworks_are_served(tmp_path: Path, write: Any, names: list[str]) -> None:
    """ONNX, TensorFlow (frozen and saved), Paddle and TensorFlow Lite: read, compiled and inferred."""
    (tmp_path / "1").mkdir()
    write(tmp_path / "1")

    network = OpenVinoEngine().read(config(tmp_path), FIRST)
    network.compile(BatchRange.only(2), Streams.ONE)

    signature = network.signature
    assert [spec.name for spec in (*signature.inputs, *signature.outputs)] == names
    assert signature.demultiply_fault == ""
    assert infer_ones(model_files.find_model(tmp_path / "1")) == [2.0] * 8


def infer_ones(path: Path) -> list[float]:
    model = ov.Core().read_model(path)
    model.reshape([2, 4])
    compiled = ov.Core().compile_model(model, "CPU", models.EXACT)
    [answer] = compiled(np.ones((2, 4), np.float32)).to_tuple()
    return [float(value) for value in answer.ravel()]


@pytest.mark.parametrize("content", ["", "{", "<net/>", "\x00\x01"])
def test_a_broken_model_file_is_the_models_fault(tmp_path: Path, content: str) -> None:
    """The path and OpenVINO's reason; nothing else fails."""
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "model.xml").write_text(content)

    with pytest.raises(errors.ModelUnavailable, match="model"):
        read(tmp_path)


def test_a_version_without_a_model_names_what_was_looked_for(tmp_path: Path) -> None:
    """All formats are listed."""
    (tmp_path / "1").mkdir()

    with pytest.raises(errors.ModelUnavailable, match=r"\*\.xml.*\*\.tflite"):
        read(tmp_path)
