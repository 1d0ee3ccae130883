"""`batchwright-server`."""

import logging
import os
import signal
import sys

_ENDED = 128 + signal.SIGTERM  # as a shell counts it


def main() -> None:
    """Run the server that the command line describes."""
    # The first process of a container ignores what it has no handler for, and imports take seconds: a
    # pod that is told to end in these would serve on until it is killed, minutes later.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(_ENDED))
    import uvloop  # noqa: PLC0415

    from batchwright_server import app, settings  # noqa: PLC0415
    from batchwright_server.telemetry import log  # noqa: PLC0415

    chosen = settings.parse_settings(sys.argv[1:])
    try:
        log.configure(chosen.log_level, chosen.log_format, chosen.log_path)
    except OSError as error:
        sys.exit(f"batchwright-server: --log_path: {error}")
    for warning in chosen.warnings:
        logging.getLogger(__name__).warning("%s", warning)
    sys.exit(uvloop.run(app.run(chosen)))


if __name__ == "__main__":
    main()
