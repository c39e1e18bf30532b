"""In which runtime a model for a target runs on this machine."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from inc_config.dtypes import BF16
from inc_config.errors import ModelError
from inc_config.target import Runtime, Target
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, numpy_helper

from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import OperatorTime

Run = Callable[[Mapping[str, NDArray[Any]]], list[NDArray[Any]]]

EMITTED_FOR = (Runtime.ONNXRUNTIME, Runtime.OPENVINO, Runtime.TENSORRT)
_QUANTIZERS = frozenset({"QuantizeLinear", "DequantizeLinear"})


def runtimes() -> tuple[Runtime, ...]:
    """Runtimes that are installed, onnxruntime first."""
    found = importlib.util.find_spec("openvino")
    # A folder of that name, such as the output of a run for OpenVINO, is found as a package without an origin.
    return (Runtime.ONNXRUNTIME, Runtime.OPENVINO) if found is not None and found.origin else (Runtime.ONNXRUNTIME,)


def host(target: Target) -> Runtime:
    """The runtime that runs models for ``target`` here; of TensorRT, which no package brings, it is onnxruntime.

    Raises:
        ModelError: it is not installed, or no ONNX model is made for it.
    """
    where = f"target {target}"
    if target.runtime not in EMITTED_FOR:
        known = ", ".join(runtime.value for runtime in EMITTED_FOR)
        raise ModelError(f"ONNX models are not made for {target.runtime.value}.", where=where, fix=f"one of {known}")
    if target.runtime is not Runtime.OPENVINO:
        return Runtime.ONNXRUNTIME
    if Runtime.OPENVINO not in runtimes():
        raise ModelError("OpenVINO is not installed.", where=where, fix="pip install 'inc-adaptors[openvino]'")
    return Runtime.OPENVINO


def is_for_openvino(handle: ModelHandle) -> bool:
    """Whether a model was made for OpenVINO: its rounding and its speed are those of another runtime than onnxruntime."""
    plan = handle.state.plan
    return plan is not None and plan.target.runtime is Runtime.OPENVINO


def needs_openvino(handle: ModelHandle) -> bool:
    """Whether onnxruntime has no kernels for it: it computes in bf16."""
    plan = handle.state.plan
    return plan is not None and is_for_openvino(handle) and any(option.compute_dtype is BF16 for option in plan.ops.values())


def openvino_run(handle: ModelHandle, *, threads: int) -> Run:
    """The model compiled by OpenVINO.

    Raises:
        ModelError: OpenVINO is not installed, or cannot run the model.
    """
    from inc_adaptors.openvino.runner import Runner  # noqa: PLC0415  (an extra: only who asks for this runtime needs it)

    return Runner(handle.native, threads=threads).run


def openvino_profile(handle: ModelHandle, feed: Mapping[str, NDArray[Any]], *, calls: int, threads: int) -> tuple[OperatorTime, ...]:
    """Times of what OpenVINO executes; raises as ``openvino_run``."""
    from inc_adaptors.openvino.profiling import profile  # noqa: PLC0415  (as above)

    return profile(handle.native, feed, calls=calls, threads=threads)


def tensorrt_structure(model: ModelProto) -> str:
    """What TensorRT asks of explicit quantization, counted in a model that was made for it.

    Raises:
        ModelError: a quantizer has a zero point or another type than int8.

    Source:
        TensorRT developer guide, "Working with Quantized Types": int8, symmetric, biases in float.
    """
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    quantizers = [node for node in model.graph.node if node.op_type in _QUANTIZERS]
    for node in quantizers:
        zero_point = tensors.get(node.input[2]) if len(node.input) > 2 else None
        if zero_point is None or zero_point.data_type != TensorProto.INT8 or np.any(numpy_helper.to_array(zero_point)):
            raise ModelError(
                f"{node.name or node.op_type} is not symmetric int8, which TensorRT needs.",
                where="the emitted model",
                fix="leave out constraints that name other types",
            )
    return f"{len(quantizers)} Q and DQ operators, all int8 with the zero point 0, biases in float"
