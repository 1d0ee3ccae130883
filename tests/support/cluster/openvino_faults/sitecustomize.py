"""OpenVINO that fails, or takes its time, where a file in the working directory says so.

Python loads this at its start, where the folder is on PYTHONPATH. The file may come and go while the
process lives: `tests.support.cluster.compilefaults` writes it.
"""

import json
import time
from pathlib import Path
from typing import Any

import openvino as ov

_FILE = Path("compile-fault.json")
_compile_model = ov.Core.compile_model


def _compile_or_fail(core: ov.Core, model: Any, device_name: Any = None, config: Any = None) -> Any:
    try:
        fault = json.loads(_FILE.read_text())
    except FileNotFoundError:
        fault = None
    if fault is not None and (config or {}).get("PERFORMANCE_HINT") == fault["hint"]:
        time.sleep(fault["seconds"])
        if fault["error"]:
            raise RuntimeError(fault["error"])
    return _compile_model(core, model, device_name, config)


ov.Core.compile_model = _compile_or_fail
