"""What came of the real runs, by trace and plan: real, simulated, their ratio, and real regret."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.policy.real.cases import POLICY
from benchmarks.policy.real.runs import Run
from benchmarks.serving.contest import spread

Document = dict[str, Any]


def to_document(runs: Sequence[Run]) -> list[Document]:
    """For JSON: a case for each model and trace, with its plans.

    Spreads are the lower quartile, the median and the upper quartile of the rounds.
    """
    found: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        found.setdefault((run.case.model, run.case.trace), []).append(run)
    return [_case(mine) for mine in found.values()]


def _case(runs: Sequence[Run]) -> Document:
    case = runs[0].case
    names = sorted({run.name for run in runs}, key=lambda name: (name == POLICY, name))
    return {
        "model": case.model,
        "trace": case.trace,
        "about": case.about,
        "requests": len(case.items),
        "windowSeconds": case.window_seconds,
        "rounds": len(_rounds(runs)),
        "measuredForeignProcessors": _rounded(
            [max(run.measured_foreign for run in mine) for mine in _rounds(runs)]
        ),
        "plans": {name: _plan([run for run in runs if run.name == name]) for name in names},
        "regret": _regret({run.name: sum(run.real) for run in mine} for mine in _rounds(runs)),
        "simulatedRegret": _regret(
            {run.name: run.simulated.total for run in mine} for mine in _rounds(runs)
        ),
    }


def _rounds(runs: Sequence[Run]) -> list[list[Run]]:
    return [[run for run in runs if run.round == number] for number in sorted({r.round for r in runs})]


def _plan(runs: Sequence[Run]) -> Document:
    return {
        "real": _rounded(spread([sum(run.real) for run in runs])),
        "simulated": _rounded(spread([run.simulated.total for run in runs])),
        "ratio": _rounded(spread([sum(run.real) / run.simulated.total for run in runs])),
        "disturbed": _rounded(spread([run.disturbed.total for run in runs])),
        "disturbedRatio": _rounded(spread([sum(run.real) / run.disturbed.total for run in runs])),
        "workRatio": _rounded(spread([run.work / run.simulated.work for run in runs])),
        "foreignProcessors": _rounded(spread([run.foreign for run in runs])),
        "rounds": [
            {
                "real": _rounded(run.real),
                "simulated": _rounded(run.simulated.windows),
                "disturbed": _rounded(run.disturbed.windows),
                "work": round(run.work, 2),
                "simulatedWork": round(run.simulated.work, 2),
                "foreignProcessors": round(run.foreign, 2),
                "moves": _moves(run.moves),
                "simulatedMoves": _moves(run.simulated.moves),
            }
            for run in runs
        ],
    }


def _moves(moves: Sequence[Any]) -> list[Document]:
    return [{"at": it.at, "plan": it.plan, "reason": it.reason, "message": it.message} for it in moves]


def _regret(rounds: Any) -> Sequence[float] | None:
    """The policy's cost beyond the best fixed plan's of the same round, as a share of that."""
    found = [_beyond(totals) for totals in rounds if POLICY in totals and len(totals) > 1]
    return _rounded(spread(found)) if found else None


def _beyond(totals: Mapping[str, float]) -> float:
    return totals[POLICY] / min(cost for name, cost in totals.items() if name != POLICY) - 1


def _rounded(numbers: Sequence[float]) -> list[float]:
    return [round(number, 4) for number in numbers]
