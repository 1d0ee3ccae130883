"""What is remembered of a configuration on its way to the pods; lost with the process, and rebuilt."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from batchwright_server.config import digest


@dataclass(frozen=True)
class Document:
    """A configuration document and its digest, by which pods tell what they serve."""

    text: bytes
    hash: str

    @classmethod
    def of(cls, text: bytes) -> "Document":
        """The document of that text."""
        return cls(text, digest.digest(text))


@dataclass(frozen=True)
class Refusal:
    """A running pod's refusal of the wanted document; `pod` is empty where only the words are known."""

    pod: str
    error: str
    at: float  # Unix time, seconds

    @property
    def message(self) -> str:
        """A sentence that tells it."""
        if not self.pod:
            return self.error
        return f"Pod {self.pod} refused the configuration and goes on with what it served: {self.error}"


@dataclass(frozen=True)
class Sent:
    """That a process in a pod was sent a document, which it may still be working on."""

    config_hash: str
    process: str
    at: float  # Unix time, seconds


@dataclass(frozen=True)
class Course:
    """One ModelServer's configuration on its way.

    `subject` is what the wanted document stands for (spec and Pipelines): another one is tried anew,
    whatever was refused before. `retried` are pods whose refusal is from before the document was tried
    again. `unheard` are pods without whose answer the last document was committed, and `before` is the
    document that it replaced.
    """

    config_hash: str = ""
    template: str = ""
    subject: object = None
    refusal: Refusal | None = None
    retried: frozenset[str] = frozenset()
    sent: Mapping[str, Sent] = field(default_factory=dict)  # by pod
    silent: Mapping[str, float] = field(default_factory=dict)  # ready pods, since when
    committed: Document | None = None  # as it was last seen
    before: Document | None = None
    unheard: frozenset[str] = frozenset()
    canaries: Mapping[str, str] = field(default_factory=dict)  # hashes of what pods try, by pod

    def sending(self, sent: Mapping[str, Sent]) -> "Course":
        """After these pods were sent a document."""
        return replace(self, sent={**self.sent, **sent})

    def refused(self, pod: str, error: str, *, now: float) -> "Course":
        """After a pod has answered that it does not take what it was sent."""
        sent = self.sent.get(pod)
        if sent is None or sent.config_hash != self.config_hash:
            return self  # what was sent was the document before
        return replace(self, refusal=Refusal(pod, error, now), retried=self.retried - {pod})

    def unanswered(self, pod: str) -> "Course":
        """After a pod could not be sent a document: it is tried again at once."""
        return replace(self, sent={name: item for name, item in self.sent.items() if name != pod})

    def committing(self, document: Document, unheard: frozenset[str]) -> "Course":
        """After `document` was committed without having heard of the pods `unheard`."""
        return replace(self, before=self.committed, committed=document, unheard=unheard)
