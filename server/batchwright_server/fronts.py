"""The HTTP servers: for clients, for whoever manages the server, between its processes."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from batchwright_server.api.auth_admin import AdminGuard
from batchwright_server.api.auth_http import make_guard
from batchwright_server.api.auth_tokens import Tokens
from batchwright_server.api.calls import Edge
from batchwright_server.api.cors import make_cors
from batchwright_server.api.http_admin import ADMIN_LIMITS
from batchwright_server.api.http_server import HttpAddress, HttpServer
from batchwright_server.api.protection import Protection
from batchwright_server.api.tls import Certificates
from batchwright_server.settings import Settings

_SHUTDOWN_SECONDS = 1.0  # a document on its way is not waited for


@dataclass(frozen=True)
class Front:
    """What clients may ask for."""

    routes: Sequence[web.RouteDef]
    admin: AdminGuard | None  # of those among them that change the configuration; None: none do
    is_shared: bool = False  # the port, with other workers


def make_protection(settings: Settings) -> Protection:
    """Certificates and tokens, as the command line names them."""
    return Protection(
        Certificates(settings.tls) if settings.tls else None,
        Tokens(settings.auth_token_file) if settings.auth_token_file else None,
    )


def make_http(settings: Settings, edge: Edge, protection: Protection, front: Front) -> HttpServer | None:
    """The clients' port; None where there is none."""
    if not settings.rest_port:
        return None
    address = HttpAddress(
        settings.rest_bind_address,
        settings.rest_port,
        settings.limits,
        protection.certificates.to_context if protection.certificates else None,
        (make_guard(protection, front.admin),),
        (make_cors(settings.cross_origin),) if settings.cross_origin else (),
        is_shared=front.is_shared,
    )
    return HttpServer(front.routes, edge, address)


def make_admin(
    settings: Settings, edge: Edge, protection: Protection, routes: Sequence[web.RouteDef]
) -> HttpServer | None:
    """The port of whoever manages the server; None where there is none."""
    if not settings.admin_port:
        return None
    address = HttpAddress(
        settings.admin_bind_address,
        settings.admin_port,
        ADMIN_LIMITS,
        protection.certificates.to_context_for_anybody if protection.certificates else None,
        shutdown_seconds=_SHUTDOWN_SECONDS,
    )
    return HttpServer(routes, edge, address)


def make_inside(routes: Sequence[web.RouteDef], edge: Edge, socket: str) -> HttpServer:
    """A Unix socket for processes of the same server, in a folder that nobody else may enter."""
    address = HttpAddress((), 0, ADMIN_LIMITS, shutdown_seconds=_SHUTDOWN_SECONDS, socket=socket)
    return HttpServer(routes, edge, address)
