"""Put a report into a folder."""

from __future__ import annotations

from pathlib import Path

from inc_config.errors import StoreError
from inc_config.files import atomic_write

from inc_orchestrate.report.document import Document
from inc_orchestrate.report.html import to_html
from inc_orchestrate.report.markdown import to_markdown


def write_report(document: Document, folder: Path) -> tuple[Path, Path]:
    """Write ``report.md`` and ``report.html`` and return their paths; an older report is replaced whole or not at all.

    Raises:
        StoreError: the folder cannot be written.
    """
    paths = folder / "report.md", folder / "report.html"
    try:
        for path, text in zip(paths, (to_markdown(document), to_html(document)), strict=True):
            atomic_write(path, text.encode())
    except OSError as error:
        raise StoreError(
            f"The report cannot be written: {error.strerror or error}.", where=str(folder), fix="make room, or give a folder you may write"
        ) from error
    return paths
