"""Ctrl-C goes on working after models have run in OpenVINO."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("openvino")

SCRIPT = """
import faulthandler, gc, signal, sys
import numpy as np
from onnx import TensorProto, helper
from inc_adaptors.openvino.runner import Runner

if sys.argv[1] == "faulthandler":
    faulthandler.enable()  # which has an alternate signal stack of its own
signal.signal(signal.SIGINT, signal.default_int_handler)
ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [8, 8]) for name in "xy"]
model = helper.make_model(helper.make_graph([helper.make_node("MatMul", ["x", "x"], ["y"])], "g", ends[:1], ends[1:]), ir_version=8)
first = Runner(model)
second = Runner(model)
second.run({"x": np.eye(8, dtype=np.float32)})
del first
gc.collect()
del second
gc.collect()
try:
    signal.raise_signal(signal.SIGINT)
    while True:
        pass
except KeyboardInterrupt:
    print("heard")
"""


@pytest.mark.parametrize("stack", ["faulthandler", "none"])
def test_an_interrupt_is_heard_after_two_models_that_overlapped_in_time(stack: str) -> None:
    """Where the processor has AMX, the process ended with a segmentation fault here."""
    done = subprocess.run([sys.executable, "-c", SCRIPT, stack], capture_output=True, text=True, check=False, timeout=120)
    assert (done.stdout, done.returncode) == ("heard\n", 0), done.stderr
