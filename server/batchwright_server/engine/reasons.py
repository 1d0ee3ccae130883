"""OpenVINO's messages, made fit for a user."""

from batchwright_server import errors

LONGEST = 500
# As the C++ library, its CPU and its GPU plugin say it.
_OUT_OF_MEMORY = (
    "bad_alloc",
    "out of memory",
    "out_of_resources",
    "can't allocate",
    "cannot allocate",
    "failed to allocate",
)


class Unsuitable(ValueError):
    """What was asked for does not fit the model; the message says where."""


def first_reason(error: Exception) -> str:
    """The message on one line, without the trail of source files."""
    lines = [line.strip() for line in str(error).splitlines()]
    told = [line for line in lines if line and not line.startswith(("Exception from ", "Check '"))]
    return "; ".join(told or lines)[:LONGEST]


def to_failure(what: str, error: Exception) -> errors.CompilationFailed:
    """Why `what` could not be compiled."""
    text = str(error).lower()
    if isinstance(error, MemoryError) or any(sign in text for sign in _OUT_OF_MEMORY):
        return errors.OutOfMemory(what, first_reason(error) or "not enough memory")
    return errors.CompilationFailed(what, first_reason(error))
