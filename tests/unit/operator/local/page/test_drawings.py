"""The pictures are well-formed, whatever is drawn."""

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from batchwright_operator.local.page import drawings
from batchwright_operator.local.page.sheets import Moment
from batchwright_server.config.plan import Plan, Strategy

PLANS = [Plan.of(strategy) for strategy in Strategy]
MOMENTS = st.lists(
    st.builds(Moment, st.floats(0, 1e9), st.floats(0, 1e6), st.floats(0, 1e3), st.sampled_from(PLANS)),
    max_size=40,
).map(lambda found: sorted(found, key=lambda moment: moment.at))


def _inside(svg: str) -> bool:
    """Whether every mark lies within the picture."""
    root = ElementTree.fromstring(svg)  # noqa: S314  # our own
    width, height = map(float, root.attrib["viewBox"].split()[2:])
    points = [
        tuple(map(float, point.split(",")))
        for element in root.iter()
        for point in element.attrib.get("points", "").split()
    ]
    return all(0 <= x <= width + 0.1 and 0 <= y <= height for x, y in points)


@given(MOMENTS, st.floats(600, 1e9), st.sampled_from([drawings.WIDE, drawings.NARROW]))
def test_any_past_is_drawn(moments: list[Moment], now: float, width: float) -> None:
    """Well-formed, described in words, and nothing beyond the edges, wherever a clock jumps."""
    svg = drawings.timeline(moments, now, width)
    assert _inside(svg)
    assert 'role="img" aria-label="Samples a second' in svg


@given(st.dictionaries(st.integers(1, 1024), st.integers(1, 10_000), min_size=1, max_size=200))
def test_any_sizes_are_drawn(sizes: dict[int, int]) -> None:
    """A bar for each size, and not more labels than there is room for."""
    root = ElementTree.fromstring(drawings.bars(sizes))  # noqa: S314  # our own
    assert len([item for item in root.iter() if item.tag == "rect"]) == len(sizes)
    assert len([item for item in root.iter() if item.attrib.get("class") == "tick middle"]) <= 12


def test_no_sizes_are_words() -> None:
    """Where nobody asked there is no empty picture with an axis of its own making."""
    assert drawings.bars({}) == "<p>No request in the last minute.</p>"


def test_a_switch_is_marked() -> None:
    """With the strategy that serves from then on; a gap in the looks is no line."""
    first, second = PLANS[:2]
    moments = [Moment(0, 5, 0, first), Moment(5, 5, 0, second), Moment(100, 5, 0, second)]
    svg = drawings.timeline(moments, 100.0)
    assert svg.count('class="switch"') == 1
    assert f">{second.strategy.value}</text>" in svg
    assert svg.count("<polyline") == 3
