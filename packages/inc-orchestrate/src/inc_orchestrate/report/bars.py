"""Bars as inline SVG."""

from __future__ import annotations

import html

from inc_orchestrate.report.document import Bars
from inc_orchestrate.report.figures import printable

_WIDTH, _LABELS, _VALUES, _ROW, _THICK = 760, 230, 110, 22, 14
_LONGEST_LABEL = 32
"""Characters that fit into the label column at the font size below; the full name is in the bar's title."""


def escape(text: str) -> str:
    """Text as HTML and SVG show it, in content and in attributes."""
    return html.escape(printable(text))


def to_svg(bars: Bars) -> str:
    """Draw horizontal bars, one row each; a value of 0 keeps its row without a bar.

    Colours come from the page's custom properties ``--bar`` and ``currentColor``, so that the drawing follows light and dark.
    """
    longest = max((bar.value for bar in bars.bars), default=0.0)
    room = _WIDTH - _LABELS - _VALUES
    rows = []
    for index, bar in enumerate(bars.bars):
        middle = index * _ROW + _ROW / 2
        length = room * bar.value / longest if longest > 0.0 else 0.0
        rows.append(
            f"<g><title>{escape(bar.label)}: {escape(bar.text)}</title>"
            f'<text x="{_LABELS - 8}" y="{middle:g}" text-anchor="end">{escape(_shortened(bar.label))}</text>'
            f'<rect x="{_LABELS}" y="{middle - _THICK / 2:g}" width="{length:.1f}" height="{_THICK}" rx="2" style="fill: var(--bar)"/>'
            f'<text x="{_LABELS + length + 6:.1f}" y="{middle:g}">{escape(bar.text)}</text></g>'
        )
    height = len(bars.bars) * _ROW
    style = "font: 12px system-ui, sans-serif; fill: currentColor; dominant-baseline: central"
    caption = escape(bars.caption)
    body = "\n".join(rows)
    return f'<svg viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" role="img" aria-label="{caption}" style="{style}">\n{body}\n</svg>'


def _shortened(label: str) -> str:
    """Keep the end of a long name: that is where names of operators differ."""
    return label if len(label) <= _LONGEST_LABEL else "…" + label[1 - _LONGEST_LABEL :]
