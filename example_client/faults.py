"""What can go wrong for a client's user, told in one line."""

import os
import sys
from collections.abc import Callable


class ClientError(Exception):
    """The message says what was expected, what came, and what to do."""


def run_program(program: Callable[[], None]) -> int:
    """The exit code of `program`: 0, or 1 with one line on standard error.

    A reader that has seen enough (`| head`) is no error to tell, but the exit code is SIGPIPE's.
    """
    try:
        program()
        sys.stdout.flush()
    except ClientError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
    except BrokenPipeError:
        # What is still to be written goes nowhere, or the interpreter would tell of it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return 0
