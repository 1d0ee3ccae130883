"""Who may manage a server: the digests of tokens, so that a document gives none away."""

import hashlib
import hmac
from typing import Annotated

from pydantic import Field, StringConstraints

from batchwright_server.config.frozen import Frozen

Digest = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]


class Admin(Frozen):
    """Who may read the signals and change the configuration; absent: whoever reaches the port."""

    token_sha256: tuple[Digest, ...] = Field(min_length=1, max_length=64)

    def is_known(self, token: bytes) -> bool:
        """Whether `token` is one of those; every digest is compared, each in constant time."""
        given = hashlib.sha256(token).hexdigest()
        matches = [hmac.compare_digest(given, known) for known in self.token_sha256]
        return any(matches)
