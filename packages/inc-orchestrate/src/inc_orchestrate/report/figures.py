"""Numbers as people read them."""

from __future__ import annotations

FRACTIONS = frozenset({"accuracy", "topk", "agreement"})
"""Metrics whose values are fractions and are shown in percent; every other metric is shown in its own unit."""


def is_fraction(metric: str) -> bool:
    """Whether a metric's first word names a fraction of samples: ``"agreement (label-free)"`` does."""
    words = metric.replace("-", " ").replace("(", " ").split()
    return any(word.lower() in FRACTIONS for word in words)


def short(metric: str) -> str:
    """A metric's name for the head of a column: what comes before ``with`` or a parenthesis."""
    return metric.partition(" with ")[0].partition(" (")[0]


def score(metric: str, value: float | None) -> str:
    """A metric's value: ``76.13`` (percent) for fractions, four digits otherwise, ``-`` where nothing was measured."""
    if value is None:
        return "-"
    return f"{value * 100:.2f}" if is_fraction(metric) else f"{value:.4g}"


def unit(metric: str) -> str:
    """What stands behind a score: a percent sign for fractions."""
    return " %" if is_fraction(metric) else ""


def change(metric: str, value: float | None, original: float | None) -> str:
    """A difference with its sign, in points (hundredths) for fractions: ``-0.30 points``."""
    if value is None or original is None:
        return "-"
    difference = value - original
    return f"{difference * 100:+.2f} points" if is_fraction(metric) else f"{difference:+.4g}"


def size(count: int | None) -> str:
    """Bytes in a unit that leaves one to four digits before the point: ``98.1 MB`` (powers of 1000)."""
    if count is None:
        return "-"
    value = float(count)
    for name in ("B", "kB", "MB"):
        if value < 1000.0:
            return f"{value:.0f} B" if name == "B" else f"{value:.3g} {name}"
        value /= 1000.0
    return f"{value:.3g} GB"


def duration(seconds: float) -> str:
    """Seconds as ``0.8 s``, ``42 s``, ``3 min 5 s`` or ``2 h 4 min``."""
    if seconds < 10.0:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def latency(seconds: float) -> str:
    """Milliseconds with three digits: ``0.0712``, ``10.6``, ``2350``."""
    value = seconds * 1e3
    return f"{value:.0f}" if value >= 1000.0 else f"{value:.3g}"


def percent(fraction: float) -> str:
    """A share as ``12.3 %``, and ``<0.1 %`` for what is there but would round to nothing."""
    if 0.0 < fraction < 0.0005:
        return "<0.1 %"
    return f"{fraction * 100:.1f} %"


def printable(text: str) -> str:
    """Spell out characters that would steer a terminal or that no file can hold: names in models are written by others."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
