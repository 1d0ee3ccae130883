"""`batchwright`, the command."""

import sys

_INTERRUPTED = 130  # as a shell counts it: 128 and SIGINT


def main() -> None:
    """Run the command line."""
    try:
        # Imported only here: it takes a second, in which somebody may well press Ctrl-C.
        from batchwright_operator.cli.group import batchwright  # noqa: PLC0415
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    batchwright()


if __name__ == "__main__":
    main()
