"""Read the small text files in which Linux describes itself."""

from __future__ import annotations

from pathlib import Path


def text_of(path: Path) -> str | None:
    """A file's text without surrounding blanks; None where it does not exist or may not be read."""
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return None


def number_of(path: Path) -> int | None:
    """A file's integer; None where there is none."""
    text = text_of(path)
    try:
        return None if text is None else int(text)
    except ValueError:
        return None


def cpus_of(path: Path) -> frozenset[int] | None:
    """A file's list of processors; None where there is none."""
    text = text_of(path)
    return None if text is None else parse_cpu_list(text)


def parse_cpu_list(text: str) -> frozenset[int] | None:
    """Read the kernel's list format (``"0-3,8"``, also with strides ``"0-6:2/4"``); None for an empty or unreadable list.

    Source:
        Linux, Documentation/core-api/printk-formats and lib/bitmap.c: ``range:used/group`` takes the first ``used`` of each ``group``.
    """
    found: set[int] = set()
    try:
        for part in filter(None, text.replace("\n", "").split(",")):
            span, _, stride = part.partition(":")
            first, dash, last = span.partition("-")
            numbers = range(int(first), int(last if dash else first) + 1)
            used, group = (int(value) for value in stride.split("/")) if stride else (1, 1)
            found |= {number for number in numbers if (number - numbers.start) % group < used}
    except (ValueError, ZeroDivisionError):
        return None
    return frozenset(found) or None


def cpu_list(cpus: frozenset[int] | tuple[int, ...]) -> str:
    """Write processors in the kernel's list format."""
    parts: list[str] = []
    ordered = sorted(cpus)
    start = 0
    for index in range(1, len(ordered) + 1):
        if index == len(ordered) or ordered[index] != ordered[index - 1] + 1:
            first, last = ordered[start], ordered[index - 1]
            parts.append(f"{first}" if first == last else f"{first}-{last}")
            start = index
    return ",".join(parts)
