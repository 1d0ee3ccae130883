"""The report as one page: no scripts, no network, light or dark as the reader has it."""

import html
from pathlib import Path
from typing import Any

from example_client.demo import chart

_STYLE = Path(__file__).with_name("page.css")
_WIDTH, _HEIGHT = 860.0, 260.0


def render(report: dict[str, Any]) -> str:
    """The whole page."""
    parts = [_render_contest(contest) for contest in report["contests"]]
    if report["footprint"]:
        rows = "".join(
            f"<tr><td>{html.escape(name)}</td><td>{value:,.1f}</td></tr>"
            for name, value in report["footprint"].items()
        )
        parts.append(f"<h2>Start and memory</h2><table>{rows}</table>")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>Batchwright: serving, side by side</title>"
        f"<style>{_STYLE.read_text('utf-8')}</style></head>"
        f"<body><h1>Serving, side by side</h1>{''.join(parts)}</body></html>\n"
    )


def _render_contest(contest: dict[str, Any]) -> str:
    heads = (
        contest["unit"],
        "ratio",
        "half of the rounds",
        "wanted",
        "p50 ms",
        "p99 ms",
        "CPU µs a request",
    )
    header = "".join(f"<th>{html.escape(head)}</th>" for head in ("", *heads))
    rows = "".join(_render_row(name, found) for name, found in contest["contestants"].items())
    note = f"Ratios are to {contest['reference']}, round by round. {contest['note']}"
    return (
        f'<h2>{html.escape(contest["title"])}</h2><p class="note">{html.escape(note)}</p>'
        f"<table><tr>{header}</tr>{rows}</table>{_plot(contest)}"
    )


def _render_row(name: str, found: dict[str, Any]) -> str:
    low, median, high = found["ratio"]
    wanted = "" if found["wanted"] is None else f"{found['wanted']:.2f}"
    style = {None: "", True: "good", False: "bad"}[found["is_reached"]]
    cells = (
        f"{found['per_second'][1]:,.1f}",
        f'<b class="{style}">{median:.2f}</b>',
        f"{low:.2f} to {high:.2f}",
        wanted,
        f"{found['p50_ms']:.2f}",
        f"{found['p99_ms']:.2f}",
        f"{found['server_cpu_us']:,.0f}",
    )
    return f"<tr><td>{html.escape(name)}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _plot(contest: dict[str, Any]) -> str:
    """Every turn of every contestant as a dot."""
    contestants = contest["contestants"]
    top = max((value for found in contestants.values() for value in found["turns"]), default=1.0)
    frame = chart.Frame(_WIDTH, _HEIGHT, (0.0, float(len(contestants))), top)
    marks = [chart.axes(frame, "", [])]
    for place, (name, found) in enumerate(contestants.items()):
        marks.append(
            f'<text class="label" x="{frame.x(place + 0.5):.0f}" y="{_HEIGHT - 14:.0f}" '
            f'text-anchor="middle">{html.escape(name)}</text>'
        )
        for number, value in enumerate(found["turns"]):
            at = place + 0.3 + 0.4 * number / max(len(found["turns"]) - 1, 1)
            told = f"{name}, round {number + 1}: {value:,.1f} {contest['unit']}"
            marks.append(chart.dot(frame, (at, value), style="dot", title=told))
    return frame.render(marks, f"{contest['title']}: {contest['unit']} in every round")
