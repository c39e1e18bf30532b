"""The README's example runs as it is printed."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from toy_adaptor import ToyAdaptor
from toy_graph import perceptron

README = Path(__file__).parents[2] / "packages" / "inc-adaptors" / "README.md"


def test_the_readme_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("onnx", "onnxruntime"):
        pytest.importorskip(module, reason="the example is about an ONNX model; ONNX Runtime is an extra of inc-adaptors")
    toy = ToyAdaptor()
    toy.export_onnx(toy.open(perceptron((32, 256, 256, 10), 0)), tmp_path / "model.onnx", example_inputs=np.zeros((1, 32), np.float32))
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(example, str(README), "exec"), {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["compressed", "model.onnx"]
