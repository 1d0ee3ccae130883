"""How a process learns that it is one of several workers, and that their supervisor is gone."""

import os
import signal
import threading
from typing import BinaryIO

from batchwright_server.config.worker import WorkerRole

WORKER = "BATCHWRIGHT_WORKER"  # in the environment of a worker


def read_role() -> WorkerRole | None:
    """What the supervisor says on standard input; None in a process that has none.

    The process ends in its order once the supervisor is gone, whatever became of it.
    """
    if WORKER not in os.environ:
        return None
    supervisor = _take_standard_input()
    role = WorkerRole.model_validate_json(supervisor.readline())
    watching = threading.Thread(
        target=_outlive_nobody, args=(supervisor,), name="supervisor", daemon=True
    )
    watching.start()
    return role


def _take_standard_input() -> BinaryIO:
    """The pipe to the supervisor, with nothing left in its place.

    A thread that waits on `sys.stdin` holds its lock. A library that forks (OpenVINO's telemetry does)
    has a child that waits for that lock for ever.
    """
    pipe = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return os.fdopen(pipe, "rb")


def _outlive_nobody(supervisor: BinaryIO) -> None:
    supervisor.read()  # ends when the other end of the pipe does
    os.kill(os.getpid(), signal.SIGTERM)
