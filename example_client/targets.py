"""Where a server is, and the flags that say so."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from example_client import faults


@dataclass(frozen=True)
class Tls:
    """The files for TLS; what is not given is left to the system's authorities, or to no certificate."""

    server_cert: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None


@dataclass(frozen=True)
class Target:
    """An address and a port; without `tls`, plain text."""

    address: str
    port: int
    tls: Tls | None = None

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"


def add_flags(parser: argparse.ArgumentParser, protocol: str = "grpc", port: int = 9000) -> None:
    """Adds OVMS's flags for reaching a server by `protocol`, which is in their names."""
    parser.add_argument(f"--{protocol}_address", default="localhost", help=f"host of {protocol}")
    parser.add_argument(f"--{protocol}_port", default=port, type=int, help=f"port of {protocol}")
    parser.add_argument("--tls", action="store_true", help="use TLS with the certificates below")
    add_certificate_flags(parser)


def add_certificate_flags(parser: argparse.ArgumentParser) -> None:
    """Adds OVMS's flags for the files of TLS."""
    parser.add_argument("--server_cert", type=Path, help="certificate that the server's is signed by")
    parser.add_argument("--client_cert", type=Path, help="this client's certificate, for mutual TLS")
    parser.add_argument("--client_key", type=Path, help="the key of this client's certificate")


def parse_target(flags: argparse.Namespace, protocol: str = "grpc") -> Target:
    """The target in the values of the flags."""
    values = vars(flags)
    tls = parse_tls(flags) if flags.tls else None
    return Target(values[f"{protocol}_address"], values[f"{protocol}_port"], tls)


def parse_tls(flags: argparse.Namespace) -> Tls:
    """The files in the values of the flags."""
    return Tls(flags.server_cert, flags.client_cert, flags.client_key)


def read(path: Path | None) -> bytes | None:
    """The content of one of the files for TLS. Raises ClientError for an unreadable one."""
    try:
        return path.read_bytes() if path else None
    except OSError as error:
        raise faults.ClientError(f"cannot read the certificate file {path}: {error.strerror}") from error
