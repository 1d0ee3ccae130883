"""Asks a server by OpenVINO Model Server's client and prints what came: ovms.py grpc|http target."""

import json
import sys
from typing import Any

import numpy as np
import ovmsclient


def main(protocol: str, target: str) -> None:
    """Ask, and print."""
    make = {"grpc": ovmsclient.make_grpc_client, "http": ovmsclient.make_http_client}[protocol]
    client = make(target)
    status = client.get_model_status("affine")
    report = {
        "answers": [_predict(client, rows) for rows in (1, 5)],
        "metadata": client.get_model_metadata("affine"),
        "status": {str(version): found for version, found in status.items()},
        "unknown": _error(client),
    }
    sys.stdout.write(json.dumps(report, default=str) + "\n")


def _predict(client: Any, rows: int, model: str = "affine") -> Any:
    x = np.arange(rows * 4, dtype=np.float32).reshape(rows, 4)
    return client.predict({"x": x}, model).tolist()


def _error(client: Any) -> str:
    try:
        _predict(client, 1, "nobody")
    except ovmsclient.tfs_compat.base.errors.ModelServerError as error:
        return f"{type(error).__name__}: {error}"
    return "no error"


if __name__ == "__main__":
    main(*sys.argv[1:])
