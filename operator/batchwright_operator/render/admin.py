"""The pods' side for the operator: its port, and the token that it takes."""

import hashlib
import hmac

from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.modelserver import ModelServer


def derive_token(key: bytes, server: ModelServer) -> str:
    """The token of `server` under that key: no other object's, not even that of a later namesake."""
    identity = f"{server.key}/{server.metadata.uid}"
    return hmac.new(key, identity.encode(), hashlib.sha256).hexdigest()


def derive_tokens(settings: Settings, server: ModelServer) -> tuple[str, ...]:
    """The tokens of `server` under all keys, that of the newest first."""
    return tuple(derive_token(key, server) for key in settings.admin_keys)


def token_hashes(settings: Settings, server: ModelServer) -> tuple[str, ...]:
    """What the pods are told of the tokens: the SHA-256 of each, in hexadecimal digits."""
    tokens = derive_tokens(settings, server)
    return tuple(hashlib.sha256(token.encode()).hexdigest() for token in tokens)


def choose_port(server: ModelServer, settings: Settings) -> int | None:
    """The admin port: the one that is set, or the next that clients do not have; None: there is none."""
    if settings.admin_port is None:
        return None
    taken = (server.spec.service.grpc_port, server.spec.service.http_port)
    return next(port for port in _circle(settings.admin_port) if port not in taken)


def _circle(first: int) -> tuple[int, int, int]:
    """Three ports, of which two may be taken."""
    return first, first % 65535 + 1, (first + 1) % 65535 + 1


def server_name(server: ModelServer) -> str:
    """The name that the servers' certificate is expected to be for."""
    return f"{server.name}.{server.metadata.namespace}.svc"
