"""What the README shows of other machines runs as it stands there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

README = Path(__file__).parents[2] / "packages" / "inc-orchestrate" / "README.md"


@pytest.mark.parametrize("script", ["pool.py", "dask_workers.py"])
def test_the_example_of_other_machines_runs(script: str, onnx_path: Path, digits: Any, tmp_path: Path) -> None:
    snippets = dict(re.findall(r"<!-- (\w+\.py) -->\n```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL))
    for name in ("judge.py", script):
        (tmp_path / name).write_text(snippets[name], encoding="utf-8")
    shutil.copyfile(onnx_path, tmp_path / "model.onnx")
    np.save(tmp_path / "calibration.npy", np.concatenate([inputs.numpy() for inputs, _ in digits.calibration]))
    inputs, labels = (np.concatenate([part.numpy() for part in parts]) for parts in zip(*digits.evaluation, strict=True))
    np.savez(tmp_path / "validation.npz", inputs=inputs, labels=labels)
    command, wide = [sys.executable, script], {**os.environ, "COLUMNS": "160"}
    done = subprocess.run(command, cwd=tmp_path, env=wide, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the fastest fp32 runtime here" in done.stdout
    assert "calibration ran in this process" not in done.stdout
    assert "died" not in done.stdout + done.stderr
