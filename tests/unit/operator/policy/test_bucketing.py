"""Sizes to compile, chosen from what is asked for."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_operator.policy import bucketing
from batchwright_operator.policy.padding import Padding

REQUESTS = st.dictionaries(st.integers(1, 40), st.integers(1, 100), min_size=1, max_size=7)
SECONDS = st.floats(0.001, 1)


def padded(requests: dict[int, int], sizes: tuple[int, ...], fixed: float, each: float) -> float:
    """What it costs to pad each request up to the next size."""
    return sum(
        count * (fixed + each * min(it for it in sizes if it >= size))
        for size, count in requests.items()
    )


@given(REQUESTS, SECONDS, SECONDS, st.integers(1, 4))
def test_no_other_set_of_as_many_sizes_is_cheaper(
    requests: dict[int, int], fixed: float, each: float, most: int
) -> None:
    """Of all sets up to the largest request the cheapest, whether anybody asks for its sizes or not."""
    largest = max(requests)
    for number, found in enumerate(
        bucketing.cheapest(requests, fixed=fixed, per_sample=each, most=most), start=1
    ):
        assert len(set(found.sizes)) == len(found.sizes) == number
        assert found.seconds == pytest.approx(padded(requests, found.sizes, fixed, each))
        if number <= 3:
            others = [
                padded(requests, (*below, largest), fixed, each)
                for below in combinations(range(1, largest), number - 1)
            ]
            assert found.seconds <= min(others) * (1 + 1e-9)


@given(REQUESTS, SECONDS, SECONDS, st.integers(1, 32))
def test_the_choice_is_small_good_and_never_dearer_to_cover(
    requests: dict[int, int], fixed: float, each: float, most: int
) -> None:
    """Within the bound, and a hundredth of the best set; what the server makes of it costs no more."""
    sizes = bucketing.choose(requests, fixed=fixed, per_sample=each, most=most)
    best = bucketing.cheapest(requests, fixed=fixed, per_sample=each, most=most)[-1]
    assert 1 <= len(sizes) <= most
    assert set(sizes) <= set(requests)
    seconds = padded(requests, sizes, fixed, each)
    assert seconds <= best.seconds * (1 + bucketing.WORTH_A_SIZE) * (1 + 1e-9)
    runs = Padding(sizes, fixed, each).runs(requests)
    assert fixed * runs.inferences + each * runs.samples <= seconds * (1 + 1e-9)


@given(st.dictionaries(st.integers(1, 10_000), st.integers(0, 100), max_size=300), st.integers(1, 32))
def test_any_traffic_gives_a_choice(requests: dict[int, int], most: int) -> None:
    """However many sizes come: a few of them, the largest among these; none where nothing comes."""
    sizes = bucketing.choose(requests, fixed=0.001, per_sample=0.001, most=most)
    asked = [size for size, count in requests.items() if count]
    assert (sizes == ()) == (not asked)
    assert len(sizes) <= most
    assert max(sizes, default=0) == max(asked, default=0)


def test_a_size_that_saves_nothing_is_not_compiled() -> None:
    """Memory and compilations are for what shows."""
    assert bucketing.choose({16: 1000, 15: 1}, fixed=0.0, per_sample=1.0, most=4) == (16,)
    assert bucketing.choose({16: 10, 4: 10}, fixed=0.0, per_sample=1.0, most=4) == (4, 16)
