"""OpenVINO that fails, or waits, where and while a file in the working directory says so.

Python loads this at its start, where the folder is on PYTHONPATH. The file may come and go while the
process lives: `tests.support.cluster.compilefaults` writes it.
"""

import json
import time
from pathlib import Path
from typing import Any

import openvino as ov

_FILE = Path("compile-fault.json")
_LOOK_SECONDS = 0.05
_compile_model = ov.Core.compile_model


def _compile_or_fail(core: ov.Core, model: Any, device_name: Any = None, config: Any = None) -> Any:
    hint = (config or {}).get("PERFORMANCE_HINT")
    while (fault := _read()) is not None and fault["hint"] == hint:
        if fault["error"]:
            raise RuntimeError(fault["error"])
        time.sleep(_LOOK_SECONDS)
    return _compile_model(core, model, device_name, config)


def _read() -> dict[str, str] | None:
    try:
        found: dict[str, str] = json.loads(_FILE.read_text())
    except FileNotFoundError:
        return None
    return found


ov.Core.compile_model = _compile_or_fail
