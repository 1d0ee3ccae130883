from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from batchwright_server.core.cover import Cover

some_sizes = st.sets(st.integers(1, 12), min_size=1, max_size=4)


def cheapest(samples: int, costs: dict[int, int]) -> int:
    """The cost of the best of all covers, tried one after another."""

    @cache
    def search(left: int) -> int:
        return min(cost + search(left - size) for size, cost in costs.items()) if left > 0 else 0

    return search(samples)


@given(sizes=some_sizes, samples=st.integers(1, 5_000))
def test_a_cover_suffices_and_has_nothing_to_spare(sizes: set[int], samples: int) -> None:
    """The sizes add up to the samples or more, the largest first, and none could be left out."""
    pieces = Cover(sizes).pieces(samples)

    assert set(pieces) <= sizes
    assert list(pieces) == sorted(pieces, reverse=True)
    assert 0 <= sum(pieces) - samples < pieces[-1]


@given(data=st.data(), sizes=some_sizes, samples=st.integers(1, 400))
def test_no_cover_is_cheaper(data: st.DataObject, sizes: set[int], samples: int) -> None:
    """With costs for all sizes, whatever they are, brute force finds nothing better."""
    costs = {size: data.draw(st.integers(1, 50), label=f"cost of {size}") for size in sorted(sizes)}

    assert Cover(sizes, costs).cost(samples) == cheapest(samples, costs)


@given(sizes=some_sizes, samples=st.integers(1, 400))
def test_without_costs_padding_is_least_and_then_the_inferences(sizes: set[int], samples: int) -> None:
    """Of all covers with the least padding, one with the fewest pieces."""
    pieces = Cover(sizes).pieces(samples)

    best = cheapest(samples, {size: 1000 * size + 1 for size in sizes})
    assert (sum(pieces), len(pieces)) == divmod(best, 1000)


def test_costs_can_make_padding_worth_it() -> None:
    """Of a tiny model, one padded inference is cheaper than many small ones."""
    assert Cover([1, 64]).pieces(63) == (1,) * 63
    assert Cover([1, 64], {1: 0.09, 64: 0.16}).pieces(63) == (64,)


def test_a_size_without_a_cost_leaves_all_costs_aside() -> None:
    """Half of the costs say nothing about the other half."""
    assert Cover([4, 8], {4: 1.0}).pieces(8) == (8,)


def test_an_inference_that_took_no_time_is_not_taken_for_free() -> None:
    """A clock too coarse to see it must not end in pieces without number."""
    assert Cover([1, 8], {1: 0.0, 8: 0.0}).pieces(8) == (8,)
