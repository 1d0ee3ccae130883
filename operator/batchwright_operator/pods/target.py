"""Which pod is asked, how it proves who it is, and what it answers to a document."""

from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True)
class Target:
    """A pod's admin side.

    `address` is host:port, `[…]:port` for IPv6. With `server_name` the pod speaks TLS, with a
    certificate for that name by an authority in `ca` (PEM; None: by one that this machine trusts). With
    an empty `ca`, an authority that was named and not found, the pod is not asked at all.
    Of `tokens` the first that the pod takes is used.
    """

    address: str
    tokens: tuple[str, ...] = field(default=(), repr=False)
    ca: str | None = field(default=None, repr=False)
    server_name: str = ""

    @property
    def has_tls(self) -> bool:
        """Whether nothing may be said in clear text."""
        return bool(self.server_name) or self.ca is not None


class Outcome(StrEnum):
    """What became of a document that a pod was sent."""

    APPLIED = "applied"  # it serves, as of now or before
    REFUSED = "refused"  # the pod goes on with what it served
    PENDING = "pending"  # no answer yet; the pod is still at it, and its signals will tell


@dataclass(frozen=True)
class Configured:
    """A pod's answer to a document; `hash` of what it serves now, empty where it did not say."""

    outcome: Outcome
    hash: str = ""
    error: str = ""
