"""Write sparse initializers out: no integer kernel reads them, and OpenVINO none at all."""

from __future__ import annotations

import math

import numpy as np
from onnx import SparseTensorProto, TensorProto, numpy_helper

from inc_adaptors.onnxrt.graph import Graph
from inc_adaptors.onnxrt.tensors import to_array

MOST_ELEMENTS = 1 << 26
"""Of the dense tensor: few values may claim any shape, and beyond this they stay as they are."""


def densify(graph: Graph) -> None:
    """Replace every sparse initializer by a dense one of the same values."""
    kept = []
    for sparse in graph.sparse:
        dense = _dense(sparse)
        if dense is None:
            kept.append(sparse)
        else:
            graph.initializers[dense.name] = dense
    graph.sparse = tuple(kept)


def _dense(sparse: SparseTensorProto) -> TensorProto | None:
    """None where it would be too large, or where an index lies outside."""
    dims = tuple(sparse.dims)
    count = math.prod(dims)
    if not 0 < count <= MOST_ELEMENTS:
        return None
    values, indices = to_array(sparse.values), to_array(sparse.indices).astype(np.int64)
    if indices.ndim > 1:
        if indices.shape[1] != len(dims) or (indices < 0).any() or (indices >= np.array(dims)).any():
            return None
        indices = np.ravel_multi_index(tuple(indices.T), dims)
    if indices.shape != values.shape or (indices < 0).any() or (indices >= count).any():
        return None
    made = np.zeros(count, values.dtype)
    made[indices] = values
    return numpy_helper.from_array(made.reshape(dims), sparse.values.name)
