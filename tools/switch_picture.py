"""The switch of a real run, drawn: `python -m tools.switch_picture build/demo/report.json docs/images`.

`switch.json` keeps the figures of the run, `switch.svg` is drawn from them alone.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools import svg

_WIDTH, _HEIGHT = 760.0, 300.0
_LEFT, _RIGHT, _TOP, _FLOOR = 56.0, 20.0, 92.0, 236.0
_STEPS = (10, 20, 25, 50, 100, 200, 250, 500, 1000)

Figures = dict[str, Any]


def take_figures(report: Figures) -> Figures:
    """What the picture needs of a report of `make demo`. Raises ValueError without one switch."""
    if not report["success"] or len(report["switches"]) != 1:
        raise ValueError("expected the report of a run that succeeded, with one switch")
    sides = ("start", "end", "strategy", "samples_per_s", "p50_ms", "reloads")
    return {
        "before": {key: report["before"][key] for key in sides},
        "after": {key: report["after"][key] for key in sides},
        "switched_at_s": report["switches"][0]["at_s"],
        "sentence": report["decision"]["message"],
        "failed_requests": report["failed_requests"],
        "requests": report["requests"],
        "traffic": report["traffic"],
        "cores": report["machine"]["cores"],
    }


def render(figures: Figures) -> str:
    """The picture."""
    before, after = figures["before"], figures["after"]
    told = (
        f"{before['strategy']}: {before['samples_per_s']:.0f} samples a second; after the switch at "
        f"{figures['switched_at_s']:.0f} s {after['strategy']}: {after['samples_per_s']:.0f}. "
        f"{figures['failed_requests']} of {figures['requests']} requests failed."
    )
    return svg.document(_WIDTH, _HEIGHT, told, _marks(figures))


def _marks(figures: Figures) -> Iterator[str]:
    traffic = figures["traffic"]
    yield svg.text(18, 32, "A switch, as its clients saw it", "big")
    clients, cores = f"{traffic['clients']} clients", f"{figures['cores']} cores"
    yield svg.text(18, 54, f"samples a second; {clients}, {traffic['batch_sizes']}, {cores}", "soft")
    top = _round_up(max(figures[side]["samples_per_s"] for side in ("before", "after")))
    yield from _axis(top)
    for side, style in (("before", "compile"), ("after", "infer")):
        yield from _stretch(figures, side, style, top)
    yield from _switch(figures)


def _axis(top: float) -> Iterator[str]:
    for value in (0, top / 2, top):
        y = _y(value, top)
        yield svg.line((_LEFT, y), (_WIDTH - _RIGHT, y), "rule")
        yield svg.text(_LEFT - 8, y + 4, f"{value:g}", "soft end")


def _stretch(figures: Figures, side: str, style: str, top: float) -> Iterator[str]:
    found = figures[side]
    start, end = _x(found["start"], figures), _x(found["end"], figures)
    rate = found["samples_per_s"]
    y = _y(rate, top)
    yield svg.box(start, y, (end - start, _FLOOR - y), f"{style} faint")
    yield svg.box(start, y - 2, (end - start, 4), style)
    middle = (start + end) / 2
    yield svg.text(middle, y - 28, found["strategy"], "bold middle")
    yield svg.text(middle, y - 10, f"{rate:.0f} samples/s", "bold middle")
    told = f"{found['p50_ms']:.0f} ms median", _reloads(found["reloads"])
    for line, text in enumerate(reversed(told)):  # one below the other: a stretch may be short
        yield svg.text(middle, _FLOOR - 12 - 18 * line, text, "middle")


def _switch(figures: Figures) -> Iterator[str]:
    at = _x(figures["switched_at_s"], figures)
    yield svg.line((at, _TOP - 12), (at, _FLOOR), "mark")
    yield svg.text(at, _FLOOR + 18, f"switch at {figures['switched_at_s']:.0f} s", "bold middle")
    end = _x(figures["after"]["end"], figures)
    yield svg.text(end, _FLOOR + 18, f"{figures['after']['end']:.0f} s", "soft end")
    yield svg.text(_LEFT, _FLOOR + 18, "0 s", "soft")
    failed = f"{figures['failed_requests']} of {figures['requests']} requests failed"
    yield svg.text(
        _LEFT, _FLOOR + 46, f"A real run of make demo: {failed}, every answer as expected.", "soft"
    )


def _reloads(count: int) -> str:
    return f"{count} reload" if count == 1 else f"{count} reloads"


def _round_up(value: float) -> float:
    return float(next((step for step in _STEPS if step >= 1.15 * value), value))


def _x(seconds: float, figures: Figures) -> float:
    whole = float(figures["after"]["end"])
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * seconds / whole


def _y(value: float, top: float) -> float:
    return _FLOOR - (_FLOOR - _TOP) * value / top


def main() -> None:
    """Take the report's figures, and draw them."""
    report, folder = Path(sys.argv[1]), Path(sys.argv[2])
    figures = take_figures(json.loads(report.read_text()))
    (folder / "switch.json").write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n")
    (folder / "switch.svg").write_text(render(figures))


if __name__ == "__main__":
    main()
