"""What the server says to nobody."""

import subprocess
import sys

_PROGRAM = """
import os, sys
forks = []
os.register_at_fork(before=lambda: forks.append(1))
import batchwright_server.engine.openvino_engine
assert not forks, "a process was forked"
assert sys.modules.get("openvino_telemetry") is None, "it can tell"
"""


def test_importing_openvino_reports_to_nobody() -> None:
    """Its package would tell its makers so, from a process of its own."""
    subprocess.run([sys.executable, "-c", _PROGRAM], check=True, timeout=60)
