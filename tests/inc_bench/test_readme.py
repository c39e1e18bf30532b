"""The README's examples run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[2] / "packages" / "inc-bench" / "README.md"


def test_the_readmes_python_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (snippet,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(snippet, str(README), "exec"), {})
    latency, ratio = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"\d+\.\d\d ms, p99 \d+\.\d\d ms", latency)
    assert float(ratio.split("x")[0]) > 1.5  # four times the work; generous, so that a busy machine does not fail the test
