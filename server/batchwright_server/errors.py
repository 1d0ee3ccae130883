"""Everything that can go wrong for a client, free of any protocol.

    ServerError
    ├── InvalidInput            a request that cannot be right, whatever the server's state
    ├── ModelNotFound           no model or version of that name
    ├── ModelUnavailable        known, but not serving now: worth a retry
    ├── QueueFull               as many requests wait for the model as may
    ├── TooManyBytes            the requests that wait have as many bytes as they may
    ├── WaitTooLong             the reload queue's own limit passed
    ├── DeadlineExceeded        the client's deadline passed
    ├── ConfigurationRejected   a configuration that was sent cannot be taken into service
    ├── ManagedByConfiguration  asked of a request, but for the configuration to say
    ├── AdminPortOnly           asked of a client's port, but for the admin port to take
    ├── ServerEnding            nothing new is begun any more
    ├── CompilationFailed       this size cannot be compiled
    │   └── OutOfMemory         … for want of memory: worth a retry, later
    ├── InferenceFailed         the device reported an error
    ├── PipelineUnavailable     a pipeline whose parts do not fit together now
    └── NodeFailed              a node of a pipeline could not do its part; its kind is the cause's

Each class has a *kind*; the API translates kinds to status codes by one table.
"""

from enum import StrEnum


class Kind(StrEnum):
    """What a failure means to a client."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    NOT_FOUND = "NOT_FOUND"
    UNAVAILABLE = "UNAVAILABLE"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    INTERNAL = "INTERNAL"
    ABORTED = "ABORTED"
    PERMISSION_DENIED = "PERMISSION_DENIED"


class ServerError(Exception):
    """A failure with a message fit for the client."""

    kind = Kind.INTERNAL

    @property
    def reason(self) -> str:
        """What is wrong, for where it is plain with what."""
        return str(self)


class InvalidInput(ServerError):
    """A request that cannot be right: says the field, what was expected and what came."""

    kind = Kind.INVALID_ARGUMENT

    def __init__(self, field: str, expected: str, actual: str) -> None:
        super().__init__(f"{field}: expected {expected}, got {actual}")


class ModelNotFound(ServerError):
    """No model of that name, or no such version of it."""

    kind = Kind.NOT_FOUND

    def __init__(self, name: str, version: int | None = None) -> None:
        # OVMS's wording, which clients may match.
        what = "name" if version is None else "version"
        suffix = "" if version is None else f" version {version}"
        super().__init__(f"Model with requested {what} is not found: {name!r}{suffix}")


class ModelUnavailable(ServerError):
    """The model is known but does not serve now."""

    kind = Kind.UNAVAILABLE

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"model {name!r} is not available: {reason}")
        self._reason = reason

    @property
    def reason(self) -> str:
        return self._reason


class QueueFull(ServerError):
    """As many requests wait for the model as may."""

    kind = Kind.RESOURCE_EXHAUSTED

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} requests wait already; retry later or raise max_requests")


class TooManyBytes(ServerError):
    """With this request, those that wait would have more bytes than they may."""

    kind = Kind.RESOURCE_EXHAUSTED

    def __init__(self, waiting: int, more: int, limit: int, name: str) -> None:
        super().__init__(
            f"requests of {waiting} bytes wait already: expected {limit} at most, got {more} more;"
            f" retry later, or raise {name}"
        )


class WaitTooLong(ServerError):
    """A request waited for a reload as long as the queue allows."""

    kind = Kind.UNAVAILABLE

    def __init__(self, seconds: float, what: str) -> None:
        super().__init__(f"waited {seconds:g} s for a reload to {what}; retry later")


class DeadlineExceeded(ServerError):
    """The client's deadline passed before its request was answered."""

    kind = Kind.DEADLINE_EXCEEDED

    def __init__(self, doing: str) -> None:
        super().__init__(f"the deadline passed while {doing}")


class CompilationFailed(ServerError):
    """A model that cannot be compiled as asked."""

    kind = Kind.FAILED_PRECONDITION
    is_transient = False  # whether the same may succeed at another time

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"{what} cannot be compiled: {reason}")
        self._facts = what, reason

    def again(self) -> "CompilationFailed":
        """The same failure, to be raised once more."""
        return type(self)(*self._facts)


class OutOfMemory(CompilationFailed):
    """A model for which there was not enough memory now."""

    kind = Kind.RESOURCE_EXHAUSTED
    is_transient = True


class ManagedByConfiguration(ServerError):
    """What was asked is for the configuration to say, not for a request."""

    kind = Kind.FAILED_PRECONDITION

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} on request is not served: change the configuration document instead")


class AdminPortOnly(ServerError):
    """What was asked changes the configuration, which has a port of its own."""

    kind = Kind.PERMISSION_DENIED

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}: this server's configuration is managed through its admin port")


class ServerEnding(ServerError):
    """The server was told to end: it finishes what it has and begins nothing new."""

    kind = Kind.UNAVAILABLE

    def __init__(self) -> None:
        super().__init__("the server is ending")


class ConfigurationRejected(ServerError):
    """A configuration that was sent cannot be taken into service; nothing changed."""

    kind = Kind.INVALID_ARGUMENT


class InferenceFailed(ServerError):
    """The device failed to run an inference."""

    kind = Kind.INTERNAL

    def __init__(self, reason: str) -> None:
        super().__init__(f"inference failed: {reason}")


class PipelineUnavailable(ServerError):
    """The pipeline is known, but has faults; they may go with the next configuration or version."""

    kind = Kind.UNAVAILABLE

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"pipeline {name!r} is not available: {reason}")


class NodeFailed(ServerError):
    """A node of a pipeline failed, and with it the request."""

    def __init__(self, pipeline: str, node: str, kind: Kind, reason: str) -> None:
        super().__init__(f"pipeline {pipeline!r}, node {node!r}: {reason}")
        self.kind = kind
