"""What a miss costs under reload with `onMiss: Split`: nobody waits, but pieces cost more than a whole.

A size is compiled once its requests have paid as much for being split as compiling takes. So a size that
comes once pays for its pieces, and one that comes to stay pays about a reload before it gets one. The
server counts the misses that there would be if requests waited; how long each lasts, and what a piece
costs more, follows from the traffic.
"""

from collections.abc import Mapping

from batchwright_operator.policy.costs import PlanLines
from batchwright_operator.policy.padding import Padding
from batchwright_operator.policy.readings import ReloadCost
from batchwright_operator.policy.traffic import Traffic


def price_of_miss(
    traffic: Traffic, lines: PlanLines, reload: ReloadCost, *, misses: int, entries: int
) -> ReloadCost:
    """What a miss costs on average: pieces, and the share of them that ends in a reload.

    `entries`: how many sizes are kept compiled. The span is what requests take longer; the reload
    itself runs beside them.
    """
    each = _surcharge(traffic.requests, lines, entries)
    lasting = each * max(1.0, traffic.request_count / max(1, misses))
    paid = max(each, min(lasting, reload.span_seconds)) if each else reload.span_seconds
    share = min(1.0, paid / reload.span_seconds) if reload.span_seconds > 0 else 1.0
    whole = lines.span.total(traffic.request_count, traffic.samples)
    cores = lines.work.total(traffic.request_count, traffic.samples) / whole if whole > 0 else 1.0
    return ReloadCost(work_seconds=share * reload.work_seconds + cores * paid, span_seconds=paid)


def _surcharge(requests: Mapping[int, int], lines: PlanLines, entries: int) -> float:
    """Seconds that a request takes longer in pieces, if the sizes asked for most are compiled.

    0 where all sizes can be kept, or where pieces cost nothing.
    """
    by_count = sorted(requests, key=lambda size: (-requests[size], size))
    kept, others = by_count[:entries], by_count[entries:]
    if not others:
        return 0.0
    asked = {size: requests[size] for size in others}
    runs = Padding(tuple(kept), lines.span.fixed, lines.span.per_sample).runs(asked)
    whole = lines.span.total(sum(asked.values()), sum(size * asked[size] for size in asked))
    return max(0.0, lines.span.total(runs.inferences, runs.samples) - whole) / sum(asked.values())
