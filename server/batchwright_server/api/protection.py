"""Who may talk to the server, and how: the same for gRPC and HTTP."""

import logging
from dataclasses import dataclass

from batchwright_server.api.auth_tokens import Tokens
from batchwright_server.api.tls import Certificates

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Protection:
    """TLS, and the tokens that calls must carry; None: without."""

    certificates: Certificates | None = None
    tokens: Tokens | None = None

    def check(self) -> None:
        """Raise OSError if a file that is needed cannot be used."""
        if self.certificates:
            self.certificates.check()
        if self.tokens:
            self.tokens.check()
            if not self.certificates:
                _log.warning("tokens without TLS: whoever sees the network's traffic can read them")
