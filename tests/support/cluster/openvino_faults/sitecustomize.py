"""OpenVINO that fails, waits, or costs more, where and while a file in the working directory says so.

Python loads this at its start, where the folder is on PYTHONPATH. The file may come and go while the
process lives: `tests.support.cluster.compilefaults` writes it.
"""

import json
import threading
import time
from pathlib import Path
from typing import Any

import openvino as ov

_FILE = Path("compile-fault.json")
_LOOK_SECONDS = 0.05
_compile_model = ov.Core.compile_model
_create_infer_request = ov.CompiledModel.create_infer_request
_start_async = ov.InferRequest.start_async


def _compile_or_fail(core: ov.Core, model: Any, device_name: Any = None, config: Any = None) -> Any:
    hint = (config or {}).get("PERFORMANCE_HINT")
    while (fault := _read()) is not None and fault["hint"] == hint and not fault["burn_seconds"]:
        if fault["error"]:
            raise RuntimeError(fault["error"])
        time.sleep(_LOOK_SECONDS)
    compiled = _compile_model(core, model, device_name, config)
    compiled.hint = hint
    return compiled


def _create_marked(compiled: ov.CompiledModel) -> ov.InferRequest:
    request = _create_infer_request(compiled)
    request.hint = getattr(compiled, "hint", None)
    return request


def _start_dearly(request: ov.InferRequest, *args: Any) -> None:
    fault = _read()
    if fault is None or fault["hint"] != getattr(request, "hint", None):
        _start_async(request, *args)
        return

    def burn_and_start() -> None:
        end = time.thread_time() + fault["burn_seconds"]
        while time.thread_time() < end:
            pass
        _start_async(request, *args)

    threading.Thread(target=burn_and_start, daemon=True).start()


def _read() -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(_FILE.read_text())
    except FileNotFoundError:
        return None
    return found


ov.Core.compile_model = _compile_or_fail
ov.CompiledModel.create_infer_request = _create_marked
ov.InferRequest.start_async = _start_dearly
