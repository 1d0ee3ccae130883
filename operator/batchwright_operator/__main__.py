"""`batchwright`, the command."""

import os
import signal
import sys

_INTERRUPTED = 128 + signal.SIGINT  # as a shell counts it
_ENDED = 128 + signal.SIGTERM


def main() -> None:
    """Run the command line."""
    # The first process of a container ignores what it has no handler for, during imports too.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(_ENDED))
    try:
        # Imported only here: it takes a second, in which somebody may well press Ctrl-C.
        from batchwright_operator.cli.group import batchwright  # noqa: PLC0415
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    batchwright()


if __name__ == "__main__":
    main()
