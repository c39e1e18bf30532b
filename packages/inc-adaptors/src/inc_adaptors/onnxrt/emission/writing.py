"""A QDQ graph on its way to integer operators: what is coded, where results go, and the nodes written so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Self

import attrs
import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from inc_adaptors.onnxrt.emission.names import Names
from inc_adaptors.onnxrt.emission.qdq import Coded, Qdq, is_standard
from inc_adaptors.onnxrt.kinds import ACTIVATIONS


@attrs.frozen(kw_only=True, eq=False)
class Result:
    """Where an operator's result goes: the quantizers that read it, and the activation between, if any."""

    quantizers: Sequence[NodeProto]
    activation: NodeProto | None
    coded: Coded


class Writing:
    """One conversion in progress; afterwards ``nodes`` and ``initializers`` make the graph.

    ``kept`` names operators that had a converter and stay as they are, ``converted`` counts the others.
    """

    def __init__(
        self, nodes: Sequence[NodeProto], initializers: Mapping[str, TensorProto], pinned: frozenset[str], names: Names, opset: int
    ) -> None:
        self.graph = Qdq(nodes, initializers, pinned)
        self.initializers = dict(initializers)
        self.names = names
        self.opset = opset
        self.nodes: list[NodeProto] = []
        self.converted = 0
        self.kept: list[str] = []
        self._done: set[int] = set()  # nodes that another replaced, by identity
        self._renamed: dict[str, str] = {}  # codes made twice alike

    def write(self, node: NodeProto, convert: Callable[[Self, NodeProto], list[NodeProto] | None] | None) -> None:
        """Write a node by ``convert``, or as it is where that is None or makes nothing."""
        if id(node) in self._done:
            return
        made = None if convert is None else convert(self, node)
        if made is None:
            if convert is not None and any(self.graph.dequantized(name) for name in node.input[:1]):
                self.kept.append(node.name)
            self.nodes.append(self._reading(node))
            return
        self.converted += 1
        self.nodes += [self._reading(part) for part in made]

    def operand(self, name: str) -> Coded | None:
        """What ``name`` was dequantized from with one scale."""
        found = self.graph.dequantized(name)
        return found if found is not None and found.axis is None else None

    def result(self, name: str) -> Result | None:
        """Where ``name`` goes, if it is quantized and nothing else, directly or behind an activation."""
        quantizers = self.graph.quantized(name)
        if quantizers:
            return Result(quantizers=quantizers, activation=None, coded=self.graph.coded(quantizers[0]))
        reader = self.graph.only_reader(name)
        if reader is None or not is_standard(reader, *ACTIVATIONS) or self._bounds(reader) is None:
            return None
        quantizers = self.graph.quantized(reader.output[0])
        return Result(quantizers=quantizers, activation=reader, coded=self.graph.coded(quantizers[0])) if quantizers else None

    def finish(self, result: Result, make: Callable[[str], NodeProto]) -> list[NodeProto]:
        """The integer node, with the activation done on its codes; the quantizers go."""
        self._done.update(id(quantizer) for quantizer in result.quantizers)
        self._renamed.update({quantizer.output[0]: result.coded.codes for quantizer in result.quantizers[1:]})
        if result.activation is None:
            return [make(result.coded.codes)]
        self._done.add(id(result.activation))
        before = self.names.of(f"{result.coded.codes}_unclipped")
        low, high = self._bounds(result.activation) or (-np.inf, np.inf)
        bounds = [self.codes_of(value, result.coded) for value in (low, high)]
        clip = helper.make_node("Clip", [before, *bounds], [result.coded.codes], name=result.activation.name)
        return [make(before), clip]

    def codes_of(self, value: float, coded: Coded) -> str:
        """A constant with the code of one real number."""
        zero = numpy_helper.to_array(self.initializers[coded.zero_point])
        scale = float(numpy_helper.to_array(self.initializers[coded.scale]))
        limits = np.iinfo(zero.dtype)
        code = np.clip(np.rint(value / scale) + int(zero), limits.min, limits.max).astype(zero.dtype)
        name = self.names.of(f"{coded.zero_point}_code_of_{value:g}", (coded, value))
        self.initializers[name] = numpy_helper.from_array(code, name)
        return name

    def constant(self, name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]] | None:
        """Values of an initializer, or None."""
        tensor = self.initializers.get(name)
        return None if tensor is None else numpy_helper.to_array(tensor)

    def is_same(self, left: str, right: str) -> bool:
        """Whether two constants hold the same values."""
        if left == right:
            return True
        one, other = self.constant(left), self.constant(right)
        return one is not None and other is not None and one.dtype == other.dtype and bool(np.array_equal(one, other))

    def flat(self, tensor: TensorProto) -> str:
        """A constant as a vector."""
        if len(tensor.dims) == 1:
            return tensor.name
        name = self.names.of(f"{tensor.name}_flat")
        self.initializers[name] = numpy_helper.from_array(numpy_helper.to_array(tensor).reshape(-1), name)
        return name

    def skip(self, node: NodeProto) -> None:
        """Another node does this one's work."""
        self._done.add(id(node))

    def _bounds(self, node: NodeProto) -> tuple[float, float] | None:
        """Bounds of a Relu or Clip; None where they are no constants."""
        if node.op_type == "Relu":
            return 0.0, np.inf
        bounds = [-np.inf, np.inf]
        for index, name in enumerate(node.input[1:3]):
            value = self.constant(name) if name else None
            if name and value is None:
                return None
            bounds[index] = bounds[index] if value is None else float(value.reshape(()))
        return bounds[0], bounds[1]

    def _reading(self, node: NodeProto) -> NodeProto:
        """The node with renamed inputs; nodes of the QDQ graph belong to other emissions too."""
        if not any(name in self._renamed for name in node.input):
            return node
        copy = NodeProto()
        copy.CopyFrom(node)
        for position, name in enumerate(node.input):
            copy.input[position] = self._renamed.get(name, name)
        return copy
