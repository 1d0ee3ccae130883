import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_server.config.layouts import Layout, parse_layout, parse_layouts
from batchwright_server.config.shapes import (
    EVERY_INPUT,
    LARGEST,
    AutoShape,
    Dimension,
    Shape,
    format_shape,
    parse_shape,
    parse_shapes,
)

sizes = st.integers(1, LARGEST)
ranges = st.tuples(sizes, sizes).map(sorted).map(lambda pair: Dimension(pair[0], pair[1]))
dimensions = st.just(Dimension()) | ranges | sizes.map(lambda size: Dimension(size, size))


@given(shape=st.lists(dimensions, max_size=6).map(tuple))
def test_a_shape_is_read_from_its_own_text(shape: Shape) -> None:
    """Fixed sizes, -1 and ranges, in any number and order."""
    assert parse_shape(format_shape(shape)) == shape


@given(text=st.text(alphabet="()[]-1:, 0x", max_size=12))
def test_any_text_is_a_shape_or_refused(text: str) -> None:
    """Whatever is written, the answer is a shape or a ValueError that says what was expected."""
    try:
        parse_shape(text)
    except ValueError as error:
        assert "expected a shape" in str(error)  # noqa: PT017  both outcomes are right


@pytest.mark.parametrize(
    "text",
    ["", "1,3", "(1,3", "(0)", "(-2)", "(8:2)", "(1.5)", "(1,)", "(9999999999)", "(1:)", "(\u0661)"],
)
def test_a_malformed_shape_is_refused(text: str) -> None:
    """A typo is never a shape of something else."""
    with pytest.raises(ValueError, match="expected a shape"):
        parse_shape(text)


@pytest.mark.parametrize("value", ["auto", " AUTO ", {"": "auto"}])
def test_shape_auto_is_any_shape(value: str | dict[str, str]) -> None:
    """As OVMS writes it, for the only input or for one of several."""
    assert parse_shapes(value) == {EVERY_INPUT: AutoShape()}


@pytest.mark.parametrize("value", [{"a": "(1,2)", "b": "(-1)"}, '{"a": "(1,2)", "b": "(-1)"}'])
def test_shapes_by_input_are_read_from_an_object_or_its_text(value: str | dict[str, str]) -> None:
    """Both forms that OVMS takes, in a file and on the command line."""
    assert parse_shapes(value) == {"a": (Dimension(1, 1), Dimension(2, 2)), "b": (Dimension(),)}


def test_a_shape_without_a_name_is_for_every_input() -> None:
    """A model of one input needs no map."""
    assert parse_shapes("(1)") == {EVERY_INPUT: (Dimension(1, 1),)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NCHW", Layout("NCHW", "NCHW")),
        ("nhwc:nchw", Layout("NHWC", "NCHW")),
        ("N...", Layout("N...", "N...")),
        ("N?C", Layout("N?C", "N?C")),
        ("...", Layout("...", "...")),
    ],
)
def test_layouts_are_read_as_ovms_writes_them(text: str, expected: Layout) -> None:
    """One order, or what clients send and what the model has."""
    assert parse_layout(text) == expected


@pytest.mark.parametrize("text", ["", "NCHW:", ":NCHW", "NN", "NCHW:NHW", "N-C", "N...C...", "auto1"])
def test_a_malformed_layout_is_refused(text: str) -> None:
    """A letter twice, sides that do not match, other signs."""
    with pytest.raises(ValueError, match="expected a layout"):
        parse_layouts({"x": text})


@pytest.mark.parametrize("text", ["NCHW", "N...", "...", "CHW", "NC:CN", "HWC:CHW"])
def test_a_batch_in_front_or_none_stays_there(text: str) -> None:
    """The first dimension counts samples, or nothing does."""
    layout = parse_layout(text)

    assert (layout.batch_axis, layout.served) == (0, layout.tensor)


@pytest.mark.parametrize(
    ("text", "axis", "served"),
    [("CN", 1, "NC"), ("CN:NC", 1, "NC"), ("C?N...", 2, "NC?..."), ("...NC", -2, "N...C")],
)
def test_a_batch_elsewhere_is_served_in_front(text: str, axis: int, served: str) -> None:
    """Where clients have it is known, from the end where the dimensions before it are not."""
    layout = parse_layout(text)

    assert (layout.batch_axis, layout.served) == (axis, served)
