"""Where the page listens, and by which names it may be asked."""

from dataclasses import dataclass
from ipaddress import ip_address

_LAST_PORT = 65535
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class PageAddress:
    """Host and port; port 0 is any that is free."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "PageAddress":
        """From `PORT` on this machine alone, `HOST:PORT` or `[HOST]:PORT`. Raises ValueError."""
        host, _, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not port.isdecimal() or int(port) > _LAST_PORT or (":" in text and not host):
            raise ValueError(f"expected PORT or HOST:PORT, got {text!r}")
        return cls(host or _LOOPBACK, int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether this machine alone can reach it."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        return f"{self._name}:{self.port}"

    @property
    def _name(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    def url(self, port: int) -> str:
        """What to open in a browser; `port` is the one it got."""
        return f"http://{self._name}:{port}/"

    def admits(self, host_header: str) -> bool:
        """Whether a request for that host is meant for this page.

        Where this machine alone can ask, that is by its own names: a site may point any other here.
        """
        if not self.is_loopback:
            return True
        name = host_header.rpartition(":")[0] if _has_port(host_header) else host_header
        return name.strip("[]") in {"localhost", _LOOPBACK, "::1", self.host}


def _has_port(host_header: str) -> bool:
    return host_header.rpartition(":")[2].isdecimal() and not host_header.endswith("]")
