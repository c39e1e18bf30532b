"""Inference sessions over models in memory; nothing is written to disk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import onnxruntime
from inc_config.errors import ModelError
from onnx import ModelProto
from onnxruntime.capi import onnxruntime_pybind11_state as states

from inc_adaptors.onnxrt.tensors import split, to_array, weights_bytes

ORT_ERRORS: tuple[type[Exception], ...] = (
    states.EPFail,
    states.Fail,
    states.InvalidArgument,
    states.InvalidGraph,
    states.InvalidProtobuf,
    states.NotImplemented,
    states.RuntimeException,
)
"""What onnxruntime raises; these classes share no base but Exception."""

_ONE_MESSAGE_BYTES = (
    1 << 30
)  # protobuf refuses messages of 2 GiB; half of it leaves room for the nodes and avoids a second copy of the weights


def create_session(model: ModelProto, *, threads: int = 0) -> Any:
    """An ``InferenceSession`` on the CPU with full graph optimization; ``threads`` 0 is onnxruntime's default.

    Raises:
        ModelError: onnxruntime cannot run the model.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # warnings on stderr about folding and cleanup are of no use to the caller
    options.intra_op_num_threads = threads
    if threads == 1:
        options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(_serialized(model, options), options, providers=["CPUExecutionProvider"])
    except ORT_ERRORS as error:
        raise ModelError(
            f"onnxruntime {onnxruntime.__version__} cannot run the model: {_first_line(error)}",
            where="the model given",
            fix="check the operators and operator-set version it names; the model must run in onnxruntime before it can be compressed",
        ) from error


def run_session(session: Any, names: Sequence[str] | None, feed: dict[str, Any]) -> list[Any]:
    """Run once; raises ModelError where an operator fails on these inputs."""
    try:
        return list(session.run(names, feed))
    except ORT_ERRORS as error:
        shapes = ", ".join(f"{name} {tuple(array.shape)}" for name, array in feed.items())
        raise ModelError(
            f"onnxruntime failed while running the model: {_first_line(error)}",
            where=f"inputs {shapes}",
            fix="give inputs of the shapes the model was made for, or export it with dynamic axes",
        ) from error


def _serialized(model: ModelProto, options: Any) -> bytes:
    if weights_bytes(model) <= _ONE_MESSAGE_BYTES:
        return bytes(model.SerializeToString())
    parts = split(model, location="weights")
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(to_array(tensor)) for tensor in parts.weights.values()]
    options.add_external_initializers(list(parts.weights), values)
    return bytes(parts.model.SerializeToString())


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0][:600]
