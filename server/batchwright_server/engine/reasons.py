"""OpenVINO's messages, made fit for a user."""

import re

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

_OPERATION = re.compile(r"While validating node '\w+::(\w+) .*with friendly_name '(.*)':$", re.MULTILINE)


class Unsuitable(ValueError):
    """What was asked for does not fit the model; the message says where."""


def first_reason(error: Exception) -> str:
    """The message on one line, without the trail of source files."""
    lines = [line.strip() for line in str(error).splitlines()]
    told = [line for line in lines if line and not line.startswith(("Exception from ", "Check '"))]
    return "; ".join(told or lines)[:LONGEST]


def name_obstacle(error: Exception) -> str:
    """Which operation does not allow other shapes, and why; the whole message if it names none."""
    found = _OPERATION.search(str(error))
    if found is None:
        return f"the graph does not allow another batch size: {first_reason(error)}"
    lines = [line.strip() for line in str(error)[found.end() :].splitlines()]
    why = [
        line for line in lines if line and not line.startswith(("Shape inference input", "Exception"))
    ]
    kind, name = found.groups()
    told = f"operation {kind} {name!r} does not allow another batch size"
    return f"{told}: {'; '.join(why)}"[:LONGEST] if why else told


def to_failure(what: str, error: Exception) -> errors.CompilationFailed:
    """Why `what` could not be compiled."""
    text = str(error).lower()
    if isinstance(error, MemoryError) or any(sign in text for sign in _OUT_OF_MEMORY):
        return errors.OutOfMemory(what, first_reason(error) or "not enough memory")
    return errors.CompilationFailed(what, first_reason(error))
