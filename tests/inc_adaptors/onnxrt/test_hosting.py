"""A model for a target runs in the target's runtime, or what is done instead is known."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from graphs import batches, resnet
from inc_adaptors import machine
from inc_adaptors.handle import ModelHandle
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_config.errors import ModelError
from inc_config.target import Device, Isa, Runtime, Target

ADAPTOR = OnnxrtAdaptor(threads=1)
TENSORRT = Target(runtime=Runtime.TENSORRT, isa=Isa.GENERIC, device=Device.CUDA)


def emitted(target: Target) -> tuple[ModelHandle, Any]:
    handle = ADAPTOR.open(resnet())
    feeds = batches(handle.native)
    found = ADAPTOR.capabilities(handle, target)
    statistics = ADAPTOR.observe(handle, feeds, ADAPTOR.wanted(found, (found.plan(),)))
    return ADAPTOR.emitter(handle, statistics, found).emit(found.plan(), final=True), feeds[0]


def test_an_int8_model_for_openvino_is_run_and_profiled_there() -> None:
    pytest.importorskip("openvino", reason="the extra 'openvino' is not installed")
    from inc_adaptors.openvino.runner import Runner

    made, feed = emitted(Target(runtime=Runtime.OPENVINO, isa=machine.isa()))
    np.testing.assert_array_equal(ADAPTOR.predictor(made, threads=1)(feed)[0], Runner(made.native).run(feed)[0])
    in_onnxruntime = ADAPTOR.predictor_in(made, Runtime.ONNXRUNTIME, threads=1)(feed)[0]
    plain = attrs.evolve(made, state=attrs.evolve(made.state, plan=None))
    np.testing.assert_array_equal(in_onnxruntime, ADAPTOR.predictor(plain, threads=1)(feed)[0])
    assert "int8" in {time.dtype for time in ADAPTOR.profile(made, feed, calls=1)}


def test_openvino_that_is_not_there_is_told_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "openvino" else found(name, *rest))
    assert ADAPTOR.runtimes() == (Runtime.ONNXRUNTIME,)
    with pytest.raises(ModelError) as error:
        ADAPTOR.host(Target(runtime=Runtime.OPENVINO))
    assert error.value.fix == "pip install 'inc-adaptors[openvino]'"


def test_a_folder_called_openvino_is_not_the_package(tmp_path: Path) -> None:
    """Without site-packages on the path but those of onnxruntime, the folder is all that there is of the name."""
    (tmp_path / "openvino").mkdir()
    script = (
        "import sys, importlib.machinery as m, importlib.util as u\n"
        "from inc_adaptors.onnxrt.hosting import runtimes\n"
        "sys.path[:] = [sys.argv[1]]\n"
        "sys.meta_path[:] = [m.PathFinder]\n"
        "assert u.find_spec('openvino') is not None\n"
        "print([runtime.value for runtime in runtimes()])\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout.strip() == "['onnxruntime']", done.stderr


def test_a_runtime_of_another_framework_is_refused() -> None:
    with pytest.raises(ModelError, match="not made for mxnet"):
        ADAPTOR.host(Target(runtime=Runtime.MXNET))


def test_a_model_for_tensorrt_is_judged_in_onnxruntime_and_its_form_is_counted() -> None:
    assert ADAPTOR.host(TENSORRT) is Runtime.ONNXRUNTIME
    made, _ = emitted(TENSORRT)
    pairs = sum(node.op_type in ("QuantizeLinear", "DequantizeLinear") for node in made.native.graph.node)
    assert ADAPTOR.checked(made).startswith(f"{pairs} Q and DQ operators")


def test_a_zero_point_is_not_tensorrts_form() -> None:
    made, _ = emitted(Target(runtime=Runtime.ONNXRUNTIME, isa=Isa.AVX512_VNNI))
    with pytest.raises(ModelError, match="not symmetric int8"):
        ADAPTOR.checked(made)
