"""The page as HTML: a part with a name for everything that changes by itself."""

import html
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from batchwright_operator.local.page import drawings
from batchwright_operator.local.page.sheets import (
    Change,
    ModelSheet,
    PlanCosts,
    ServerSheet,
    Sheet,
)

_NOTHING = "\N{EN DASH}"


def render_page(sheet: Sheet) -> str:
    """The whole document. The script exchanges parts for those of a newer board."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<title>Batchwright</title><link rel="icon" href="data:,">'
        '<link rel="stylesheet" href="page.css"><script src="page.js" defer></script>'
        '<noscript><meta http-equiv="refresh" content="5"></noscript></head>'
        '<body><header><h1>Batchwright</h1><p id="link" role="status">Connecting</p></header>'
        f'<main id="board">{render_board(sheet)}</main>'
        "<footer>Rates are of the last 10 seconds, all else of the last minute. Times are UTC.</footer>"
        "</body></html>\n"
    )


def render_board(sheet: Sheet) -> str:
    """What changes, on one line."""
    faults = "".join(f'<p class="fault">{_lines(text)}</p>' for text in sheet.faults)
    servers = "".join(_server(server, sheet.at) for server in sheet.servers)
    return (
        _part("faults", faults, more='role="alert"')
        + _part("clock", f"As of {_clock(sheet.at)}", more='class="clock"')
        + (servers or '<p class="server" id="empty">No ModelServer runs yet.</p>')
    )


def _server(server: ServerSheet, now: float) -> str:
    trouble = f'<p class="trouble">{_lines(server.trouble)}</p>' if server.trouble else ""
    place = _name("server", server.name)
    where = _part(
        f"{place}-where", f"<p>{_text(server.addresses.removeprefix(f'{server.name}: '))}</p>{trouble}"
    )
    models = "".join(_model(model, _name(place, model.name), now) for model in server.models)
    return (
        f'<section class="server" id="{place}" aria-labelledby="{place}-title">'
        f'<h2 id="{place}-title">{_text(server.name)}</h2>{where}{models}</section>'
    )


def _model(model: ModelSheet, place: str, now: float) -> str:
    past = _part(f"{place}-past", _past(model.changes), more='role="log"')
    parts = (
        f'<h3 id="{place}-title">{_text(model.name)}</h3>',
        _part(f"{place}-plan", _plan(model)),
        _part(f"{place}-why", _why(model)),
        _part(f"{place}-figures", f"<dl>{''.join(_figures(model))}</dl>"),
        "<h4>Samples a second</h4>",
        _part(f"{place}-time", _timelines(model, now)),
        '<div class="two"><div><h4>Batch sizes</h4>',
        _part(f"{place}-sizes", drawings.bars(model.sizes)),
        f"</div><div><h4>Switches</h4>{past}</div></div>",
        "<h4>What each plan costs</h4>",
        _part(f"{place}-costs", _costs(model.plans)),
    )
    return (
        f'<article class="card" id="{place}" aria-labelledby="{place}-title">{"".join(parts)}</article>'
    )


def _timelines(model: ModelSheet, now: float) -> str:
    """The same for a wide page and for a narrow one; the style shows the one that fits."""
    widths = {"desk": drawings.WIDE, "phone": drawings.NARROW}
    return "".join(
        f'<div class="{kind}">{drawings.timeline(model.moments, now, width)}</div>'
        for kind, width in widths.items()
    )


def _plan(model: ModelSheet) -> str:
    strategy, streams = model.plan.strategy.value, model.plan.streams.value
    since = f" since {_text(_since(model.since))}" if model.since else ""
    state = "well" if model.is_well else "ill"
    return (
        f'<p class="plan"><strong class="badge {strategy}">{strategy}</strong> '
        f'<span>streams: {streams}{since}</span> <span class="{state}">{_text(model.state)}</span></p>'
    )


def _why(model: ModelSheet) -> str:
    if not model.sentence:
        return '<p class="why">As the user chose.</p>'
    return (
        f'<p class="why">{_text(model.sentence)} <span class="reason">{_text(model.reason)}</span></p>'
    )


def _figures(model: ModelSheet) -> Iterator[str]:
    rates, latency = model.rates, model.latency
    figures = {
        "requests/s": f"{rates.requests:.1f}",
        "samples/s": f"{rates.samples:.1f}",
        "mean ms": f"{rates.mean_ms:.0f}" if rates.mean_ms else _NOTHING,
        "p50 ms, about": f"{latency.p50_ms:.0f}" if latency else _NOTHING,
        "p99 ms, about": f"{latency.p99_ms:.0f}" if latency else _NOTHING,
        "reloads/min": f"{rates.reloads_per_minute:.1f}",
        "reloads in all": f"{model.reloads}",
        "in reload queue": f"{model.queue_depth}",
        "padding": f"{model.padding_percent:.0f} %",
        "failed": f"{model.failures}",
    }
    for name, value in figures.items():
        yield f"<div><dt>{name}</dt><dd>{value}</dd></div>"


def _past(changes: Iterable[Change]) -> str:
    items = [
        f"<li><time>{_clock(one.at)}</time> {_text(one.source)} → <strong>{_text(one.target)}</strong>"
        f"<br>{_text(one.message)}</li>"
        for one in reversed(tuple(changes))
    ]
    return f"<ol>{''.join(items)}</ol>" if items else "<p>None since this program was started.</p>"


def _costs(plans: Iterable[PlanCosts]) -> str:
    plans = tuple(plans)
    sizes = sorted({size for plan in plans for size in plan.alone or ()})
    heads = ["plan", "samples/s predicted", "cost, reloads too", "work predicted", "work measured"]
    heads += [f"alone, {size}" for size in sizes]
    header = "".join(f'<th scope="col">{head}</th>' for head in heads)
    rows = "".join(_row(plan, sizes) for plan in plans)
    return (
        '<p class="note">Milliseconds of a mean request; alone: of a request of so many samples by '
        "itself, as measured.</p>"
        '<div class="wide" tabindex="0" role="region" aria-label="Costs of each plan">'
        f"<table><thead><tr>{header}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(plan: PlanCosts, sizes: Iterable[int]) -> str:
    name = plan.plan.strategy.value
    serving = " <em>serves</em>" if plan.is_serving else ""
    alone = plan.alone or {}
    rate = _NOTHING if plan.rate is None else f"{plan.rate:.0f}"
    numbers = [plan.cost_ms, plan.work_ms, plan.measured_ms, *(alone.get(size) for size in sizes)]
    cells = "".join(f"<td>{text}</td>" for text in (rate, *map(_milliseconds, numbers)))
    source = f" <small>{_text(plan.source)}</small>" if plan.source else ""
    badge = f'<i class="dot {name}"></i>{name}, {plan.plan.streams.value}'
    return f'<tr><th scope="row">{badge}{serving}{source}</th>{cells}</tr>'


def _milliseconds(value: float | None) -> str:
    if value is None:
        return _NOTHING
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _part(name: str, content: str, more: str = "") -> str:
    return f'<div id="{name}" data-part{f" {more}" if more else ""}>{content}</div>'


def _name(*parts: str) -> str:
    """An element's name; names of objects and models may have dots."""
    return "-".join(html.escape(part.replace(" ", "_")) for part in parts)


def _text(text: str) -> str:
    return html.escape(" ".join(text.split()))


def _lines(text: str) -> str:
    return "<br>".join(html.escape(line) for line in text.splitlines())


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S")


def _since(stamp: str) -> str:
    """The time of day of an RFC 3339 time, with its date."""
    return stamp.replace("T", " ").removesuffix("Z")
