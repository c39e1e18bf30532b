"""The demo runs every route."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_the_demo_runs_every_route_and_exits_by_its_promises() -> None:
    command = [sys.executable, "examples/demo.py", "--quick"]
    wide = {**os.environ, "COLUMNS": "160"}
    done = subprocess.run(command, cwd=ROOT, env=wide, capture_output=True, text=True, check=False, timeout=280)
    text = done.stdout
    assert "Traceback" not in done.stderr, done.stderr
    assert re.findall(r"compared on the evaluation data: (\w+)", text) == ["identical"] * 3
    for route in ("PyTorch, multi-shot", "PyTorch, one-shot", "ONNX Runtime"):
        assert route in text
    assert text.count("the fastest fp32 runtime here") >= 3
    assert "masks alone give no speed" in text
    assert done.returncode == int("not true that" in text)
