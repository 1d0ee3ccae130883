"""TLS for gRPC and HTTP from one pair of files, in force from the next handshake after they change."""

import os
import ssl
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import grpc

from batchwright_server.api.watched_files import WatchedFiles


@dataclass(frozen=True)
class TlsFiles:
    """Where the certificate chain, its key and the authorities of clients are (PEM); None: any."""

    certificate: Path
    key: Path
    client_authorities: Path | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files in the order in which they are read."""
        authorities = (self.client_authorities,) if self.client_authorities else ()
        return (self.certificate, self.key, *authorities)


@dataclass(frozen=True)
class _Identity:
    """One usable state of the files: what gRPC is given, and what HTTP is."""

    configuration: grpc.ServerCertificateConfiguration
    context: ssl.SSLContext
    context_for_anybody: ssl.SSLContext  # asks no client for a certificate


class Certificates:
    """The server's certificate as it is now; connections that are open keep the one they began with."""

    def __init__(self, files: TlsFiles) -> None:
        self._files: WatchedFiles[_Identity] = WatchedFiles(files.paths, _parse)
        self.wants_clients = files.client_authorities is not None
        self._given_to_grpc: _Identity | None = None

    def check(self) -> None:
        """Raise OSError if there is no certificate that can be used, naming the files."""
        self._files.current()

    def to_credentials(self) -> grpc.ServerCredentials:
        """For gRPC, whose clients must show a certificate if authorities are given. Raises OSError."""
        self._given_to_grpc = self._files.current()
        return grpc.dynamic_ssl_server_credentials(
            self._given_to_grpc.configuration,
            self._news,  # type: ignore[arg-type]  # None is for no news; the stubs do not know
            self.wants_clients,
        )

    def to_context(self) -> ssl.SSLContext:
        """For HTTP, whose clients may show a certificate if authorities are given. Raises OSError."""
        return self._front(self.wants_clients, lambda identity: identity.context)

    def to_context_for_anybody(self) -> ssl.SSLContext:
        """For HTTP that asks no client for a certificate. Raises OSError."""
        return self._front(False, lambda identity: identity.context_for_anybody)

    def _front(
        self, wants_clients: bool, choose: Callable[[_Identity], ssl.SSLContext]
    ) -> ssl.SSLContext:
        # A context cannot forget authorities: each state of the files has its own, chosen as hands are
        # shaken. OpenSSL asks for every client, those that name no server too.
        self.check()

        def take(connection: ssl.SSLObject, _name: str | None, _front: ssl.SSLContext) -> None:
            connection.context = choose(self._files.current())

        front = _context(wants_clients)
        front.sni_callback = take
        return front

    def _news(self) -> grpc.ServerCertificateConfiguration | None:
        current = self._files.current()
        if current is self._given_to_grpc:
            return None
        self._given_to_grpc = current
        return current.configuration


def _parse(contents: Sequence[bytes]) -> _Identity:
    chain, key, *rest = contents
    authorities = rest[0] if rest else None
    context, for_anybody = _context(bool(rest)), _context(False)
    for made in (context, for_anybody):
        _load_pair(made, chain, key)
    if authorities is not None:
        context.load_verify_locations(cadata=authorities.decode("ascii"))
    configuration = grpc.ssl_server_certificate_configuration([(key, chain)], authorities)
    return _Identity(configuration, context, for_anybody)


def _context(wants_clients: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if wants_clients:
        # Health checks come without; who may do what is decided when the path is known.
        context.verify_mode = ssl.CERT_OPTIONAL
        # A session resumed would be one whose certificate nobody looks at again.
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
    return context


def _load_pair(context: ssl.SSLContext, chain: bytes, key: bytes) -> None:
    """Load exactly these bytes; raises ssl.SSLError if they are no pair.

    The library reads files only, and the ones on disk may have changed since: these are in memory.
    """
    with ExitStack() as files:
        context.load_cert_chain(_in_memory(files, chain), _in_memory(files, key), password=_no_password)


def _in_memory(files: ExitStack, content: bytes) -> str:
    file = files.enter_context(os.fdopen(os.memfd_create("pem"), "wb"))
    file.write(content)
    file.flush()
    return f"/proc/self/fd/{file.fileno()}"


def _no_password() -> str:
    raise ValueError("the key is encrypted; expected one without a password")
