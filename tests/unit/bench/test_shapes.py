import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_bench.inprocess import shapes

SHAPES = st.lists(st.lists(st.integers(0, 999), max_size=5), min_size=1, max_size=4)


@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9_/:.]*", fullmatch=True), SHAPES, min_size=1))
def test_shapes_are_read_as_written(named: dict[str, list[list[int]]]) -> None:
    """Every input has its shapes in their order, whatever their number and ranks."""
    text = ",".join(name + "".join(str(shape) for shape in found) for name, found in named.items())

    assert shapes.parse_shapes(text) == {name: tuple(map(tuple, found)) for name, found in named.items()}


def test_the_only_input_needs_no_name() -> None:
    """Shapes alone are those of the only input; nothing is no shape."""
    assert shapes.parse_shapes("[1,3,4][8, 3, 4]") == {"": ((1, 3, 4), (8, 3, 4))}
    assert shapes.parse_shapes("") == {}


@pytest.mark.parametrize("text", ["1,3", "[1,3", "a[1]b[2]", "[1 2]", "a[1],a[2]", "[,]", "[1]]"])
def test_what_is_no_shape_is_told(text: str) -> None:
    """A faulty text is refused."""
    with pytest.raises(shapes.InvalidShapes, match="expected"):
        shapes.parse_shapes(text)
