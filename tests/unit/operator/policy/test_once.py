"""A property that is found once."""

from dataclasses import dataclass, field

from batchwright_operator.policy.once import once


@dataclass(frozen=True)
class Sum:
    """Counts how often it was asked."""

    numbers: tuple[int, ...]
    asked: list[int] = field(default_factory=list)

    @once
    def total(self) -> int:
        """All of them together."""
        self.asked.append(1)
        return sum(self.numbers)


def test_it_is_found_once_for_each_object_and_when_it_is_asked_for() -> None:
    """Asking again costs nothing, another object has its own, and the words on it stay."""
    one, other = Sum((1, 2)), Sum((3,))
    assert (one.asked, other.asked) == ([], [])
    assert (one.total, one.total, other.total) == (3, 3, 3)
    assert (len(one.asked), len(other.asked)) == (1, 1)
    assert Sum.__dict__["total"].__doc__ == "All of them together."
