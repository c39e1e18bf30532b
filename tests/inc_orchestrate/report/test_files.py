from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from inc_config.errors import StoreError
from inc_orchestrate.report import write_report
from inc_orchestrate.report.document import Document


def test_both_reports_are_written_and_replaced(document_of: Callable[[str], Document], tmp_path: Path) -> None:
    write_report(document_of("first é"), tmp_path)
    paths = write_report(document_of("second é"), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.md"]
    assert all("second é" in path.read_text(encoding="utf-8") for path in paths)


def test_a_folder_that_cannot_be_written_is_named(document_of: Callable[[str], Document], tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(StoreError, match=r"cannot be written.*\n  where: .*missing"):
        write_report(document_of("x"), missing)
