"""How many bytes of requests may wait."""

SHARE = 4  # by default, requests may take this part of what models leave: a quarter
_LEAST_SHARE = 32  # of the limit, however much models take


def default_bound(limit: int, models: int) -> int:
    """The bytes that may wait in a process of so many, of which models take so many."""
    return max(limit // _LEAST_SHARE, (limit - models) // SHARE)


class Tally:
    """The bytes of the requests that wait now."""

    def __init__(self) -> None:
        self.requests = 0
        self.size_bytes = 0

    def has_room(self, size_bytes: int, most: int | None) -> bool:
        """Whether a request of this size may wait beside the others.

        One that waits alone always may, for it would be refused whenever it came.
        """
        return most is None or self.requests == 0 or self.size_bytes + size_bytes <= most

    def enter(self, size_bytes: int) -> None:
        """Note a request that waits."""
        self.requests += 1
        self.size_bytes += size_bytes

    def leave(self, size_bytes: int) -> None:
        """Note that it does no longer."""
        self.requests -= 1
        self.size_bytes -= size_bytes
