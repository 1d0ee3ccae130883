"""When to stop paying for each use and buy instead: once as much was paid as buying costs.

This is the ski rental problem. Whoever pays that long pays at most twice what would have been best for
all that ever came, and the one payment that tipped the scales.
"""

from collections import OrderedDict

from batchwright_server.core.tensors import Size


class Rental:
    """What was paid for each size so far; of at most `most_sizes`, those paid for last."""

    def __init__(self, most_sizes: int) -> None:
        self._most_sizes = most_sizes
        self._paid: OrderedDict[Size, float] = OrderedDict()

    def pay(self, size: Size, extra: float, price: float) -> bool:
        """Note that `size` was used for `extra` more than it would cost if bought for `price`.

        Gives whether it is to be bought now; its account then begins anew.
        """
        paid = self._paid.pop(size, 0.0) + max(0.0, extra)
        if paid >= price:
            return True
        self._paid[size] = paid
        if len(self._paid) > self._most_sizes:
            self._paid.popitem(last=False)
        return False
