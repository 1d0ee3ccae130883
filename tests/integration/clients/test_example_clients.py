"""The example clients as programs, against a real server, with and without TLS."""

import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import certificates, digit_model, foreign, models, serving

ROOT = Path(__file__).parents[3]
CLIENTS = ROOT / "example_client"
FORMATS = ["row_noname", "row_name", "column_noname", "column_name"]


def _requirements(name: str) -> tuple[str, ...]:
    lines = (CLIENTS / f"{name}_requirements.txt").read_text().splitlines()
    return tuple(line for line in lines if not line.startswith("#"))


KSERVE = foreign.Client("kserve-example", _requirements("kserve"))


@dataclass(frozen=True)
class Digits:
    """A server of the model `digits`, and the flags that every classifying client takes for it."""

    running: serving.Serving
    images: list[str]
    tls: list[str]

    @property
    def grpc(self) -> list[str]:
        """Flags for its gRPC port."""
        return [*self._common, "--grpc_port", str(self.running.server.grpc_port), *self._tls_flag]

    @property
    def http(self) -> list[str]:
        """Flags for its HTTP port, as KServe's client has them."""
        return [*self._common, "--http_port", str(self.running.server.http_port), *self._tls_flag]

    @property
    def rest(self) -> list[str]:
        """Flags for its HTTP port, as OVMS's client has them."""
        scheme = "https" if self.tls else "http"
        where = [
            "--rest_url",
            f"{scheme}://localhost",
            "--rest_port",
            str(self.running.server.http_port),
        ]
        return [*self._common, *where, *self.tls]

    @property
    def _common(self) -> list[str]:
        return ["--model_name", "digits", *self.images]

    @property
    def _tls_flag(self) -> list[str]:
        return ["--tls", *self.tls] if self.tls else []


@pytest.fixture(params=["plain", "tls"])
async def digits(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Digits]:
    folder = models.save(digit_model.build(), tmp_path / "digits")
    images = digit_model.save_images(tmp_path)
    flags: list[str] = []
    client: list[str] = []
    if request.param == "tls":
        authority = certificates.make_authority(tmp_path, "authority")
        here = certificates.issue(authority, tmp_path, "server")
        user = certificates.issue(authority, tmp_path, "user")
        flags = ["--tls_cert_path", str(here.certificate), "--tls_key_path", str(here.key)]
        flags += ["--tls_client_ca_path", str(authority.certificate)]
        client = ["--server_cert", str(authority.certificate), "--client_cert", str(user.certificate)]
        client += ["--client_key", str(user.key)]
    config = serving.model_config("digits", folder, batching={"strategy": "reload"})
    async with serving.serve(tmp_path, serving.document(config), *flags) as running:
        yield Digits(running, images, client)


async def _classify(program: str, flags: list[str], python: str = sys.executable) -> list[str]:
    more = ["--batchsize", "4", "--iterations", "3"]
    return (await foreign.run(python, str(CLIENTS / program), *flags, *more)).splitlines()


def _check(lines: list[str]) -> None:
    assert lines[-1] == "Classification accuracy: 100.00"
    assert len([line for line in lines if line.startswith("Iteration ")]) == 3
    assert not any("inf fps" in line or " 0.00 ms" in line for line in lines)


async def test_grpc(digits: Digits) -> None:
    """The client on this project's stubs classifies, in plain text and by mutual TLS."""
    _check(await _classify("grpc_serving_client.py", digits.grpc))


@pytest.mark.parametrize("form", FORMATS)
async def test_rest(digits: Digits, form: str) -> None:
    """Each way to write tensors as JSON gives the same classes."""
    _check(await _classify("rest_serving_client.py", [*digits.rest, "--request_format", form]))


async def test_a_version_over_rest(digits: Digits) -> None:
    """A version that is there answers by its number."""
    _check(await _classify("rest_serving_client.py", [*digits.rest, "--model_version", "1"]))


async def test_status(digits: Digits) -> None:
    """The state of the version that serves is printed in OVMS's words."""
    flags = digits.grpc[:2] + digits.grpc[2 + len(digits.images) :]
    told = await foreign.run(sys.executable, str(CLIENTS / "get_model_status.py"), *flags)

    assert told.splitlines() == [
        "Getting model status for model: digits",
        "",
        "Model version: 1",
        "State AVAILABLE",
        "Error code:  0",
        "Error message:  OK",
    ]


@pytest.mark.foreign
@pytest.mark.timeout(600)
@pytest.mark.parametrize("protocol", ["grpc", "http"])
async def test_kserve(digits: Digits, protocol: str) -> None:
    """NVIDIA's client, as its requirements file has it today, classifies over both of KServe's APIs."""
    python = str(foreign.require(KSERVE).folder / "bin" / "python")
    flags = digits.grpc if protocol == "grpc" else digits.http

    _check(await _classify(f"kserve_{protocol}_client.py", flags, python))


@pytest.mark.foreign
async def test_tensorflow(digits: Digits) -> None:
    """TensorFlow's own client classifies, in plain text and by mutual TLS."""
    python = str(foreign.require(foreign.TENSORFLOW).folder / "bin" / "python")

    _check(await _classify("tensorflow_serving_client.py", digits.grpc, python))
