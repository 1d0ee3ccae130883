"""Serves a tiny model by a ModelServer, asks it for batches of two sizes, and removes it again.

Run by `helm test` in the server's image, with the rights of its own ServiceAccount.
"""

import base64
import json
import os
import signal
import ssl
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import openvino as ov
from openvino import opset13 as ops

ACCOUNT = Path(os.environ.get("ACCOUNT", "/var/run/secrets/kubernetes.io/serviceaccount"))
API = "https://{KUBERNETES_SERVICE_HOST}:{KUBERNETES_SERVICE_PORT}".format_map(
    {key: f"[{value}]" if ":" in value else value for key, value in os.environ.items()}
)
NAMESPACE = os.environ["NAMESPACE"]
NAME = os.environ["MODEL_SERVER"]
URL = os.environ["MODEL_SERVER_URL"]
DEADLINE = time.monotonic() + float(os.environ["TIMEOUT_SECONDS"])
SERVERS = f"/apis/batchwright.dev/v1alpha1/namespaces/{NAMESPACE}/modelservers"
CONFIG_MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
MODEL = f"{NAME}-model"
CONFLICT = 409
NOT_FOUND = 404


def main() -> None:
    """The whole test; exits with what went wrong."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended before an answer came"))
    clean_up()
    try:
        create(CONFIG_MAPS, model_files())
        create(SERVERS, model_server())
        for batch in ([[1.0, -2.0]], [[3.0, 0.5], [-1.0, 0.0], [2.0, 2.0]]):
            expect(batch, [[2 * value for value in row] for row in batch])
    finally:
        clean_up()
    sys.stdout.write("ok\n")


def model_files() -> dict[str, Any]:
    """A ConfigMap with a model that doubles two numbers."""
    numbers = ops.parameter([1, 2], ov.Type.f32, name="numbers")
    doubled = ops.multiply(numbers, ops.constant(2.0, ov.Type.f32))
    doubled.output(0).set_names({"doubled"})
    numbers.output(0).set_names({"numbers"})
    with tempfile.TemporaryDirectory() as folder:
        ov.save_model(ov.Model([doubled], [numbers]), f"{folder}/model.xml", compress_to_fp16=False)
        contents = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    files = {name: base64.b64encode(content).decode() for name, content in contents.items()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": MODEL}, "binaryData": files}


def model_server() -> dict[str, Any]:
    """The ModelServer; the policy has no say in it, so that it is ready at once."""
    items = [{"key": name, "path": f"1/{name}"} for name in ("model.xml", "model.bin")]
    model = {
        "name": "double",
        "source": {"configMap": {"name": MODEL, "items": items}},
        "batching": {"strategy": "Dynamic"},
    }
    return {
        "apiVersion": "batchwright.dev/v1alpha1",
        "kind": "ModelServer",
        "metadata": {"name": NAME},
        "spec": {"models": [model]},
    }


def expect(batch: list[list[float]], wanted: list[list[float]]) -> None:
    """Ask until there is an answer, which must be `wanted`."""
    body = json.dumps({"instances": batch}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{URL}/v1/models/double:predict", body, headers)  # noqa: S310
    while True:
        try:
            with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310
                found = json.load(response)["predictions"]
            break
        except OSError as error:  # no such name yet, nobody listening yet, not loaded yet
            if time.monotonic() > DEADLINE:
                sys.exit(f"no answer from {URL}: {error}; the ModelServer says: {conditions()}")
            time.sleep(1)
    if found != wanted:
        sys.exit(f"expected {wanted} for {batch}, got {found}")
    sys.stdout.write(f"{URL} answers {found} to {batch}\n")


def conditions() -> str:
    """What the ModelServer's status says."""
    try:
        status = call("GET", f"{SERVERS}/{NAME}").get("status", {})
    except OSError as error:
        return str(error)
    told = [f"{it['type']}={it['status']} ({it['message']})" for it in status.get("conditions", ())]
    return "; ".join(told) or "nothing: does the operator watch this namespace?"


def create(path: str, manifest: dict[str, Any]) -> None:
    """Create an object; one of a run before may still be on its way out."""
    while True:
        try:
            call("POST", path, manifest)
        except urllib.error.HTTPError as error:
            if error.code != CONFLICT or time.monotonic() > DEADLINE:
                sys.exit(f"{path}: {error.code} {error.read().decode(errors='replace')}")
            time.sleep(1)
        else:
            return


def clean_up() -> None:
    """Remove what this test makes, where it is."""
    for path in (f"{SERVERS}/{NAME}", f"{CONFIG_MAPS}/{MODEL}"):
        try:
            call("DELETE", path)
        except urllib.error.HTTPError as error:
            if error.code != NOT_FOUND:
                raise


def call(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """One call to the API server."""
    token = (ACCOUNT / "token").read_text()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(API + path, data, headers, method=method)  # noqa: S310
    context = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    with urllib.request.urlopen(request, timeout=10, context=context) as response:  # noqa: S310
        return json.load(response)


main()
