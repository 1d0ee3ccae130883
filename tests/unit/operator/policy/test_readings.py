"""One round over the pods."""

from batchwright_operator.policy.readings import Scrape
from tests.unit.operator.policy.samples import Pod


def test_of_two_readings_of_one_pod_the_newest_counts() -> None:
    """An answer that came late does not hide the newer one, in whatever order they stand."""
    older, newer = Pod().reading(), Pod().after(3, {8: 1}).reading()
    for readings in [(older, newer), (newer, older), (newer, older, newer)]:
        assert Scrape(readings, 1).by_pod() == {"pod-0": newer}


def test_pods_stand_in_the_order_of_their_names() -> None:
    """Sums over the pods do not depend on who answered first."""
    readings = tuple(Pod(name=name).reading() for name in ("b", "c", "a"))
    assert list(Scrape(readings, 3).by_pod()) == ["a", "b", "c"]
