"""What is generated is what the sources say."""

import subprocess
import sys
from pathlib import Path

SERVER = Path(__file__).parents[2] / "server"
PROTOS = SERVER / "batchwright_server" / "protos"


def test_the_protocol_stubs_are_fresh(tmp_path: Path) -> None:
    """Compiling the .proto files again gives the committed stubs, byte for byte."""
    sources = sorted(str(path) for path in PROTOS.glob("*.proto"))
    outputs = [f"--{kind}={tmp_path}" for kind in ("python_out", "pyi_out", "grpc_python_out")]

    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", f"-I{SERVER}", *outputs, *sources], check=True
    )

    fresh = {path.name: path.read_text() for path in tmp_path.rglob("*_pb2*")}
    committed = {path.name: path.read_text() for path in PROTOS.glob("*_pb2*")}
    assert fresh == committed
