"""The report as one page: no scripts, no network, light or dark as the reader has it."""

import html
from collections.abc import Sequence
from pathlib import Path

from example_client.demo import panels, periods, records, report, verdict

_STYLE = Path(__file__).with_name("page.css")


def render(story: report.Story) -> str:
    """The whole page."""
    run = story.run
    title = _title(story)
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        f'<p class="lead">{html.escape(_lead(story))}</p>',
        _render_decision(run),
        _render_table(run),
        _card("Throughput", "samples per second; the line is a mean over five", panels.throughput(run)),
        _card("Reloads", "compilations per second, from the server's counter", panels.reloads(run)),
        _card(
            "Latency",
            "milliseconds, one dot for each request; solid: median, dashed: 99th percentile",
            panels.latency(run),
        ),
        _card("Batch sizes", "percent of the requests", panels.batch_sizes(run)),
        _render_checks(story.checks),
        f'<details class="card"><summary>The manifest</summary><pre>{html.escape(story.manifest)}</pre>'
        "</details>",
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Batchwright: {html.escape(title)}</title>"
        f"<style>{_STYLE.read_text('utf-8')}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _title(story: report.Story) -> str:
    ratio = verdict.speedup(story.run)
    if story.is_success and ratio:
        return f"{ratio:.1f} times the throughput, and no client noticed the switch"
    return "The strategy stayed as it was" if not story.run.switches else "Not as promised"


def _lead(story: report.Story) -> str:
    run = story.run
    samples = sum(answer.samples for answer in run.answers if answer.is_ok)
    return (
        f"{story.offer.clients} clients sent {len(run.answers):,} requests over gRPC for "
        f"{run.ended:.0f} seconds, {story.offer}. All {samples:,} samples were compared with OpenVINO "
        f"run directly on the same images: {verdict.mismatched_samples(run)} differ. "
        f"{verdict.failed_requests(run)} requests failed."
    )


def _render_decision(run: records.Run) -> str:
    """What the policy said when it switched, and what it says at the end."""
    quotes = [
        (one.message, f"{one.source} to {one.target}, {one.at:.1f} s after the first request")
        for one in run.switches
    ]
    last = str(run.decision.get("message", ""))
    if quotes and last.startswith(quotes[-1][0].rstrip(".")):  # it tells the outcome as well
        quotes[-1] = (last, quotes[-1][1])
    elif last:
        quotes.append((last, "at the end"))
    return "".join(
        f"<blockquote>{html.escape(told)}<footer>{html.escape(when)}</footer></blockquote>"
        for told, when in quotes
    )


def _render_table(run: records.Run) -> str:
    stretches = periods.before_and_after(run)
    rows = "".join(map(_render_row, ("before", "after"), stretches)) if stretches else ""
    if not rows:
        strategy = run.readings[-1].strategy if run.readings else ""
        rows = _render_row("before", periods.observe(run, strategy, 0.0, run.ended))
    stall = periods.stall_around_switch(run)
    note = f"Longest time without any answer around the switch: {stall:.0f} ms." if stretches else ""
    heads = ("strategy", "seconds", "requests", "samples/s", "median ms", "99 % ms", "reloads")
    header = "".join(f"<th>{head}</th>" for head in heads)
    return f'<div class="card"><table><tr>{header}</tr>{rows}</table><p class="note">{note}</p></div>'


def _render_row(side: str, period: periods.Period) -> str:
    figures = (
        f"{period.end - period.start:.0f}",
        f"{period.requests:,}",
        f"{period.samples_per_s:.1f}",
        f"{period.p50_ms:,.0f}",
        f"{period.p99_ms:,.0f}",
        f"{period.reloads:,}",
    )
    name = f'<td class="key"><i class="{side}"></i>{html.escape(period.strategy)}</td>'
    return f"<tr>{name}{''.join(f'<td>{figure}</td>' for figure in figures)}</tr>"


def _render_checks(checks: Sequence[verdict.Check]) -> str:
    items = "".join(
        f'<li class="{"good" if check.is_kept else "bad"}">{html.escape(check.promise)} '
        f"<span>({html.escape(check.found)})</span></li>"
        for check in checks
    )
    return f'<div class="card"><h2>What was promised</h2><ul class="checks">{items}</ul></div>'


def _card(title: str, note: str, content: str) -> str:
    return f'<div class="card"><h2>{title}</h2><p class="note">{note}</p>{content}</div>'
