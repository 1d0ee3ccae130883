"""The example clients as programs, against a real gRPC server."""

import subprocess
import sys
from pathlib import Path

import grpc
import numpy as np
import pytest

from tests.unit.example_client import digit_service

CHECKOUT = Path(__file__).resolve().parents[3]
BY_PATH = [str(CHECKOUT / "example_client" / "grpc_serving_client.py")]
AS_MODULE = ["-m", "example_client.grpc_serving_client"]
META_BY_PATH = [str(CHECKOUT / "example_client" / "get_serving_meta.py")]
META_AS_MODULE = ["-m", "example_client.get_serving_meta"]
ROUND_ROBIN = [str(CHECKOUT / "example_client" / "round_robin_client.py")]
TENSORS = ["--input_name", "0", "--output_name", "1463", "--transpose_input", "False"]


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=CHECKOUT,
        check=False,
    )


@pytest.fixture
def images(tmp_path: Path) -> list[str]:
    """Flags for ten images whose first pixels name the digits 0 to 9, the last one's class wrong."""
    pixels = np.zeros((10, 3, 4, 4), np.float32)
    pixels[:, 0, 0, 0] = np.arange(10)
    pixels[9, 0, 0, 1] = 255.0
    classes = np.arange(10)
    classes[9] = 1
    np.save(tmp_path / "imgs.npy", pixels)
    np.save(tmp_path / "lbs.npy", classes)
    (tmp_path / "labels.txt").write_text("zero\none\ntwo\n", "utf-8")
    folder = str(tmp_path)
    return ["--images_numpy_path", f"{folder}/imgs.npy", "--labels_numpy_path", f"{folder}/lbs.npy"]


@pytest.mark.parametrize("program", [BY_PATH, AS_MODULE])
def test_classifies(program: list[str], images: list[str]) -> None:
    """Run by its path or as a module, it prints OVMS's lines with each image's class."""
    with digit_service.serving(digit_service.DigitService()) as port:
        flags = ["--grpc_port", str(port), "--model_name", "digits", "--batchsize", "3"]
        done = _run(*program, *flags, *TENSORS, *images, "--iterations", "4")

    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert lines[:4] == [
        "Image data range: 0.0 : 255.0",
        "Start processing:",
        "\tModel name: digits",
        "\tIterations: 4",
    ]
    assert "\tNumpy file shape: (10, 3, 4, 4)" in lines
    assert lines.count("imagenet top results in a single batch:") == 4
    assert "\t 2 two 2 ; Correct match." in lines
    assert "\t 0 3 ; Correct match." in lines
    assert lines[-1] == "Classification accuracy: 100.00"


def test_tells_wrong_classes(images: list[str]) -> None:
    """An image of another class than expected is told with both, and lowers the accuracy."""
    with digit_service.serving(digit_service.DigitService()) as port:
        flags = ["--grpc_port", str(port), "--model_name", "digits", "--batchsize", "5"]
        done = _run(*BY_PATH, *flags, *TENSORS, *images)

    assert "\t 4 9 ; Incorrect match. Should be 1 one" in done.stdout
    assert done.stdout.endswith("Classification accuracy: 90.00\n")


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED])
def test_waits_for_a_server_that_is_away(images: list[str], code: grpc.StatusCode) -> None:
    """What a server says that ends is tried again, and the run goes on as if nothing had happened."""
    service = digit_service.DigitService([code] * 2)
    with digit_service.serving(service) as port:
        flags = ["--grpc_port", str(port), "--model_name", "digits", "--iterations", "1"]
        done = _run(*BY_PATH, *flags, *TENSORS, *images)

    assert done.returncode == 0
    assert len(service.requests) == 3


def test_a_reader_that_has_seen_enough(images: list[str]) -> None:
    """With `| head`, the program ends without a word when nobody reads any more."""
    with digit_service.serving(digit_service.DigitService()) as port:
        flags = ["--grpc_port", str(port), "--model_name", "digits", "--iterations", "500"]
        with subprocess.Popen(
            [sys.executable, *BY_PATH, *flags, *TENSORS, *images],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=CHECKOUT,
        ) as program:
            assert program.stdout is not None
            assert program.stderr is not None
            program.stdout.readline()
            program.stdout.close()
            assert program.stderr.read() == b""
    assert program.returncode == 141


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--model_name", "other"], "NOT_FOUND: no model is named other"),
        (["--model_name", "digits", "--output_name", "none"], "Invalid output name: none"),
        (["--model_name", "digits", "--labels_numpy_path", "/nowhere.npy"], "cannot read /nowhere.npy"),
    ],
)
def test_one_line_for_what_goes_wrong(images: list[str], flags: list[str], told: str) -> None:
    """An error is one line on standard error and exit code 1, never a traceback."""
    with digit_service.serving(digit_service.DigitService()) as port:
        done = _run(*BY_PATH, "--grpc_port", str(port), *TENSORS, *images, *flags)

    assert done.returncode == 1
    assert told in done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("program", [META_BY_PATH, META_AS_MODULE])
def test_prints_metadata(program: list[str]) -> None:
    """The inputs and outputs are printed in OVMS's words."""
    with digit_service.serving(digit_service.DigitService()) as port:
        done = _run(*program, "--grpc_port", str(port), "--model_name", "digits")

    assert done.stdout.splitlines() == [
        "Getting model metadata for model: digits",
        "Inputs metadata:",
        "\tInput name: 0; shape: [-1, 3, 4, 4]; dtype: DT_FLOAT",
        "Outputs metadata:",
        "\tOutput name: 1463; shape: [-1, 10]; dtype: DT_FLOAT",
    ]


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED])
def test_takes_servers_in_turn_and_misses_none_that_is_away(code: grpc.StatusCode) -> None:
    """A name with two addresses gets requests at both; one that is away for a moment fails nobody."""
    here, there = digit_service.DigitService(failures=[code]), digit_service.DigitService()
    with digit_service.serving(here) as one, digit_service.serving(there) as other:
        flags = ["--model_name=digits", "--input_name=0", "--shape=3x4x4", "--clients=2", "--seconds=2"]
        address = [f"--grpc_address=ipv4:127.0.0.1:{one},127.0.0.1", f"--grpc_port={other}"]
        done = _run(*ROUND_ROBIN, *flags, *address)

    assert (done.returncode, done.stderr) == (0, "")
    answered = int(done.stdout.splitlines()[-1].split()[2])
    shares = [len(service.requests) / answered for service in (here, there)]
    assert min(shares) > 0.4


def test_a_balancing_client_tells_what_a_server_refuses() -> None:
    """A model that no server has ends the program at once, in one line."""
    with digit_service.serving(digit_service.DigitService()) as port:
        flags = ["--grpc_port", str(port), "--model_name=letters", "--input_name=0", "--shape=3x4x4"]
        done = _run(*ROUND_ROBIN, *flags)

    assert done.returncode == 1
    assert "no model is named letters" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_classifying_client_takes_servers_in_turn(images: list[str]) -> None:
    """With --round_robin, images are classified by all servers behind a name."""
    here, there = digit_service.DigitService(), digit_service.DigitService()
    with digit_service.serving(here) as one, digit_service.serving(there) as other:
        address = [f"--grpc_address=ipv4:127.0.0.1:{one},127.0.0.1", f"--grpc_port={other}"]
        flags = ["--model_name=digits", "--iterations=40", "--round_robin"]
        done = _run(*BY_PATH, *flags, *TENSORS, *images, *address)

    assert (done.returncode, done.stderr) == (0, "")
    assert len(here.requests) + len(there.requests) == 40
    assert min(len(here.requests), len(there.requests)) > 10
