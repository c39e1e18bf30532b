"""Run models that onnxruntime has no kernels for in the runtime that they were made for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from inc_config.dtypes import BF16
from inc_config.target import Runtime
from numpy.typing import NDArray

from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import OperatorTime

Run = Callable[[Mapping[str, NDArray[Any]]], list[NDArray[Any]]]


def is_for_openvino(handle: ModelHandle) -> bool:
    """Whether a model computes in bf16, which OpenVINO does on a CPU and onnxruntime does not."""
    plan = handle.state.plan
    if plan is None or plan.target.runtime is not Runtime.OPENVINO:
        return False
    return any(option.compute_dtype is BF16 for option in plan.ops.values())


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
