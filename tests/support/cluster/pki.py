"""The certificates of a control plane, made by openssl: elliptic keys, two days of validity."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.support.certificates import Pair

_CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
SERVER_NAMES = (
    "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,"
    "DNS:kubernetes.default.svc.cluster.local,IP:127.0.0.1"
)


class Authority:
    """Issues certificates for users and for the API server."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.pair = _pair(folder, "ca")
        usage = ("-addext", "keyUsage=critical,digitalSignature,keyCertSign,cRLSign")
        _request(self.pair, "/CN=batchwright-test-authority", *usage)

    def issue_server(self, name: str, names: str = SERVER_NAMES) -> Pair:
        """A certificate for a server, of other names and addresses than loopback's where given."""
        return self._issue(name, f"/CN={name}", "serverAuth", "-addext", f"subjectAltName={names}")

    def issue_user(self, user: str, groups: Sequence[str] = ()) -> Pair:
        """A certificate by which the API server knows its holder as `user` of `groups`."""
        subject = "".join(f"/O={group}" for group in groups) + f"/CN={user}"
        return self._issue(user.replace(":", "-").replace("/", "-"), subject, "clientAuth")

    def make_key(self, name: str) -> Pair:
        """A key pair without a certificate: `certificate` is the public key."""
        pair = _pair(self._folder, name)
        _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", pair.key)
        _openssl("pkey", "-in", pair.key, "-pubout", "-out", pair.certificate)
        return pair

    def _issue(self, name: str, subject: str, usage: str, *extensions: str) -> Pair:
        pair = _pair(self._folder, name)
        signed_by = ("-CA", self.pair.certificate, "-CAkey", self.pair.key)
        constraints = ("-addext", "basicConstraints=critical,CA:FALSE")
        _request(
            pair, subject, *signed_by, *constraints, "-addext", f"extendedKeyUsage={usage}", *extensions
        )
        return pair


def _pair(folder: Path, name: str) -> Pair:
    return Pair(folder / f"{name}.crt", folder / f"{name}.key")


def _request(pair: Pair, subject: str, *more: str | Path) -> None:
    files = ("-keyout", pair.key, "-out", pair.certificate)
    _openssl("req", "-x509", "-days", "2", *_CURVE, *files, "-subj", subject, *more)


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)  # noqa: S607
