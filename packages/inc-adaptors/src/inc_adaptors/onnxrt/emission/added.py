"""Biases that an Add puts on a product: a MatMul has no input for one.

onnxruntime turns a MatMul and the Add of a vector behind it into a Gemm before it looks for Q/DQ pairs, wherever it knows all axes of the
input. With a float bias that Gemm has no integer kernel, and the weight is dequantized in every run: several times slower than fp32. A bias
of shape (1, 1, channels) means the same and is left alone; products of two axes become Gemm with an int32 bias in ``prepare``.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from inc_adaptors.onnxrt.emission.names import Names
from inc_adaptors.onnxrt.graph import Graph
from inc_adaptors.onnxrt.operators import Operator
from inc_adaptors.onnxrt.tensors import float_tensor

_VECTORS = 3  # axes from which a product is one of vectors, not a matrix


@attrs.frozen(kw_only=True)
class AddedBias:
    """The Add behind a product: its node, the position and the name of its constant, one value per channel."""

    node: int
    position: int
    constant: str


class AddedBiases:
    """Finds and rewrites them; ``ranks`` are the numbers of axes of tensors, where they are known."""

    def __init__(self, graph: Graph, ranks: Mapping[str, int], names: Names) -> None:
        self._graph = graph
        self._ranks = ranks
        self._names = names
        self._consumers = graph.consumers()

    def of(self, operator: Operator) -> AddedBias | None:
        """The bias of a MatMul, if an Add of a float32 constant alone reads its output."""
        readers = self._consumers.get(operator.outputs[0], [])
        if operator.activation is not None or len(readers) != 1 or operator.outputs[0] in self._graph.pinned:
            return None
        index, position = readers[0]
        node = self._graph.nodes[index]
        tensor = self._graph.initializers.get(node.input[1 - position]) if node.op_type == "Add" else None
        channels = self._graph.initializers[operator.weight or ""].dims[-1]
        if tensor is None or tensor.data_type != TensorProto.FLOAT or list(tensor.dims) != [channels]:
            return None
        return AddedBias(node=index, position=1 - position, constant=tensor.name)

    def rewritten(self, operator: Operator, bias: AddedBias, shift: NDArray[np.float64] | None) -> TensorProto | None:
        """The constant with ``shift`` added, in the shape that onnxruntime leaves alone; None where it may stay as it is."""
        wide = self._ranks.get(operator.outputs[0], 0) >= _VECTORS
        if shift is None and not wide:
            return None
        values = np.asarray(self._graph.constant(bias.constant), np.float64) + (0.0 if shift is None else shift)
        purpose = (wide, b"" if shift is None else shift.tobytes())
        return float_tensor(self._names.of(f"{bias.constant}_added", purpose), values.reshape(1, 1, -1) if wide else values)
