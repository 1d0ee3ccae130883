"""What can go wrong for a client's user, told in one line."""

import sys
from collections.abc import Callable


class ClientError(Exception):
    """The message says what was expected, what came, and what to do."""


def run_program(program: Callable[[], None]) -> int:
    """The exit code of `program`: 0, or 1 with one line on standard error."""
    try:
        program()
    except ClientError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
    return 0
