"""What one of several worker processes behind one port is told by the process that started it."""

from pydantic import Field

from batchwright_server.config.frozen import Frozen


class WorkerRole(Frozen):
    """The first line of a worker's standard input. Sockets are paths of Unix sockets."""

    index: int = Field(ge=0)
    count: int = Field(ge=1)  # of workers, which share the processors and the memory
    socket: str  # where the worker is managed
    supervisor: str  # where everything that concerns all workers is answered
    document: str  # what to serve
    has_admin_port: bool


class Verdict(Frozen):
    """What a worker made of a document it was sent: prepared, unchanged, or the problems with it."""

    is_prepared: bool = False  # it waits to be told whether to take it into service
    problems: tuple[tuple[str, str], ...] = ()  # path and message of each
