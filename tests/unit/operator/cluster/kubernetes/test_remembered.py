"""A bounded memory."""

from batchwright_operator.cluster.kubernetes.remembered import Remembered


def test_the_longest_unused_goes_first() -> None:
    """What was asked for lately stays, and no more than so many are kept."""
    memory: Remembered[str, int] = Remembered(2)
    memory.put("a", 1)
    memory.put("b", 2)
    assert memory.get("a") == 1
    memory.put("c", 3)
    assert (memory.get("a"), memory.get("b"), memory.get("c")) == (1, None, 3)
    assert (memory.pop("a"), memory.pop("a")) == (1, None)
