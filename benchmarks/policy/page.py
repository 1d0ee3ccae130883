"""The report as one HTML page with plots, which needs nothing from anywhere else."""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import accumulate
from typing import Any

Document = Mapping[str, Any]

MOST_MOVES = 6  # told under a plot
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 380, 190, 44, 10, 22
COLOURS = {
    "reload/one": "#c0392b",
    "reload/optimum": "#e67e22",
    "demultiplex/optimum": "#2471a3",
    "demultiplex/one": "#5dade2",
    "dynamic/one": "#8e44ad",
    "dynamic/optimum": "#bb8fce",
    "optimum": "#888888",
    "policy": "#1e8449",
}
HEAD = """<!doctype html><html lang="en"><meta charset="utf-8"><title>The policy's regret</title>
<style>
body{font:15px/1.45 system-ui,sans-serif;margin:2em auto;max-width:1240px;padding:0 1em;color:#222}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
td,th{padding:.2em .7em;text-align:right}
td:first-child,th:first-child{text-align:left}tr:nth-child(even){background:#f5f5f5}
.missed{color:#b00020;font-weight:600}.met{color:#1e8449}.held{color:#777}
figure{display:inline-block;margin:.6em .4em;vertical-align:top;width:390px}figcaption{font-size:13px}
svg text{font:10px system-ui,sans-serif;fill:#555}.key span{margin-right:1.2em;white-space:nowrap}
</style>"""
INTRODUCTION = """<p>Costs are seconds in which a simulated server had requests to serve, with true costs
measured on a real machine. <b>Regret</b> is the policy's cost beyond that of the best single plan in
hindsight, <b>once settled</b> the same after the window of the first switch; the <b>optimum</b> knows
the future and pays for its switches. Curves are cumulative cost over the windows of the script, less the
best plan's: below zero is better than any fixed plan.</p>"""


def render(results: Sequence[Document], real: str = "") -> str:
    """The whole page; `real` is its section on real servers."""
    parts = [HEAD, "<h1>The policy's regret</h1>", *_simulated(results), real]
    return "\n".join(parts) + "</html>\n"


def _simulated(results: Sequence[Document]) -> list[str]:
    if not results:
        return []
    missed = sum(bool(result["missed"]) for result in results)
    verdict = f"{len(results) - missed} of {len(results)} traces are within their targets."
    style = "missed" if missed else "met"
    told = [INTRODUCTION, f'<p class="{style}">{verdict}</p>', _table(results)]
    return [*told, "<h2>Cost over time</h2>" + _key(), *map(_figure, results)]


def _table(results: Sequence[Document]) -> str:
    head = (
        "trace",
        "model",
        "windows",
        "best plan",
        "regret",
        "once settled",
        "/ start",
        "/ optimum",
        "switches",
        "",
    )
    rows = "".join(_row(result) for result in results)
    return f"<table><tr>{''.join(f'<th>{it}</th>' for it in head)}</tr>{rows}</table>"


def _row(result: Document) -> str:
    held = " <span class=held>(held out)</span>" if result["heldOut"] else ""
    missed = escape("; ".join(result["missed"]))
    cells = (
        escape(result["trace"]) + held,
        escape(result["model"]),
        result["windows"],
        escape(result["best"]),
        f"{100 * result['regret']:z.1f} %",
        f"{100 * result['settledRegret']:z.1f} %",
        f"{result['overStart']:.2f}",
        f"{result['overOptimum']:.2f}",
        len(result["moves"]),
        f'<span class="missed">{missed}</span>',
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _key() -> str:
    return (
        "<p class=key>"
        + "".join(f'<span style="color:{colour}">▬ {name}</span>' for name, colour in COLOURS.items())
        + "</p>"
    )


def _figure(result: Document) -> str:
    title = f"<b>{escape(result['trace'])}</b>, {escape(result['model'])}: {escape(result['about'])}"
    switches = ", ".join(
        f"{move['plan']} at {move['at']:.0f} s ({move['reason']})" for move in result["moves"][:6]
    )
    caption = f"{title}<br>{escape(switches or 'no switch')}"
    return f"<figure>{_plot(result)}<figcaption>{caption}</figcaption></figure>"


def _plot(result: Document) -> str:
    costs = result["costs"]
    base = list(accumulate(costs[result["best"]]))
    total = base[-1] or 1.0
    curves = {
        name: [100 * (mine - best) / total for mine, best in zip(accumulate(found), base, strict=False)]
        for name, found in costs.items()
    }
    top = min(max(30.0, 2.5 * max(curves["policy"])), 300.0)
    low = min(-5.0, *(min(curve) for curve in curves.values()))
    count = max(len(base) - 1, 1)

    def place(number: int, value: float) -> str:
        across = LEFT + (WIDTH - LEFT - 6) * number / count
        down = TOP + (HEIGHT - TOP - BOTTOM) * (top - min(value, top)) / (top - low)
        return f"{across:.1f},{down:.1f}"

    lines = "".join(
        f'<polyline fill="none" stroke="{COLOURS.get(name, "#000")}" '
        f'stroke-width="{2.5 if name == "policy" else 1.2}" '
        f'points="{" ".join(place(number, value) for number, value in enumerate(curve))}"/>'
        for name, curve in curves.items()
    )
    zero = place(0, 0.0).split(",")[1]
    axis = f'<line x1="{LEFT}" x2="{WIDTH}" y1="{zero}" y2="{zero}" stroke="#ccc"/>'
    labels = (
        f'<text x="2" y="{TOP + 8}">{top:.0f} %</text><text x="2" y="{zero}">0 %</text>'
        f'<text x="{LEFT}" y="{HEIGHT - 6}">window 1</text>'
        f'<text x="{WIDTH - 30}" y="{HEIGHT - 6}">{len(base)}</text>'
    )
    return f'<svg width="{WIDTH}" height="{HEIGHT}" role="img">{axis}{lines}{labels}</svg>'
