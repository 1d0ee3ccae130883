"""`batchwright-server`."""

import logging
import sys

import uvloop

from batchwright_server import app, settings
from batchwright_server.telemetry import log


def main() -> None:
    """Run the server that the command line describes."""
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
