"""Kubeconfig files: written for the users of a control plane, read for its clients."""

import base64
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.certificates import Pair


@dataclass(frozen=True)
class Access:
    """Where an API server is and as whom to speak to it."""

    url: str
    context: ssl.SSLContext
    token: str | None

    @property
    def headers(self) -> dict[str, str]:
        """What tells the API server who asks, where the certificate does not."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


def write_kubeconfig(path: Path, url: str, authority: Path, user: Pair) -> Path:
    """A kubeconfig with one context, for the holder of a certificate."""
    who = {"client-certificate": str(user.certificate), "client-key": str(user.key)}
    name = "batchwright-test"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": name, "cluster": {"server": url, "certificate-authority": str(authority)}}
        ],
        "users": [{"name": name, "user": who}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    return _write(path, document)


def with_token(source: Path, target: Path, token: str) -> Path:
    """A kubeconfig for the cluster of `source`, as the holder of a token."""
    document = yaml.safe_load(source.read_text())
    context = _named(document, "context", str(document["current-context"]))
    document["users"] = [{"name": context["user"], "user": {"token": token}}]
    return _write(target, document)


def _write(path: Path, document: Mapping[str, Any]) -> Path:
    """Whole or not at all: a replica that runs may be reading the one before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, partial = tempfile.mkstemp(dir=path.parent)
    with open(descriptor, "w") as file:
        file.write(yaml.safe_dump(document))
    Path(partial).replace(path)
    return path


def current_context(path: Path) -> str:
    """The name of a kubeconfig's current context."""
    return str(yaml.safe_load(path.read_text()).get("current-context", ""))


def load_access(path: Path) -> Access:
    """The access that the current context of a kubeconfig gives."""
    document = yaml.safe_load(path.read_text())
    context = _named(document, "context", str(document["current-context"]))
    cluster, user = (
        _named(document, "cluster", context["cluster"]),
        _named(document, "user", context["user"]),
    )
    trust = _bytes(cluster, "certificate-authority")
    tls = ssl.create_default_context(cadata=trust.decode() if trust else None)
    certificate, key = _bytes(user, "client-certificate"), _bytes(user, "client-key")
    if certificate and key:
        with tempfile.NamedTemporaryFile("wb", suffix=".pem") as both:
            both.write(certificate + b"\n" + key)
            both.flush()
            tls.load_cert_chain(both.name)
    return Access(str(cluster["server"]), tls, user.get("token"))


def _named(document: Mapping[str, Any], kind: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(item[kind] for item in document[f"{kind}s"] if item["name"] == name)
    return found


def _bytes(block: Mapping[str, Any], key: str) -> bytes | None:
    if f"{key}-data" in block:
        return base64.b64decode(block[f"{key}-data"])
    return Path(block[key]).read_bytes() if key in block else None
