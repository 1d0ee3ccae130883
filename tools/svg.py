"""Pictures as files of their own: readable on light and on dark pages."""

import html
from collections.abc import Iterable

_STYLE = """
:root { --paper: #ffffff; --ink: #1b212c; --soft: #5b6573; --rule: #d5d8dc; --infer: #0f766e;
  --compile: #c2571b; --wait: #e6e8eb; --sample: #2c5fb3;
  --padding: #ffffff; --refuse: #b42318; --on: #ffffff; }
@media (prefers-color-scheme: dark) { :root { --paper: #1a1f28; --ink: #e8eaee; --soft: #a3adba;
  --rule: #3a4350; --infer: #4fc9bd; --compile: #f2a06d; --wait: #333b47; --sample: #83b0ff;
  --padding: #1a1f28;
  --refuse: #ff8b80; --on: #14181f; } }
text { font: 13px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: var(--ink); }
.soft { fill: var(--soft); } .on { fill: var(--on); font-weight: 600; }
.big { font-size: 20px; font-weight: 700; }
.middle { text-anchor: middle; } .end { text-anchor: end; } .bold { font-weight: 600; }
.paper { fill: var(--paper); stroke: var(--rule); } .rule { stroke: var(--rule); }
.line { stroke: var(--soft); }
.infer { fill: var(--infer); } .compile { fill: var(--compile); } .wait { fill: var(--wait); }
.refuse { fill: var(--refuse); } .sample { fill: var(--sample); }
.padding { fill: var(--padding); stroke: var(--sample); stroke-dasharray: 3 2; }
.faint { opacity: 0.25; } .mark { stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 5 4; }
"""


def document(width: float, height: float, told: str, marks: Iterable[str]) -> str:
    """A picture; `told` says in words what it shows."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img" aria-labelledby="told">'
        f'<title id="told">{html.escape(told)}</title>'
        f"<style>{_STYLE}</style>\n"
        f'<rect class="paper" x="0.5" y="0.5" width="{width - 1:g}" height="{height - 1:g}" rx="10"/>\n'
        + "\n".join(marks)
        + "\n</svg>\n"
    )


def text(x: float, y: float, said: str, style: str = "") -> str:
    """Words that begin at x, or as the style says."""
    return f'<text class="{style}" x="{x:g}" y="{y:g}">{html.escape(said)}</text>'


def box(x: float, y: float, size: tuple[float, float], style: str) -> str:
    """A rounded box."""
    return f'<rect class="{style}" x="{x:g}" y="{y:g}" width="{size[0]:g}" height="{size[1]:g}" rx="4"/>'


def line(start: tuple[float, float], end: tuple[float, float], style: str) -> str:
    """A straight line."""
    return f'<line class="{style}" x1="{start[0]:g}" y1="{start[1]:g}" x2="{end[0]:g}" y2="{end[1]:g}"/>'
