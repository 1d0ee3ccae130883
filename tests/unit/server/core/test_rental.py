from hypothesis import given
from hypothesis import strategies as st

from batchwright_server.core.rental import Rental

extras = st.lists(st.floats(0, 10), max_size=60)


@given(extras=extras, price=st.floats(0.1, 30))
def test_it_never_costs_much_more_than_knowing_the_future(extras: list[float], price: float) -> None:
    """At most twice the best that hindsight could do, and one request more."""
    rental, total = Rental(10), 0.0
    for extra in extras:
        total += extra
        if rental.pay(8, extra, price):
            total += price
            break

    best = min(sum(extras), price)
    assert total <= 2 * best + max(extras, default=0.0) + 1e-9


@given(extras=extras, price=st.floats(0.1, 30))
def test_nothing_is_bought_before_it_was_paid_for(extras: list[float], price: float) -> None:
    """The first payment that brings the sum to the price is the one that buys."""
    rental = Rental(10)
    bought = [rental.pay(8, extra, price) for extra in extras]
    paid = 0.0
    for extra, is_bought in zip(extras, bought, strict=True):
        paid += extra
        assert is_bought == (paid >= price)
        paid = 0.0 if is_bought else paid


def test_each_size_has_an_account_of_its_own() -> None:
    """Sizes that come rarely are not bought for what the others paid."""
    rental = Rental(10)

    assert [rental.pay(size, 1.0, 2.0) for size in (3, 5, 3, 5)] == [False, False, True, True]


def test_accounts_are_bounded() -> None:
    """Of sizes without end, only those paid for last are remembered."""
    rental = Rental(2)
    for size in (1, 2, 3):
        rental.pay(size, 1.0, 2.0)

    assert rental.pay(1, 1.0, 2.0) is False
    assert rental.pay(3, 1.0, 2.0) is True
