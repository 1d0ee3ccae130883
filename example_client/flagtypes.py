"""Values of command-line flags."""

import argparse


def positive(text: str) -> int:
    """A whole number from 1."""
    return _whole(text, 1)


def count(text: str) -> int:
    """A whole number from 0."""
    return _whole(text, 0)


def sizes(text: str) -> tuple[int, ...]:
    """Whole numbers from 1 with x between them, as in 3x224x224."""
    return tuple(positive(part) for part in text.split("x"))


def _whole(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"expected a whole number from {least}, got {text!r}")
    return int(text)
