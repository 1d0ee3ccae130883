"""How a process learns that it is one of several workers, and that their supervisor is gone."""

import os
import signal
import sys
import threading

from batchwright_server.config.worker import WorkerRole

WORKER = "BATCHWRIGHT_WORKER"  # in the environment of a worker


def read_role() -> WorkerRole | None:
    """What the supervisor says on standard input; None in a process that has none.

    The process ends in its order once the supervisor is gone, whatever became of it.
    """
    if WORKER not in os.environ:
        return None
    role = WorkerRole.model_validate_json(sys.stdin.buffer.readline())
    threading.Thread(target=_outlive_nobody, name="supervisor", daemon=True).start()
    return role


def _outlive_nobody() -> None:
    sys.stdin.buffer.read()  # ends when the other end of the pipe does
    os.kill(os.getpid(), signal.SIGTERM)
