"""Certificates for tests, made by openssl."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

_NAMES = "subjectAltName=DNS:{},IP:127.0.0.1"


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path

    def copy_to(self, other: "Pair") -> None:
        """Put this pair in the place of another, one file after the other."""
        for source, target in ((self.certificate, other.certificate), (self.key, other.key)):
            target.write_bytes(source.read_bytes())


def make_authority(folder: Path, name: str) -> Pair:
    """An authority of its own."""
    pair = _pair(folder, name)
    _openssl("req", "-x509", *_key_to(pair), "-out", pair.certificate, "-subj", f"/CN={name}")
    return pair


def issue(authority: Pair, folder: Path, name: str, *, dns: str = "localhost") -> Pair:
    """A certificate by `authority`, for `dns` and 127.0.0.1 as a server and for `name` as a client."""
    pair = _pair(folder, name)
    signed_by = ("-CA", authority.certificate, "-CAkey", authority.key)
    subject = (
        "-subj",
        f"/CN={name}",
        "-addext",
        _NAMES.format(dns),
        "-addext",
        "basicConstraints=CA:FALSE",
    )
    _openssl("req", "-x509", *_key_to(pair), "-out", pair.certificate, *subject, *signed_by)
    return pair


def _pair(folder: Path, name: str) -> Pair:
    folder.mkdir(exist_ok=True)
    return Pair(folder / f"{name}.crt", folder / f"{name}.key")


def _key_to(pair: Pair) -> tuple[str | Path, ...]:
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    return (*curve, "-nodes", "-days", "2", "-keyout", pair.key)


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)  # noqa: S607
