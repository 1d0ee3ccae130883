"""Other servers with the same model: each in an environment of its own, in its own protocol."""

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import openvino

from benchmarks.serving import messages, servers
from benchmarks.serving.contest import Contest, Take, Turn
from benchmarks.serving.loadclient import Job
from benchmarks.serving.messages import Subject
from benchmarks.serving.sections import OPTIMUM, Bench

ENVIRONMENTS = Path.home() / ".cache" / "batchwright" / "peers"
_PROGRAMS = Path(__file__).with_name("peer_programs")
_MAKE_SECONDS = 900


@dataclass(frozen=True)
class Peer:
    """A package, and how a server of it is started and asked."""

    package: str
    start: Callable[[Path, Path, Subject], tuple[servers.Server, "Ask"]]


@dataclass(frozen=True)
class Ask:
    """What the load needs to know."""

    protocol: str
    target: str
    method: str
    file: str


def require(package: str) -> Path:
    """The Python of an environment with `package`, made where it is missing.

    Raises OSError or SubprocessError.
    """
    folder = ENVIRONMENTS / package
    stamp = folder / "made"
    if not stamp.exists():
        shutil.rmtree(folder, ignore_errors=True)
        packages = [package, f"openvino=={openvino.__version__.split('-')[0]}"]
        python = str(folder / "bin" / "python")
        for command in (
            [sys.executable, "-m", "venv", str(folder)],
            [python, "-m", "pip", "install", "--quiet", *packages],
        ):
            subprocess.run(command, check=True, timeout=_MAKE_SECONDS)  # noqa: S603
        stamp.write_text("\n".join(packages))
    return folder / "bin" / "python"


def compare(bench: Bench, model: str) -> Contest:
    """Everybody with the same model, one sample a request, 8 clients."""
    subject = bench.subject(model)
    note = (
        "each in the protocol that it has: Batchwright and MLServer KServe v2 over gRPC, mosec bytes "
        "over HTTP, LitServe JSON with base64 over HTTP; OpenVINO's hint for throughput everywhere, two "
        "inference processes where the peer has such"
    )
    contest = Contest(f"{model}, peers, 8 clients", "requests/s", "batchwright", note)
    with ExitStack() as stack:
        ours = servers.start_ours(bench.home, [subject], OPTIMUM)
        stack.callback(ours.close)
        file = messages.write_infer(bench.home, subject, 1)
        ask = Ask("grpc", f"127.0.0.1:{ours.port}", messages.MODEL_INFER, file)
        turns: dict[str, Take] = {"batchwright": partial(_take, bench, ours, ask)}
        for peer in PEERS:
            try:
                server, ask = peer.start(require(peer.package), bench.home, subject)
            except (OSError, RuntimeError, subprocess.SubprocessError) as error:
                bench.tell(f"{peer.package} is left out: {str(error)[-500:]}")
                continue
            stack.callback(server.close)
            turns[peer.package] = partial(_take, bench, server, ask)
        contest.run(turns, bench.rounds, bench.seconds)
    return contest


def _take(bench: Bench, server: servers.Server, ask: Ask, seconds: float) -> Turn:
    job = Job(ask.protocol, ask.target, ask.method, (ask.file,), 8, seconds, warmup_seconds=0.3)
    return bench.load.ask(job, server.cpu_seconds)


def _shape(subject: Subject) -> str:
    return ",".join(map(str, subject.sample))


def _start_mosec(python: Path, home: Path, subject: Subject) -> tuple[servers.Server, Ask]:
    port = servers.free_port()
    command = [str(python), str(_PROGRAMS / "mosec_server.py"), "--port", str(port)]
    command += ["--address", "127.0.0.1", "--path", str(home / "mosec")]
    # Its processes parse the command line again, which therefore has its own flags alone.
    told = {"MODEL": str(subject.xml.resolve()), "SHAPE": _shape(subject)}
    environment = {**os.environ, **told, "PATH": f"{python.parent}:{os.environ['PATH']}"}
    server = servers.Server(command, port, home / "mosec.log", environment).wait_ready()
    target = f"http://127.0.0.1:{port}/inference"
    return server, Ask("http", target, "application/octet-stream", messages.write_raw(home, subject, 1))


def _start_litserve(python: Path, home: Path, subject: Subject) -> tuple[servers.Server, Ask]:
    port = servers.free_port()
    program = str(_PROGRAMS / "litserve_server.py")
    command = [str(python), program, str(subject.xml), _shape(subject), str(port)]
    server = servers.Server(command, port, home / "litserve.log")
    server.wait_ready(f"http://127.0.0.1:{port}/health")
    raw = Path(messages.write_raw(home, subject, 1))
    body = raw.with_suffix(".json")
    body.write_text(json.dumps({"data": base64.b64encode(raw.read_bytes()).decode()}))
    return server, Ask("http", f"http://127.0.0.1:{port}/predict", "application/json", str(body))


def _start_mlserver(python: Path, home: Path, subject: Subject) -> tuple[servers.Server, Ask]:
    folder = home / f"mlserver-{subject.name}"
    folder.mkdir(exist_ok=True)
    shutil.copy(_PROGRAMS / "mlserver_model.py", folder)
    grpc, http, metrics = (servers.free_port() for _ in range(3))
    ports = {"host": "127.0.0.1", "grpc_port": grpc, "http_port": http, "metrics_port": metrics}
    settings = {**ports, "parallel_workers": 0, "grpc_max_message_length": 1 << 30}
    (folder / "settings.json").write_text(json.dumps(settings))
    model = {
        "name": subject.name,
        "implementation": "mlserver_model.Inference",
        "parameters": {"uri": str(subject.xml.resolve())},
    }
    (folder / "model-settings.json").write_text(json.dumps(model))
    command = [str(python.with_name("mlserver")), "start", str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    server = servers.Server(command, grpc, home / "mlserver.log", environment)
    server.wait_ready(f"http://127.0.0.1:{http}/v2/models/{subject.name}/ready")
    file = messages.write_infer(home, subject, 1)
    return server, Ask("grpc", f"127.0.0.1:{grpc}", messages.MODEL_INFER, file)


PEERS = (
    Peer("mosec", _start_mosec),
    Peer("litserve", _start_litserve),
    Peer("mlserver", _start_mlserver),
)
