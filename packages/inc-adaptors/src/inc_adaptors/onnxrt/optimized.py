"""A float model as onnxruntime rewrites it when it loads one."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
from inc_config.errors import ModelError
from inc_config.recipes import GraphLevel
from onnx import ModelProto

from inc_adaptors.onnxrt.blocked import write_optimized
from inc_adaptors.onnxrt.sessions import ORT_ERRORS
from inc_adaptors.onnxrt.tensors import split

_LEVELS: Mapping[GraphLevel, Any] = {
    GraphLevel.OFF: onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
    GraphLevel.BASIC: onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    GraphLevel.EXTENDED: onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    GraphLevel.ALL: onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
}
_EXPECTED: tuple[type[Exception], ...] = (*ORT_ERRORS, OSError)
_LAYOUT = ("NchwcTransformer", "NhwcTransformer")
"""Optimizers of memory layout: convolutions of blocked channels have no integer form, and belong to one kind of processor."""


def optimize(model: ModelProto, level: GraphLevel) -> ModelProto:
    """Rewrite a model to a level: constants and redundant nodes (``BASIC``), fused operators of onnxruntime's own (``EXTENDED``, ``ALL``).

    Raises:
        ModelError: onnxruntime cannot load the model, or nothing can be written to the folder for temporary files.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="inc-onnxrt-") as folder:
            path = write_optimized(split(model), Path(folder), level=_LEVELS[level], without=_LAYOUT)
            return onnx.load(path)
    except _EXPECTED as error:
        raise ModelError(
            f"onnxruntime cannot optimize the model: {str(error).strip().splitlines()[0][:600]}",
            where=f"recipe graph_level: {level.value}",
            fix="leave the recipe out; if the model does not run either, check the operators the message names",
        ) from error
