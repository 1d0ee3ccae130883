"""The trials as a page of its own: bars with their intervals as SVG, no script, no network. Pure."""

import html
from collections.abc import Sequence

from batchwright_bench.figures.intervals import Interval
from batchwright_bench.figures.outcomes import PERCENTILES
from batchwright_bench.strategies.choice import Choice, Trial

_WIDTH, _ROW, _LEFT, _RIGHT = 480, 34, 92, 52  # narrow enough for letters that a phone can show
_STYLE = (
    ":root{color-scheme:light dark;--paper:#fff;--ink:#1c2330;--bar:#9db4d3;--best:#2f6fb7;"
    "--rule:#d5dce6;--block:#f1f4f8}@media(prefers-color-scheme:dark){:root{--paper:#12151b;--ink:#e8eaee;--bar:#44566f;"
    "--best:#5b9be0;--rule:#333b47;--block:#1a1f28}}"
    "body{font:15px/1.5 system-ui,sans-serif;max-width:50em;margin:2em auto;padding:0 1em;"
    "color:var(--ink);background:var(--paper)}h1{font-size:1.5em}h2{font-size:1.15em}"
    "svg{width:100%;max-width:620px;height:auto}text{font:14px system-ui,sans-serif;fill:var(--ink)}"
    ".bar{fill:var(--bar)}.best{fill:var(--best)}.whisker{stroke:var(--ink);stroke-width:1.5}"
    ".wide{overflow-x:auto}pre{background:var(--block);padding:1em;overflow:auto}"
    "table{border-collapse:collapse}td:first-child,th:first-child{text-align:left;padding-left:0}"
    "td,th{padding:.2em .6em;text-align:right;border-bottom:1px solid var(--rule)}"
)


def render(
    title: str, trials: Sequence[Trial], choice: Choice, blocks: Sequence[tuple[str, str]]
) -> str:
    """The page; `blocks`: texts to paste, each with its heading."""
    pasted = "".join(f"<h2>{_text(name)}</h2><pre>{_text(block)}</pre>" for name, block in blocks)
    refused = "".join(
        f"<li>{_text(trial.strategy.value)}: {_text(trial.reason)}</li>"
        for trial in trials
        if trial.reason
    )
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width,initial-scale=1'>"
        f"<title>{_text(title)}</title>",
        f"<style>{_STYLE}</style><h1>{_text(title)}</h1><p><strong>{_text(choice.sentence)}</strong></p>",
        f"<h2>Samples per second</h2>{_bars(trials, choice)}",
        f"<h2>Latencies</h2>{_latencies(trials)}",
        f"<h2>Not served</h2><ul>{refused}</ul>" if refused else "",
        pasted,
        "</html>\n",
    ]
    return "\n".join(part for part in parts if part)


def _bars(trials: Sequence[Trial], choice: Choice) -> str:
    shown = [trial for trial in trials if trial.result is not None]
    speeds = [trial.result.samples_per_second for trial in shown if trial.result is not None]
    most = max((_reach(speed) for speed in speeds), default=0.0) or 1.0
    scale = (_WIDTH - _LEFT - _RIGHT) / most
    rows = []
    for number, (trial, speed) in enumerate(zip(shown, speeds, strict=True)):
        top = number * _ROW
        kind = "bar best" if trial is choice.best else "bar"
        low, high = (_LEFT + scale * min(one, most) for one in (speed.low, speed.high))
        middle = top + _ROW / 2
        rows.append(
            f'<text x="{_LEFT - 8}" y="{middle + 4}" text-anchor="end">{trial.strategy.value}</text>'
            f'<rect class="{kind}" x="{_LEFT}" y="{top + 5}" width="{scale * speed.value:.1f}" '
            f'height="{_ROW - 10}"/>'
            f'<line class="whisker" x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}"/>'
            f'<text x="{_WIDTH - _RIGHT + 8}" y="{middle + 4}">{speed.value:.1f}</text>'
        )
    told = ", ".join(
        f"{trial.strategy.value} {speed}" for trial, speed in zip(shown, speeds, strict=True)
    )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {len(shown) * _ROW}" role="img" '
        f'aria-label="Samples per second: {told}">{"".join(rows)}</svg>'
    )


def _reach(speed: Interval) -> float:
    """How far to the right a bar and its whisker go; one without end stops at twice the bar."""
    return min(speed.high, 2 * speed.value)


def _latencies(trials: Sequence[Trial]) -> str:
    heads = "".join(f"<th>{percent:g} %</th>" for percent in PERCENTILES)
    rows = []
    for trial in trials:
        if trial.result is not None:
            histogram = trial.result.histogram
            cells = "".join(f"<td>{histogram.percentile(percent):.1f}</td>" for percent in PERCENTILES)
            rows.append(f"<tr><td>{trial.strategy.value}</td>{cells}<td>{trial.reloads}</td></tr>")
    head = f"<tr><th>ms within</th>{heads}<th>reloads</th></tr>"
    return f"<div class=wide><table>{head}{''.join(rows)}</table></div>"


def _text(text: str) -> str:
    return html.escape(text)
