"""`batchwright-server`."""

import contextlib
import logging
import os
import signal
import sys
from typing import NoReturn

_ENDED = 128 + signal.SIGTERM  # as a shell counts it


def main() -> None:
    """Run the server that the command line describes, or fetch the files of a model for one."""
    # The first process of a container ignores what it has no handler for, and imports take seconds: a
    # pod that is told to end in these would serve on until it is killed, minutes later.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(_ENDED))
    if sys.argv[1:2] == ["fetch"]:
        from batchwright_server.sources import program  # noqa: PLC0415

        _end(program.run(sys.argv[2:]))  # threads of an object store's client abort it likewise
    import uvloop  # noqa: PLC0415

    from batchwright_server import settings  # noqa: PLC0415
    from batchwright_server.telemetry import log  # noqa: PLC0415
    from batchwright_server.workers import entrance  # noqa: PLC0415

    chosen = settings.parse_settings(sys.argv[1:])
    try:
        log.configure(chosen.log_level, chosen.log_format, chosen.log_path)
    except OSError as error:
        sys.exit(f"batchwright-server: --log_path: {error}")
    for warning in chosen.warnings:
        logging.getLogger(__name__).warning("%s", warning)
    role = entrance.read_role()
    if role is None and chosen.workers > 1:
        from batchwright_server.workers import supervisor  # noqa: PLC0415

        _end(uvloop.run(supervisor.run(chosen, sys.argv[1:])))
    # Not before: OpenVINO is no part of a process that only looks after others.
    from batchwright_server import app  # noqa: PLC0415

    _end(uvloop.run(app.run(chosen, role)))


def _end(code: int) -> NoReturn:
    """End the process here and now; everything that matters was stopped in its order before."""
    # An interpreter that is being taken down ends every thread that comes back to it. One that comes
    # from inside OpenVINO (a model that is still compiled, an inference nobody waits for) must not be
    # ended there: the C++ runtime aborts the whole process, and an orderly end looks like a crash.
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # a reader that is gone loses nothing more
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
