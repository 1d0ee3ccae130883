"""The sample of one model for every batch up to a limit, as a program with real OpenVINO."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openvino import opset13 as ops
from PIL import Image

from example_client.dynamic_batch import dot
from tests.support import digit_model, models

NAMES = st.text(st.sampled_from('ab\\"\n; ü'))
CHECKOUT = Path(__file__).resolve().parents[3]


def _run(folder: Path, model: ov.Model, *flags: str) -> subprocess.CompletedProcess[str]:
    path = folder / "model.xml"
    ov.save_model(model, path, compress_to_fp16=False)
    program = str(CHECKOUT / "example_client" / "dynamic_batch_sample.py")
    command = [sys.executable, program, "-m", str(path), *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=folder, check=False)


def _digits(folder: Path, *digits: int) -> str:
    pixels = np.zeros((len(digits), *digit_model.PIXELS), np.float32)
    pixels[:, 0, 0, 0] = digits
    np.save(folder / "digits.npy", pixels)
    return str(folder / "digits.npy")


def test_classifies_and_tells_both_times(tmp_path: Path) -> None:
    """The classes are those of the images, and a time is told for the limit and for their number."""
    (tmp_path / "names.txt").write_text("\n".join(f"digit{number}" for number in range(10)))
    flags = ["-mb", "8", "-ni", "3", "-pc", "--labels", str(tmp_path / "names.txt")]
    done = _run(tmp_path, digit_model.build(), "-i", _digits(tmp_path, 7, 2, 9), *flags)

    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^Batch 8 \(full batch\): average running .*: \d+\.\d\d ms$", done.stdout, re.M)
    assert re.search(r"^Batch 3 \(images given\): average", done.stdout, re.M)
    lines = done.stdout.splitlines()
    best = [lines[index + 1].split()[1] for index, line in enumerate(lines) if line.startswith("Image ")]
    assert best == ["digit7", "digit2", "digit9"]
    assert "EXECUTED" in done.stdout
    assert (tmp_path / "executed_graph.dot").read_text().startswith("digraph executed {")


def test_reads_pictures(tmp_path: Path) -> None:
    """A picture is resized to what the model takes, and its blue comes first."""
    Image.new("RGB", (9, 7), (0, 0, 6)).save(tmp_path / "blue.png")
    done = _run(tmp_path, digit_model.build(), "-i", str(tmp_path / "blue.png"))

    assert done.returncode == 0
    assert done.stdout.split("Image 0\n")[1].split()[1] == "6"


@pytest.mark.parametrize("form", ["gone", "flat"])
def test_tells_what_cannot_be_read(tmp_path: Path, form: str) -> None:
    """A missing picture, and one for a model that takes none, are told in a line."""
    model = digit_model.build() if form == "gone" else models.affine()
    done = _run(tmp_path, model, "-i", "nowhere.png")

    assert done.returncode == 1
    assert "nowhere.png" in done.stderr
    assert done.stderr.count("\n") == 1


def test_refuses_more_than_the_limit(tmp_path: Path) -> None:
    """More images than the limit are an error that says so; in 2019 they were a larger batch."""
    done = _run(tmp_path, digit_model.build(), "-i", _digits(tmp_path, 1, 2, 3), "-mb", "2")

    assert done.returncode == 1
    assert done.stderr == (
        "error: 3 samples: the model is compiled for 1 to 2; raise the limit with -mb\n"
    )


def _sum_after_relu() -> ov.Model:
    x = ops.parameter([1, 4], np.float32, name="x")
    total = ops.reduce_sum(ops.relu(x), ops.constant(np.array([0])), keep_dims=False)
    return ov.Model([ops.result(ops.tanh(total))], [x], "sum-after-relu")


@pytest.mark.parametrize(
    ("model", "layer"),
    [
        (models.constant_batch, "Reshape"),
        (models.total_over_batch, "ReduceSum"),
        (_sum_after_relu, "ReduceSum"),
    ],
)
def test_names_the_layer_at_fault(tmp_path: Path, model: object, layer: str) -> None:
    """A layer with a shape of its own, or one that takes the batch away, is told by kind and name."""
    np.save(tmp_path / "rows.npy", np.zeros((2, 4), np.float32))
    done = _run(tmp_path, model(), "-i", str(tmp_path / "rows.npy"))  # type: ignore[operator]

    assert done.returncode == 1
    assert re.fullmatch(rf"error: (operation|layer) {layer} '[^']+' .*batch size.*\n", done.stderr)


@given(st.lists(NAMES, unique=True, min_size=1, max_size=6), st.data())
def test_any_name_is_one_label(names: list[str], data: st.DataObject) -> None:
    """Whatever a layer is called, it is one box with one label, and each arrow joins two boxes."""
    layers = [
        {
            "name": name,
            "kind": "Op",
            "from": data.draw(st.lists(st.sampled_from(names[:number] or names), max_size=2)),
            "told": {"execTimeMcs": "12"},
        }
        for number, name in enumerate(names)
    ]
    text = dot.render(layers)

    labels = re.findall(r'n\d+ \[label="((?:[^"\\]|\\.)*)"\];', text, re.DOTALL)
    read = [re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], one) for one in labels]
    assert read == [f"{name}\nOp\nexecTimeMcs: 12" for name in names]
    assert text.count(" -> ") == sum(len(layer["from"]) for layer in layers)
