"""OpenVINO's messages, made fit for a user."""

LONGEST = 500


def first_reason(error: Exception) -> str:
    """The message on one line, without the trail of source files."""
    lines = [line.strip() for line in str(error).splitlines()]
    told = [line for line in lines if line and not line.startswith(("Exception from ", "Check '"))]
    return "; ".join(told or lines)[:LONGEST]
