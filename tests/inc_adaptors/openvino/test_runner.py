"""What OpenVINO refuses is told as any other fault of a model."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "onnxrt"))

from graphs import Builder
from inc_adaptors.openvino.runner import Runner
from inc_config.errors import ModelError
from onnx import helper

pytest.importorskip("openvino", reason="the extra 'openvino' is not installed")


def test_an_operator_that_fails_on_a_batch_is_a_fault_of_the_model() -> None:
    b = Builder()
    model = b.model((b.conv(b.input("x", ["n", 4, 8, 8]), 4, 8, name="conv"), ["n", 8, 8, 8]))
    runner = Runner(model)
    with pytest.raises(ModelError, match=r"OpenVINO .* cannot run the model"):
        runner.run({"x": np.zeros((1, 5, 8, 8), np.float32)})


def test_an_operator_that_openvino_does_not_have_is_a_fault_of_the_model() -> None:
    b = Builder()
    model = b.model((b.conv(b.input("x", ["n", 4, 8, 8]), 4, 8, name="conv"), ["n", 8, 8, 8]))
    model.graph.node[0].op_type, model.graph.node[0].domain = "Nothing", "nobody"
    model.opset_import.append(helper.make_opsetid("nobody", 1))
    with pytest.raises(ModelError, match=r"OpenVINO .* cannot run the model"):
        Runner(model)
