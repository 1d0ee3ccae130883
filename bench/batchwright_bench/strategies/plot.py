"""The trials as a page of its own: bars with their intervals as SVG, no script, no network. Pure."""

import html
from collections.abc import Sequence

from batchwright_bench.figures.outcomes import PERCENTILES
from batchwright_bench.strategies.choice import Choice, Trial

_WIDTH, _ROW, _LEFT, _RIGHT = 760, 34, 110, 150
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:50em;margin:2em auto;padding:0 1em;color:#1c2330}"
    "svg{width:100%;height:auto}text{font:13px system-ui,sans-serif;fill:#1c2330}"
    ".bar{fill:#9db4d3}.best{fill:#2f6fb7}.whisker{stroke:#1c2330;stroke-width:1.5}"
    "pre{background:#f1f4f8;padding:1em;overflow:auto}table{border-collapse:collapse}"
    "td,th{padding:.2em .8em;text-align:right;border-bottom:1px solid #d5dce6}"
    "td:first-child{text-align:left}"
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
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{_text(title)}</title>",
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
    most = max((speed.value for speed in speeds), default=0.0) or 1.0
    scale = (_WIDTH - _LEFT - _RIGHT) / most
    rows = []
    for number, (trial, speed) in enumerate(zip(shown, speeds, strict=True)):
        top = number * _ROW
        kind = "bar best" if trial is choice.best else "bar"
        low, high = (_LEFT + scale * min(one, 1.1 * most) for one in (speed.low, speed.high))
        middle = top + _ROW / 2
        rows.append(
            f'<text x="{_LEFT - 8}" y="{middle + 4}" text-anchor="end">{trial.strategy.value}</text>'
            f'<rect class="{kind}" x="{_LEFT}" y="{top + 5}" width="{scale * speed.value:.1f}" '
            f'height="{_ROW - 10}"/>'
            f'<line class="whisker" x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}"/>'
            f'<text x="{_WIDTH - _RIGHT + 60}" y="{middle + 4}">{speed.value:.1f}</text>'
        )
    return f'<svg viewBox="0 0 {_WIDTH} {len(shown) * _ROW}" role="img">{"".join(rows)}</svg>'


def _latencies(trials: Sequence[Trial]) -> str:
    heads = "".join(f"<th>{percent:g} %</th>" for percent in PERCENTILES)
    rows = []
    for trial in trials:
        if trial.result is not None:
            histogram = trial.result.histogram
            cells = "".join(f"<td>{histogram.percentile(percent):.1f}</td>" for percent in PERCENTILES)
            rows.append(f"<tr><td>{trial.strategy.value}</td>{cells}<td>{trial.reloads}</td></tr>")
    head = f"<tr><td>ms within</td>{heads}<th>reloads</th></tr>"
    return f"<table>{head}{''.join(rows)}</table>"


def _text(text: str) -> str:
    return html.escape(text)
