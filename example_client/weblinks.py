"""One HTTP connection to a model server, kept open, and made anew when it breaks."""

import http.client
import json
import ssl
import urllib.parse
from dataclasses import dataclass

from example_client import faults, patience, targets

_JSON = {"Content-Type": "application/json"}
_AWAY = frozenset({http.client.SERVICE_UNAVAILABLE, http.client.BAD_GATEWAY})


@dataclass(frozen=True)
class Link:
    """A connection, and what it is called where it fails."""

    connection: http.client.HTTPConnection
    place: str

    @classmethod
    def to(cls, url: str, port: int, tls: targets.Tls, *, verifies: bool = True) -> "Link":
        """A link to `url` (`http://` or `https://` and a host) and `port`, not connected yet.

        Raises ClientError for another URL and for unreadable certificates.
        """
        parts = urllib.parse.urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise faults.ClientError(f"--rest_url {url}: expected http://HOST or https://HOST")
        place = f"{parts.hostname}:{port}"
        if parts.scheme == "http":
            return cls(http.client.HTTPConnection(parts.hostname, port), place)
        context = _context(tls, verifies=verifies)
        return cls(http.client.HTTPSConnection(parts.hostname, port, context=context), place)

    def close(self) -> None:
        """End the connection."""
        self.connection.close()

    def post(self, path: str, body: bytes) -> bytes:
        """The body of the answer, asked for again while the server is away.

        Raises ClientError with the server's own words for everything else.
        """
        return patience.persist(lambda seconds: self._attempt(path, body, seconds))

    def _attempt(self, path: str, body: bytes, seconds: float) -> bytes:
        self._limit(seconds)
        try:
            self.connection.request("POST", path, body, _JSON)
            response = self.connection.getresponse()
            answer = response.read()
        except TimeoutError as error:
            self.close()
            limit = f"{patience.DEADLINE_SECONDS:.0f} seconds"
            raise faults.ClientError(f"{self.place} gave no answer within {limit}") from error
        except ssl.SSLError as error:
            raise faults.ClientError(f"no TLS with {self.place}: {error.reason}") from error
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise patience.Away(f"no server answers at {self.place}: {error}") from error
        if response.status == http.client.OK:
            return answer
        told = f"{self.place} answered {response.status}: {_reason(answer)}"
        raise (patience.Away if response.status in _AWAY else faults.ClientError)(told)

    def _limit(self, seconds: float) -> None:
        self.connection.timeout = seconds  # for a connection to be made
        if self.connection.sock is not None:
            self.connection.sock.settimeout(seconds)


def _context(tls: targets.Tls, *, verifies: bool) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=tls.server_cert)
        if tls.client_cert is not None:
            context.load_cert_chain(tls.client_cert, tls.client_key)
    except OSError as error:
        files = ", ".join(
            str(file) for file in (tls.server_cert, tls.client_cert, tls.client_key) if file
        )
        raise faults.ClientError(f"cannot use the certificates in {files}: {error}") from error
    if not verifies:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _reason(answer: bytes) -> str:
    try:
        return str(json.loads(answer)["error"])
    except (ValueError, KeyError, TypeError):
        return " ".join(answer.decode(errors="replace").split())[:200]
