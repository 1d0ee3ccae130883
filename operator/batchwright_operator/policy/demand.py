"""What traffic asks of a pod under a plan, and how long a pod that never idles takes for it."""

from collections.abc import Sequence
from typing import NamedTuple

from batchwright_operator.policy.costs import PlanLines
from batchwright_operator.policy.readings import ReloadCost


class Demand(NamedTuple):
    """What traffic asks for under a plan, in seconds.

    `work` is shared by the cores, `span` by the requests in the server at once, and `serial` by nobody:
    one compilation runs at a time, and so does one inference of a plan with one stream.
    """

    work: float
    span: float
    serial: float

    def elapsed(self, *, concurrency: float, cores: float) -> float:
        """The time it takes a pod that never idles: the tightest of the three limits."""
        return max(self.work / cores, self.span / concurrency, self.serial)


Counted = tuple[int, int, int, float, float]  # a piece without its names, where there are hundreds


class Piece(NamedTuple):
    """Some of a pod's traffic as a plan runs it, and the pace at which the pod serves."""

    inferences: int
    samples: int
    reloads: int  # under reload
    concurrency: float
    cores: float


class Tariff(NamedTuple):
    """What one plan takes for inferences, for their samples, and for reloads."""

    lines: PlanLines
    reload: ReloadCost  # nothing, for plans that never reload
    is_alone: bool  # one inference at a time
    is_awaited: bool = True  # requests wait for a reload, and reloads for one another

    def demand(self, piece: Piece) -> Demand:
        """What `piece` asks of a pod, with what checks have taught."""
        lines, reload = self.lines, self.reload
        work = lines.work.total(piece.inferences, piece.samples)
        span = lines.span.total(piece.inferences, piece.samples)
        waiting = piece.reloads * reload.span_seconds
        return Demand(
            work=lines.factor * (work + piece.reloads * reload.work_seconds),
            span=lines.factor * (span + waiting),
            serial=lines.factor
            * max(span if self.is_alone else 0.0, waiting if self.is_awaited else 0.0),
        )

    def elapsed(self, pieces: Sequence[Counted]) -> list[float]:
        """How long a pod takes for each piece: `demand` and its tightest limit, all in one go.

        Decisions for a thousand models spend most of their time here.
        """
        if self.reload.span_seconds == 0 == self.reload.work_seconds:
            return self._elapsed_without_reloads(pieces)
        lines = self.lines
        factor, alone = lines.factor, 1.0 if self.is_alone else 0.0
        awaited = 1.0 if self.is_awaited else 0.0
        work_fixed, work_each = lines.work.fixed, lines.work.per_sample
        span_fixed, span_each = lines.span.fixed, lines.span.per_sample
        reload_work, reload_span = self.reload.work_seconds, self.reload.span_seconds
        return [
            max(
                factor * (work_fixed * runs + work_each * samples + reloads * reload_work) / cores,
                factor
                * ((span := span_fixed * runs + span_each * samples) + (wait := reloads * reload_span))
                / concurrency,
                factor * alone * span,
                factor * awaited * wait,
            )
            for runs, samples, reloads, concurrency, cores in pieces
        ]

    def _elapsed_without_reloads(self, pieces: Sequence[Counted]) -> list[float]:
        """The same for the many plans that never reload, of whose limits only two can be the tightest.

        Requests that wait for one another take at least as long as those that share the span.
        """
        work, span, factor = self.lines.work, self.lines.span, self.lines.factor
        work_fixed, work_each = work.fixed, work.per_sample
        span_fixed, span_each = span.fixed, span.per_sample
        shared = [
            factor * (work_fixed * runs + work_each * samples) / cores
            for runs, samples, _, _, cores in pieces
        ]
        if self.is_alone:
            spans = [
                factor * (span_fixed * runs + span_each * samples) for runs, samples, _, _, _ in pieces
            ]
        else:
            spans = [
                factor * (span_fixed * runs + span_each * samples) / concurrency
                for runs, samples, _, concurrency, _ in pieces
            ]
        return list(map(max, shared, spans))
