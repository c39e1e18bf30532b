"""Fold per-channel affine steps into the weighted operator before them: BatchNormalization, and Mul or Add with a constant."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto

from inc_adaptors.onnxrt.graph import Graph, attribute
from inc_adaptors.onnxrt.tensors import float_tensor, unique

Vector = NDArray[np.float64]


@attrs.frozen(eq=False)
class Affine:
    """``y = scale * x + shift`` per output channel, both of shape (channels,)."""

    scale: Vector
    shift: Vector


def fold_affine(graph: Graph) -> None:
    """Fold every affine step that follows a Conv or Gemm with constant weights and is its only reader; weights that are zero stay zero."""
    taken = graph.names()
    consumers = graph.consumers()
    producers = graph.producers()
    removed: set[int] = set()
    for index, node in enumerate(graph.nodes):
        source = producers.get(node.input[0] if node.input else "", None)
        source = _other_side(graph, node, producers) if source is None else source
        if source is None or source in removed:
            continue
        before = graph.nodes[source]
        through = before.output[0]
        if through in graph.pinned or len(consumers.get(through, ())) != 1 or not _is_foldable(graph, before):
            continue
        affine = _affine(graph, node, through, before)
        if affine is not None:
            _fold(graph, before, affine, taken)
            before.output[0] = node.output[0]
            producers[node.output[0]] = source
            graph.absorbed[before.name] = (*graph.absorbed.get(before.name, ()), node.name)
            removed.add(index)
    graph.nodes[:] = [node for index, node in enumerate(graph.nodes) if index not in removed]


def _other_side(graph: Graph, node: NodeProto, producers: dict[str, int]) -> int | None:
    """The producer of the second operand where the first is a constant (``constant + x``)."""
    if node.op_type in ("Mul", "Add") and len(node.input) == 2 and node.input[0] in graph.initializers:
        return producers.get(node.input[1])
    return None


def _is_foldable(graph: Graph, node: NodeProto) -> bool:
    parts = [graph.initializers.get(name) for name in node.input[1:] if name]
    if node.domain not in ("", "ai.onnx") or node.op_type not in ("Conv", "Gemm"):
        return False
    if any(part is None or part.data_type != TensorProto.FLOAT for part in parts) or not parts:
        return False
    if node.op_type == "Conv":
        return True
    channels = _channels(graph, node)
    one_per_column = len(parts) == 1 or tuple(parts[1].dims) in ((), (1,), (1, 1), (channels,), (1, channels))  # type: ignore[union-attr]  # None was refused above
    return one_per_column and attribute(node, "alpha", 1.0) == 1.0 and attribute(node, "beta", 1.0) == 1.0


def _channels(graph: Graph, node: NodeProto) -> int:
    dims = graph.initializers[node.input[1]].dims
    return int(dims[0] if node.op_type == "Conv" or attribute(node, "transB", 0) else dims[1])


def _affine(graph: Graph, node: NodeProto, through: str, before: NodeProto) -> Affine | None:
    """What ``node`` does to the tensor ``through``, the output of ``before``; None where that is no affine map per channel."""
    if node.domain not in ("", "ai.onnx"):
        return None
    channels = _channels(graph, before)
    if node.op_type == "BatchNormalization" and node.input[0] == through:
        return _batch_norm(graph, node, channels)
    if node.op_type in ("Mul", "Add") and len(node.input) == 2:
        name = next((name for name in node.input if name != through), None)
        operand = None if name is None else graph.constant(name)
        rank = len(graph.initializers[before.input[1]].dims)
        vector = None if operand is None else _per_channel(operand, channels, rank, last_axis=before.op_type == "Gemm")
        if vector is not None:
            ones = np.ones(channels)
            return Affine(vector, 0.0 * ones) if node.op_type == "Mul" else Affine(ones, vector)
    return None


def _batch_norm(graph: Graph, node: NodeProto, channels: int) -> Affine | None:
    parts = [graph.constant(name) for name in node.input[1:5]]
    if any(node.output[1:]) or attribute(node, "training_mode", 0) or any(p is None or p.shape != (channels,) for p in parts):
        return None
    gamma, beta, mean, variance = (np.asarray(part, np.float64) for part in parts)
    scale = gamma / np.sqrt(variance + attribute(node, "epsilon", 1e-5))
    return Affine(scale, beta - mean * scale) if np.isfinite(scale).all() else None


def _per_channel(operand: NDArray[Any], channels: int, rank: int, *, last_axis: bool) -> Vector | None:
    """The operand as one value per channel (axis 1, or the last) of a tensor of ``rank`` axes, where broadcasting means just that."""
    if operand.dtype != np.float32 or not np.isfinite(operand).all():
        return None
    if operand.size == 1 and operand.ndim <= rank:
        return np.full(channels, float(operand.reshape(-1)[0]))
    aligned = (channels,) if last_axis else (channels, *[1] * (rank - 2))
    return operand.astype(np.float64).reshape(channels) if operand.shape in (aligned, (1, *aligned)) else None


def _fold(graph: Graph, node: NodeProto, affine: Affine, taken: set[str]) -> None:
    weight = np.asarray(graph.constant(node.input[1]), np.float64)
    shape = [-1] + [1] * (weight.ndim - 1) if node.op_type == "Conv" or attribute(node, "transB", 0) else [1, -1]
    bias = np.asarray(graph.constant(node.input[2]), np.float64).reshape(-1) if len(node.input) > 2 and node.input[2] else np.zeros(1)
    arrays = (weight * affine.scale.reshape(shape), bias * affine.scale + affine.shift)
    names = [unique(f"{node.name}/{part}", taken) for part in ("weight", "bias")]
    for name, array in zip(names, arrays, strict=True):
        graph.initializers[name] = float_tensor(name, array)
    del node.input[1:]
    node.input.extend(names)
