"""Sends strings by NVIDIA's client and prints what came, as JSON: triton_strings.py grpc|http target."""

import importlib
import json
import sys
from typing import Any

import numpy as np

ROWS = [[b"plain", "é".encode()], [b"\xff\xfe\x00", b""], [b"zeros\x00\x00", b"long" * 500]]


def main(protocol: str, target: str) -> None:
    """Ask, and print."""
    library = importlib.import_module(f"tritonclient.{protocol}")
    client = library.InferenceServerClient(target)
    as_json = {"as_json": True} if protocol == "grpc" else {}
    metadata = client.get_model_metadata("echo", **as_json)
    config = client.get_model_config("echo", **as_json)
    report = {
        "datatypes": [metadata[side][0]["datatype"] for side in ("inputs", "outputs")],
        "data_type": config.get("config", config)["input"][0]["data_type"],
        "sent": _tell(ROWS),
        "raw": [_infer(library, client, ROWS[:rows]) for rows in (1, 3, 2)],
    }
    if protocol == "http":
        texts = [[b"plain", "é".encode()]]
        report["json"] = [_tell(texts), _infer(library, client, texts, is_binary=False)]
    sys.stdout.write(json.dumps(report) + "\n")


def _infer(library: Any, client: Any, rows: list[list[bytes]], *, is_binary: bool = True) -> Any:
    texts = np.array(rows, dtype=np.object_)
    tensor = library.InferInput("s", list(texts.shape), "BYTES")
    options = {"binary_data": is_binary} if library.__name__.endswith("http") else {}
    tensor.set_data_from_numpy(texts, **options)
    wanted = library.InferRequestedOutput("s", **options)
    answer = client.infer("echo", [tensor], outputs=[wanted]).as_numpy("s")
    return _tell(answer.tolist())


def _tell(rows: list[list[Any]]) -> list[list[str]]:
    return [
        [text.hex() if isinstance(text, bytes) else text.encode().hex() for text in row] for row in rows
    ]


if __name__ == "__main__":
    main(*sys.argv[1:])
