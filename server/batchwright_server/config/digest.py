"""The identity of a configuration document, by which the operator knows what a pod serves."""

import hashlib


def digest(document: bytes) -> str:
    """The first 16 hexadecimal digits of the document's SHA-256."""
    return hashlib.sha256(document).hexdigest()[:16]
