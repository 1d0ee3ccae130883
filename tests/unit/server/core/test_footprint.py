import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_server.core.footprint import Footprint, Footprints
from batchwright_server.core.tensors import BatchRange, InputShapes


def at(size: int) -> BatchRange:
    return BatchRange.only(size)


@given(
    fixed=st.integers(0, 10**9),
    per_unit=st.integers(0, 10**8),
    units=st.lists(st.integers(1, 1000), min_size=2, max_size=20, unique=True),
)
def test_a_line_is_found_again(fixed: int, per_unit: int, units: list[int]) -> None:
    """From sizes that lie on a line, any other size is told as exactly as floats can."""
    line = Footprint.fit((unit, fixed + per_unit * unit) for unit in units)

    assert line is not None
    assert line.at(500) == pytest.approx(fixed + per_unit * 500, rel=1e-3, abs=10)


@given(st.lists(st.tuples(st.integers(1, 1000), st.integers(0, 10**9)), min_size=1, max_size=20))
def test_neither_part_is_negative(points: list[tuple[int, int]]) -> None:
    """Whatever was measured: no model takes less for more samples, or less than nothing."""
    line = Footprint.fit(points)

    assert line is not None
    assert line.fixed >= -1e-3
    assert line.per_unit >= 0


def test_nothing_is_told_of_what_is_not_known() -> None:
    """Before the first measurement no size is refused for a guess."""
    assert Footprints().predict(at(8)) is None


def test_measured_sizes_are_told_as_measured_and_others_with_a_margin() -> None:
    """A tenth is added where a line speaks."""
    known = Footprints()
    for size in (1, 4, 16):
        known.learn(at(size), 100 + 10 * size)

    assert known.predict(at(4)) == 140
    assert known.predict(at(8)) == int(1.1 * 180)


def test_few_sizes_are_measured() -> None:
    """Each costs an inference: four make a line, and only far beyond its end another is wanted."""
    known = Footprints()
    wanted = []
    for size in (1, 2, 3, 4, 5, 6, 8, 9, 20):
        if known.wants(at(size)):
            wanted.append(size)
            known.learn(at(size), 100 + size)

    assert wanted == [1, 2, 3, 4, 9, 20]


def test_what_failed_needs_more_than_it_had() -> None:
    """A size that so many bytes did not suffice for is never taken to fit into them."""
    known = Footprints()
    known.learn(at(1), 10)
    known.learn_failure(at(64), 5000)

    assert (known.predict(at(64)) or 0) > 5000
    assert (known.predict(at(65)) or 0) > 5000
    assert (known.predict(at(63)) or 0) < 5000
    known.learn(at(80), 100)
    assert (known.predict(at(64)) or 0) < 5000


def test_shapes_are_compared_by_their_elements() -> None:
    """For a model of any shape, an image of twice the size takes twice the buffers."""
    known = Footprints()
    for side in (10, 20):
        known.learn(InputShapes((("x", (1, side, side)),)), 1000 + side * side)

    assert known.predict(InputShapes((("x", (1, 40, 40)),))) == int(1.1 * 2600)
