"""Bearer tokens: who may call."""

import hashlib
import hmac
import re
from collections.abc import Sequence
from pathlib import Path

from batchwright_server.api.watched_files import WatchedFiles

EXPECTED = "authorization: expected 'Bearer' and a token of this server"

_TOKEN = re.compile(rb"[A-Za-z0-9._~+/-]+=*")  # RFC 6750: b64token
_SCHEME = "bearer "


class Tokens:
    """The tokens in a file, one in each line; the file is read again when it changes."""

    def __init__(self, path: Path) -> None:
        self._files: WatchedFiles[tuple[bytes, ...]] = WatchedFiles([path], _parse)

    def check(self) -> None:
        """Raise OSError if there are no tokens to compare with, naming the file."""
        self._files.current()

    def find_fault(self, authorization: str | None) -> str:
        """Why a call with this `authorization` may not pass; empty if it may. Tells no token."""
        if authorization is None:
            return f"{EXPECTED}, got nothing"
        if authorization[: len(_SCHEME)].lower() != _SCHEME:
            return f"{EXPECTED}, got another scheme"
        given = _digest(authorization[len(_SCHEME) :].strip().encode(errors="surrogatepass"))
        # Every token is compared, each in constant time.
        matches = [hmac.compare_digest(given, known) for known in self._files.current()]
        return "" if any(matches) else f"{EXPECTED}, got an unknown token"


def _parse(contents: Sequence[bytes]) -> tuple[bytes, ...]:
    lines = [line.strip() for line in contents[0].splitlines()]
    for number, line in enumerate(lines, 1):
        if line and not _TOKEN.fullmatch(line):
            raise ValueError(f"line {number}: expected a token of letters, digits and -._~+/")
    tokens = tuple(_digest(line) for line in lines if line)
    if not tokens:
        raise ValueError("expected a token in each line, got none")
    return tokens


def _digest(token: bytes) -> bytes:
    """Of one length, whatever the token's."""
    return hashlib.sha256(token).digest()
