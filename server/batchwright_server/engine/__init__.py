"""OpenVINO, and the model repository it reads: the only room that knows either."""

import sys

# OpenVINO's package tells its makers over the network that it was imported, from a process that it forks
# for that. Nobody who runs a model has asked for it; without this module it says nothing.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None: not to be imported
