"""What the README shows runs as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_the_readmes_python_example_runs_in_an_empty_folder(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"<!-- snippet: runs in the tests -->\n```python\n(.*?)```", readme, re.DOTALL)
    script = tmp_path / "example.py"
    script.write_text(code, encoding="utf-8")
    wide = {**os.environ, "COLUMNS": "160"}
    done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, env=wide, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the fastest fp32 runtime here" in done.stdout
    assert (tmp_path / "compressed").is_dir()
