"""Versions as KServe v2 writes them: text, empty where the server is to choose."""

from batchwright_server.errors import InvalidInput


def parse_version(text: str) -> int:
    """The version, 0 where the server is to choose. Raises InvalidInput."""
    if text and not (text.isascii() and text.isdecimal() and len(text) < 20):
        raise InvalidInput("version", "a whole number, or nothing", repr(text[:60]))
    return int(text or "0")
