"""The parts of dynamic_batch_sample.py: one compiled model for any batch up to a limit."""

import sys

# OpenVINO's package would tell its makers over the network that it was imported; nobody asked for that.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None: not to be imported
