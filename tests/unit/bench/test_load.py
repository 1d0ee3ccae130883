import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_bench.load import arrivals, sizes, traces

DRAWS = st.floats(0, 1, exclude_max=True)
GRAMMAR = st.one_of(
    st.lists(st.integers(1, 99), min_size=1, max_size=6).map(lambda them: ",".join(map(str, them))),
    st.tuples(st.integers(1, 20), st.integers(0, 20)).map(lambda of: f"uniform:{of[0]}:{sum(of)}"),
    st.tuples(st.integers(2, 20), st.integers(1, 40)).map(lambda of: f"geometric:{of[0]}:{of[1]}"),
    st.dictionaries(st.integers(1, 99), st.integers(1, 9), min_size=1).map(
        lambda of: "weights:" + ",".join(f"{size}={weight}" for size, weight in of.items())
    ),
)


@given(GRAMMAR, st.integers(0, 1000), DRAWS)
def test_only_possible_sizes_come(text: str, number: int, draw: float) -> None:
    """Whatever is drawn for whichever request, its size is one of those that are told beforehand."""
    found = sizes.parse_sizes(text)

    assert found.at(number, draw) in found.possible
    assert list(found.possible) == sorted(set(found.possible))


def test_sizes_in_turn() -> None:
    """Numbers come in their order, again and again."""
    found = sizes.parse_sizes("1,4,16")

    assert [found.at(number, 0.5) for number in range(5)] == [1, 4, 16, 1, 4]


@given(st.dictionaries(st.integers(1, 9), st.integers(0, 5), min_size=1))
def test_weights_are_shares(weights: dict[int, int]) -> None:
    """Over evenly spread draws each size has the share that its weight is."""
    total = sum(weights.values())
    text = "weights:" + ",".join(f"{size}={weight}" for size, weight in weights.items())
    if total == 0:
        with pytest.raises(sizes.InvalidSizes):
            sizes.parse_sizes(text)
        return
    found = sizes.parse_sizes(text)
    drawn = [found.at(0, (number + 0.5) / total) for number in range(total)]

    assert {size: drawn.count(size) for size in weights} == weights


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "0",
            "1,",
            "many",
            "100001",
            "9" * 5000,
            "٣",
            "uniform:4",
            "uniform:4:1",
            "uniform:1:9999999",
        ),
        *("geometric:1:9", "geometric:inf:9", "weights:1", "weights:2=-1", "weights:1=1,1=2"),
        *("weights:1=1e308,2=1e308", "weights:1=nan"),
    ],
)
def test_what_is_no_size_is_told(text: str) -> None:
    """A faulty text is refused with all that may be said."""
    with pytest.raises(sizes.InvalidSizes, match="expected a number"):
        sizes.parse_sizes(text)


@given(st.lists(st.tuples(st.floats(0, 1e6), st.integers(1, 500)), min_size=1))
def test_a_trace_is_read_as_written(rows: list[tuple[float, int]]) -> None:
    """Sizes come in order, and times as seconds since the first."""
    rows.sort(key=lambda row: row[0])
    text = "# seconds,batch_size\n\n" + "\n".join(f"{seconds!r},{size}" for seconds, size in rows)
    found = traces.parse_trace(text.encode())

    assert found.sizes == tuple(size for _, size in rows)
    assert found.seconds == tuple(seconds - rows[0][0] for seconds, _ in rows)
    assert traces.parse_trace("\n".join(str(size) for _, size in rows).encode()) == traces.Trace(
        found.sizes
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "at least one line"),
        ("1\n0.5,2", "line 2: expected batch_size or seconds,batch_size"),
        ("1,8\n0.5,2", "line 2: seconds: expected none before the line above, 1, got '0.5'"),
        ("0,8\nsoon,2", "line 2: seconds: expected a number from 0, got 'soon'"),
        ("nan,8", "line 1: seconds: expected a number from 0, got 'nan'"),
        ("-inf,8\n1,8", "line 1: seconds: expected a number from 0, got '-inf'"),
        ("8\n0", "line 2: batch_size: expected a whole number from 1 to 100000, got '0'"),
        ("8\r\n# no\r\n\r\n" + "9" * 5000, "line 4: batch_size: expected .* got '9{39}…'"),
        ("8\n\x0b\n4\n\udcff", "line 4: expected text in UTF-8"),
    ],
)
def test_a_faulty_trace_is_told_by_its_line(text: str, told: str) -> None:
    """The line and what was expected are said."""
    with pytest.raises(traces.InvalidTrace, match=told):
        traces.parse_trace(text.encode(errors="surrogateescape"))


@given(st.floats(0.1, 1e4), st.lists(DRAWS, min_size=200, max_size=200))
def test_arrivals_never_go_back(rate: float, draws: list[float]) -> None:
    """Of one clock they come in even steps, of independent users in some order of time."""
    even = list(itertools.islice(arrivals.arrive(arrivals.Arrivals.CONSTANT, rate, draws), 200))
    spread = list(arrivals.arrive(arrivals.Arrivals.POISSON, rate, draws))

    assert even[0] == 0
    assert even[-1] == pytest.approx(199 / rate)
    assert spread == sorted(spread)
    assert len(spread) == len(draws)


def test_independent_arrivals_have_the_rate() -> None:
    """Over evenly spread draws, as many come in a second as the rate says."""
    count = 10_000
    draws = [(number + 0.5) / count for number in range(count)]
    *_, last = arrivals.arrive(arrivals.Arrivals.POISSON, 50.0, draws)

    assert count / last == pytest.approx(50.0, rel=0.01)
