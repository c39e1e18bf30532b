"""The README's examples run as they are printed."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from toy_adaptor import ToyAdaptor
from toy_graph import perceptron

README = Path(__file__).parents[2] / "packages" / "inc-adaptors" / "README.md"


def test_the_readme_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("onnx", "onnxruntime"):
        pytest.importorskip(module, reason="the examples are about an ONNX model; ONNX Runtime is an extra of inc-adaptors")
    toy = ToyAdaptor()
    toy.export_onnx(toy.open(perceptron((32, 256, 256, 10), 0)), tmp_path / "model.onnx", example_inputs=np.zeros((1, 32), np.float32))
    examples = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    for example in examples:
        exec(compile(example, str(README), "exec"), namespace)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["compressed", "model.onnx", "static.onnx"]
