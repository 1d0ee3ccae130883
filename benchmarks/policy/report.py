"""The report: every result against its targets, as JSON and as a page."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from batchwright_server.config.plan import Plan
from benchmarks.policy import page, suite
from benchmarks.policy.evaluation import Result
from benchmarks.policy.held_out import TRACES as HELD_OUT
from benchmarks.policy.real import section
from benchmarks.policy.traces import TRACES

ALL_TRACES = {trace.name: trace for trace in (*TRACES, *HELD_OUT)}
REPORT, REAL = "report.json", "real.json"  # of simulated servers, and of real ones
LONG_WINDOWS = 20
MOST_REGRET_LONG = 0.05
MOST_REGRET_SHORT = 0.10
MOST_STEADY_SWITCHES = 2
MOST_OVER_START = 1.3
MOST_OVER_OPTIMUM_ADVERSARIAL = 2.0


def misses(result: Result) -> list[str]:
    """The targets that a result misses, each in a sentence."""
    trace = ALL_TRACES[result.trace]
    most = MOST_REGRET_LONG if result.windows > LONG_WINDOWS else MOST_REGRET_SHORT
    found = []
    if result.regret > most:
        found.append(f"regret {100 * result.regret:.1f} %, at most {100 * most:.0f} % wanted")
    if trace.is_steady and len(result.policy.moves) > MOST_STEADY_SWITCHES:
        found.append(f"{len(result.policy.moves)} switches of steady traffic")
    if result.over_start > MOST_OVER_START:
        found.append(f"{result.over_start:.2f} times the starting plan")
    if trace.is_adversarial and result.over_optimum > MOST_OVER_OPTIMUM_ADVERSARIAL:
        found.append(f"{result.over_optimum:.2f} times the optimum")
    return found


def write(coming: Iterable[Result], out: Path) -> int:
    """Tell the figures as they come, write the report to `out`; gives 1 if a target is missed.

    report.json and report.html have everything, report.md the table.
    """
    out.mkdir(parents=True, exist_ok=True)
    results = []
    for result in coming:
        print(line(result), flush=True)  # noqa: T201
        results.append(result)
    found = [to_document(result) for result in results]
    (out / REPORT).write_text(json.dumps(found, indent=1) + "\n")
    write_page(out)
    missed = sum(bool(misses(result)) for result in results)
    (out / "report.md").write_text(to_table(results))
    good = f"{len(results) - missed} of {len(results)} within the targets"
    print(f"{good}; {out / 'report.html'}")  # noqa: T201
    return int(missed > 0)


def write_page(out: Path) -> None:
    """The page of all that is in `out`: of simulated servers, of real ones, or both."""
    found, real = (_read(out / name, empty) for name, empty in ((REPORT, []), (REAL, {})))
    (out / "report.html").write_text(page.render(found, section.render(real)))


def _read(file: Path, empty: Any) -> Any:
    return json.loads(file.read_text()) if file.is_file() else empty


def line(result: Result) -> str:
    """One result in one line."""
    figures = (
        f"regret {100 * result.regret:z6.1f} %  settled {100 * result.settled_regret:z5.1f} %  "
        f"start {result.start_seconds:5.1f} s  x start {result.over_start:5.2f}  "
        f"x optimum {result.over_optimum:5.2f}  {len(result.policy.moves)} moves"
    )
    missed = "; ".join(misses(result))
    held = "  held out" if is_held_out(result) else ""
    name = f"{result.trace:14} {result.model:14}"
    return f"{name} {figures}  best {result.best!s:20}{held}{missed and '  MISSED: ' + missed}"


def to_table(results: Sequence[Result]) -> str:
    """The results as a table in Markdown; what misses its target is bold."""
    head = (
        "| trace | model | regret | once settled | start | / start | / optimum | switches |\n"
        "| --- | --- | --: | --: | --: | --: | --: | --: |\n"
    )
    return head + "".join(_row(result) + "\n" for result in results)


def _row(result: Result) -> str:
    name = result.trace + (" *" if is_held_out(result) else "")
    figures = (
        f"{100 * result.regret:z.1f} %",
        f"{100 * result.settled_regret:z.1f} %",
        f"{result.start_seconds:.1f} s",
        f"{result.over_start:.2f}",
        f"{result.over_optimum:.2f}",
        str(len(result.policy.moves)),
    )
    mark = "**" if misses(result) else ""
    return f"| {mark}{name}{mark} | {result.model} | {' | '.join(figures)} |"


def is_held_out(result: Result) -> bool:
    """Whether nothing was tuned on it."""
    return result.seed == suite.HELD_OUT_SEED


def to_document(result: Result) -> Mapping[str, object]:
    """A result for JSON; seconds are rounded to milliseconds."""
    return {
        "trace": result.trace,
        "about": ALL_TRACES[result.trace].about,
        "model": result.model,
        "heldOut": is_held_out(result),
        "windows": result.windows,
        "start": str(result.start),
        "best": str(result.best),
        "regret": round(result.regret, 4),
        "settledRegret": round(result.settled_regret, 4),
        "startSeconds": round(result.start_seconds, 2),
        "overStart": round(result.over_start, 4),
        "overOptimum": round(result.over_optimum, 4),
        "missed": misses(result),
        "moves": [
            {"at": move.at, "plan": move.plan, "reason": move.reason, "message": move.message}
            for move in result.policy.moves
        ],
        "costs": {
            **{str(plan): _rounded(costs) for plan, costs in result.fixed.items()},
            "policy": _rounded(result.policy.windows),
            "optimum": _rounded(_along(result.fixed, result.path.plans)),
        },
        "optimumSeconds": round(result.path.cost, 3),
    }


def _along(fixed: Mapping[Plan, Sequence[float]], plans: Sequence[Plan]) -> list[float]:
    return [fixed[plan][window] for window, plan in enumerate(plans)]


def _rounded(seconds: Sequence[float]) -> list[float]:
    return [round(it, 3) for it in seconds]
