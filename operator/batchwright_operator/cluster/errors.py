"""What can go wrong with a cluster, by what is to be done about it.

    ClusterError
    ├── NotOurs      an object of that name is there, and is not ours: it is left alone
    ├── Refused      the user or the administrator must act: trying again soon is of no use
    ├── Outdated     what was decided on is no longer so: run again, on what is so now
    └── Unavailable  nobody's fault for now: try again later

An adapter translates what its cluster says into one of these; nothing else leaves it.
"""


class ClusterError(Exception):
    """A failure with a message fit for a condition and a log."""


class NotOurs(ClusterError):
    """An object of the wanted name that belongs to `owner` (empty: to nobody)."""

    def __init__(self, kind: str, name: str, owner: str = "") -> None:
        belongs = f"belongs to {owner}" if owner else "was not made by this operator"
        super().__init__(f"{kind} {name} {belongs}; it is left alone: rename or remove one of the two")
        self.kind = kind
        self.name = name
        self.owner = owner


class Refused(ClusterError):
    """The cluster does not take what was asked, and will not until somebody changes something."""


class Outdated(ClusterError):
    """Something was changed, made or removed by others in between."""


class Unavailable(ClusterError):
    """The cluster cannot answer now; it may have said after how many seconds to ask again."""

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
