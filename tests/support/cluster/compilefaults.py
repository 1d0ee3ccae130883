"""Real servers with an OpenVINO at fault for the plan that is switched to, pod by pod, as tests say."""

import json
from pathlib import Path
from typing import Any

from tests.support.cluster.apiclient import Object
from tests.support.cluster.node import Kubelet

ENVIRONMENT: list[dict[str, Any]] = [
    {"name": "PYTHONPATH", "value": str(Path(__file__).parent / "openvino_faults")}
]
"""For `spec.pod.env`: with it, pods obey the functions below."""

ERROR = "no threads left for another network"
_DEMULTIPLEX = "THROUGHPUT"  # the hint by which alone it compiles here


def break_pod(kubelet: Kubelet, pod: Object) -> None:
    """From now on the pod cannot be switched to the demultiplexer; with what it has it serves."""
    _write(kubelet, pod, error=ERROR)


def hold_pod(kubelet: Kubelet, pod: Object) -> None:
    """A switch of the pod to the demultiplexer goes on until it is healed."""
    _write(kubelet, pod, error="")


def make_dear(kubelet: Kubelet, pod: Object, *, seconds: float) -> None:
    """From now on each inference of the demultiplexer takes so much longer than it was measured."""
    _write(kubelet, pod, error="", burn_seconds=seconds)


def heal_pod(kubelet: Kubelet, pod: Object) -> None:
    """Nothing is wrong any more."""
    _file(kubelet, pod).unlink(missing_ok=True)


def _write(kubelet: Kubelet, pod: Object, *, error: str, burn_seconds: float = 0.0) -> None:
    file = _file(kubelet, pod)
    staged = file.with_suffix(".staged")
    staged.write_text(json.dumps({"hint": _DEMULTIPLEX, "error": error, "burn_seconds": burn_seconds}))
    staged.replace(file)


def _file(kubelet: Kubelet, pod: Object) -> Path:
    return kubelet.home_of(pod) / "compile-fault.json"
