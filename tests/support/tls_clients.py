"""Clients of a server with TLS: an HTTP session and a gRPC channel that trust an authority."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import grpc

from tests.support.certificates import Pair
from tests.support.serving import Serving


@asynccontextmanager
async def https(
    running: Serving, authority: Pair, client: Pair | None = None
) -> AsyncIterator[aiohttp.ClientSession]:
    """A session with the certificate of `client`, if there is one."""
    context = ssl.create_default_context(cafile=authority.certificate)
    if client:
        context.load_cert_chain(client.certificate, client.key)
    url = f"https://localhost:{running.server.http_port}"
    connector = aiohttp.TCPConnector(ssl=context)
    async with aiohttp.ClientSession(url, connector=connector) as session:
        yield session


def secure_channel(running: Serving, authority: Pair, client: Pair | None = None) -> grpc.aio.Channel:
    """A channel of its own connections, with the certificate of `client`, if there is one."""
    credentials = grpc.ssl_channel_credentials(
        authority.certificate.read_bytes(),
        client.key.read_bytes() if client else None,
        client.certificate.read_bytes() if client else None,
    )
    alone = [("grpc.use_local_subchannel_pool", 1)]
    return grpc.aio.secure_channel(f"localhost:{running.server.grpc_port}", credentials, alone)
