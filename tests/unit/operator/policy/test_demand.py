"""What traffic asks of a pod, and the quick way to what that takes."""

from hypothesis import given
from hypothesis import strategies as st

from batchwright_operator.policy.costs import Line, PlanLines
from batchwright_operator.policy.demand import Piece, Tariff
from batchwright_operator.policy.readings import ReloadCost

SECONDS = st.floats(0, 10)
LINES = st.builds(
    PlanLines,
    work=st.builds(Line, SECONDS, SECONDS),
    span=st.builds(Line, SECONDS, SECONDS),
    prepare_seconds=SECONDS,
    factor=st.floats(0.01, 4),
)
COUNTS = st.integers(0, 1000)
RELOADS = st.just(ReloadCost(0.0, 0.0)) | st.builds(ReloadCost, SECONDS, SECONDS)
PIECES = st.builds(Piece, COUNTS, COUNTS, COUNTS, st.floats(1, 64), st.floats(1, 64))


@given(
    st.builds(Tariff, LINES, RELOADS, st.booleans(), st.booleans()),
    st.lists(PIECES),
)
def test_the_quick_way_gives_what_the_demand_takes(tariff: Tariff, pieces: list[Piece]) -> None:
    """Pricing many pieces in one go is no other prediction: the same numbers to the last bit."""
    assert tariff.elapsed(pieces) == [
        tariff.demand(piece).elapsed(concurrency=piece.concurrency, cores=piece.cores)
        for piece in pieces
    ]
