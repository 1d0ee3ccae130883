"""The report's section on real servers: a table, and a plot of every run beside what was simulated."""

from collections.abc import Sequence
from html import escape
from typing import Any

from benchmarks.policy.page import COLOURS

Document = dict[str, Any]

WIDTH, LEFT, RIGHT, ROW, TOP, BOTTOM = 560, 150, 60, 30, 6, 24
KINDS = ("real", "simulated", "disturbed")
INTRODUCTION = """<p>The same requests by gRPC to a real server of one's own for each run, and to the
simulator with the costs that such a server had measured of itself at the start of the round. Cost is
the seconds with requests in the server. Ratios are real to simulated of the same round; regret is the
policy's real cost beyond the best fixed plan's of the same round. Spreads are from the lower to the
upper quartile of the rounds. <b>Others</b> is how many processors other programs used meanwhile; a
simulated server has the machine to itself, <b>with what was left</b> it has no more processors than
those left to the real one. <b>Of work</b> is the ratio of processor seconds, which others disturb
little.</p>"""


def render(document: Document) -> str:
    """The section; nothing without runs."""
    found = document.get("cases", [])
    if not found:
        return ""
    told = dict.fromkeys(_machine(case) for case in found)
    figures = "".join(_figure(case) for case in found)
    return (
        f"<h2 id=real>Against real servers</h2>{INTRODUCTION}<p class=held>{escape(' '.join(told))}</p>"
        f"{_table(found)}<h3>Every run</h3><p>Bars and dots: real, the median and each round. "
        f"Strokes: simulated, broken ones with what others left.</p>{figures}"
    )


def _machine(case: Document) -> str:
    machine, others = case["machine"], case["measuredForeignProcessors"]
    low, high = machine["load"]
    return (
        f"{case['model']}: {machine['processor']}, {machine['cores']} cores, {machine['date']}, "
        f"{case['rounds']} rounds, load average {low} to {high}; others used "
        f"{', '.join(f'{each:.1f}' for each in others)} processors while plans were measured."
    )


def _table(found: Sequence[Document]) -> str:
    head = (
        "model, trace",
        "plan",
        "real s",
        "simulated s",
        "ratio",
        "with what was left",
        "of work",
        "others",
    )
    rows = "".join(_row(case, name) for case in found for name in case["plans"])
    heads = "".join(f"<th>{it}</th>" for it in head)
    return f'<table style="white-space:nowrap"><tr>{heads}</tr>{rows}</table>'


def _row(case: Document, name: str) -> str:
    plan = case["plans"][name]
    cells = (
        escape(f"{case['model']}, {case['trace']}"),
        escape(name),
        f"{plan['real'][1]:.1f}",
        f"{plan['simulated'][1]:.1f}",
        _spread(plan["ratio"], "{:.2f}"),
        _spread(plan["disturbedRatio"], "{:.2f}"),
        f"{plan['workRatio'][1]:.2f}",
        f"{plan['foreignProcessors'][1]:.1f}",
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _spread(numbers: Sequence[float], form: str) -> str:
    low, median, high = (form.format(number) for number in numbers)
    return f"<b>{median}</b> ({low} to {high})"


def _percent(numbers: Sequence[float] | None) -> str:
    return _spread([100 * number for number in numbers], "{:.1f}") + " %" if numbers else ""


def _figure(case: Document) -> str:
    title = f"<b>{escape(case['trace'])}</b>, {escape(case['model'])}: {escape(case['about'])}"
    caption = f"{title}; {case['requests']} requests.{_regret(case)}<br>{_switches(case)}"
    return f'<figure style="width:{WIDTH}px">{_plot(case)}<figcaption>{caption}</figcaption></figure>'


def _switches(case: Document) -> str:
    rounds = case["plans"].get("policy", {}).get("rounds", [])
    told = []
    for number, found in enumerate(rounds, 1):
        real, simulated = (_moves(found[kind]) for kind in ("moves", "simulatedMoves"))
        told.append(escape(f"Round {number}: {real}; simulated: {simulated}"))
    return "<br>".join(told)


def _regret(case: Document) -> str:
    real, simulated = _percent(case["regret"]), _percent(case["simulatedRegret"])
    return f"<br>The policy's regret: {real}; simulated: {simulated}" if real else ""


def _moves(moves: Sequence[Document]) -> str:
    return ", ".join(f"{move['plan']} at {move['at']:.0f} s" for move in moves) or "no switch"


def _plot(case: Document) -> str:
    plans = case["plans"]
    most = max(sum(found[kind]) for plan in plans.values() for found in plan["rounds"] for kind in KINDS)
    scale = (WIDTH - LEFT - RIGHT) / (most or 1.0)
    height = TOP + ROW * len(plans) + BOTTOM
    rows = "".join(_bar(name, plan, number, scale) for number, (name, plan) in enumerate(plans.items()))
    axis = f'<text x="{LEFT}" y="{height - 8}">0</text>'
    end = f'<text x="{WIDTH - RIGHT}" y="{height - 8}" text-anchor="end">{most:.0f} s</text>'
    return f'<svg width="{WIDTH}" height="{height}" role="img">{rows}{axis}{end}</svg>'


def _bar(name: str, plan: Document, number: int, scale: float) -> str:
    top, colour = TOP + ROW * number, COLOURS.get(name, "#000")
    middle = top + ROW / 2
    end = LEFT + scale * plan["real"][1]
    parts = [
        f'<text x="{LEFT - 8}" y="{middle + 4}" text-anchor="end">{escape(name)}</text>',
        f'<rect x="{LEFT}" y="{top + 6}" width="{end - LEFT:.1f}" height="{ROW - 12}" fill="{colour}" '
        'fill-opacity=".35"/>',
    ]
    for found in plan["rounds"]:
        real, *simulated = (LEFT + scale * sum(found[kind]) for kind in KINDS)
        parts.append(f'<circle cx="{real:.1f}" cy="{middle}" r="3.5" fill="{colour}"/>')
        for at, dashes in zip(simulated, ("none", "3 2"), strict=True):
            parts.append(
                f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{top + 2}" y2="{top + ROW - 2}" '
                f'stroke="#222" stroke-width="1.5" stroke-dasharray="{dashes}"/>'
            )
    parts.append(f'<text x="{WIDTH - RIGHT + 8}" y="{middle + 4}">x {plan["ratio"][1]:.2f}</text>')
    return "".join(parts)
