"""Logs: one line an event on standard error."""

import logging

_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


def configure(level: str) -> None:
    """Log from `level` (DEBUG, INFO, WARNING, ERROR) upward."""
    logging.basicConfig(level=level, format=_FORMAT, force=True)
