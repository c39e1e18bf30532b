"""The noise of every quantized operator, alone and with everything before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper

from inc_adaptors.onnxrt.diagnosis.unpack import plain_name
from inc_adaptors.onnxrt.taps import Taps
from inc_adaptors.onnxrt.tensors import opset_of
from inc_adaptors.parity import decibels

Array = NDArray[Any]
Feed = Mapping[str, Array]

_CONVERSIONS = frozenset({"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"})
_AT_ONCE = 16
"""Operators whose tensors are held together."""


@attrs.frozen(kw_only=True, eq=False)
class Pair:
    """One operator in both models."""

    name: str
    exact: NodeProto
    coded: NodeProto


def pairs(reference: ModelProto, quantized: ModelProto) -> tuple[Pair, ...]:
    """Operators of the quantized model that read dequantized tensors and that the float model has too, by name or by result."""
    makers = {name: node for node in quantized.graph.node for name in node.output}
    by_name = {node.name: node for node in reference.graph.node if node.name}
    by_result = {name: node for node in reference.graph.node for name in node.output if name}
    found = []
    for node in quantized.graph.node:
        if node.op_type in _CONVERSIONS or not any(name in makers and makers[name].op_type == "DequantizeLinear" for name in node.input):
            continue
        exact = by_name.get(plain_name(node.name)) or by_result.get(node.output[0])
        if exact is not None and exact.op_type == node.op_type and len(exact.input) == len(node.input):
            found.append(Pair(name=exact.name or exact.output[0], exact=exact, coded=node))
    return tuple(found)


def cumulative(reference: ModelProto, quantized: ModelProto, both: Sequence[Pair], feeds: Sequence[Feed]) -> dict[str, float]:
    """SQNR in dB of every operator's output in the quantized model."""
    sums = {pair.name: [0.0, 0.0] for pair in both}
    for part in _parts(both):
        exact = Taps(reference, dict.fromkeys((pair.exact.output[0] for pair in part), int(TensorProto.FLOAT)))
        coded = Taps(quantized, dict.fromkeys((pair.coded.output[0] for pair in part), int(TensorProto.FLOAT)))
        for feed in feeds:
            wanted, made = exact.run(feed), coded.run(feed)
            for pair in part:
                x, y = wanted[pair.exact.output[0]].astype(np.float64), made[pair.coded.output[0]]
                if x.shape == y.shape:
                    sums[pair.name][0] += float(np.square(x).sum())
                    sums[pair.name][1] += float(np.square(x - y).sum())
    return {name: decibels(signal, noise) for name, (signal, noise) in sums.items() if signal or noise}


def alone(reference: ModelProto, quantized: ModelProto, both: Sequence[Pair], feeds: Sequence[Feed]) -> dict[str, float]:
    """SQNR in dB of every operator's output when its inputs are exact but for its own rounding of them.

    All operators are measured in one model: the float one, with a quantized branch beside each operator and the error summed in the graph.
    """
    extended = ModelProto()
    extended.CopyFrom(reference)
    _agree_on_operator_sets(extended, quantized)
    branches = _Branches(quantized)
    read: dict[str, int] = {}
    for index, pair in enumerate(both):
        nodes, constants = branches.of(pair, f"alone/{index}")
        extended.graph.node.extend(nodes)
        extended.graph.initializer.extend(constants)
        read |= {f"alone/{index}/{part}": int(TensorProto.FLOAT) for part in ("signal", "noise")}
    taps = Taps(extended, read)
    sums = np.zeros((len(both), 2))
    for feed in feeds:
        made = taps.run(feed)
        for index in range(len(both)):
            sums[index] += [float(made[f"alone/{index}/{part}"]) for part in ("signal", "noise")]
    return {pair.name: decibels(*sums[index]) for index, pair in enumerate(both)}


def _parts(both: Sequence[Pair]) -> Iterator[Sequence[Pair]]:
    for start in range(0, len(both), _AT_ONCE):
        yield both[start : start + _AT_ONCE]


def _agree_on_operator_sets(model: ModelProto, other: ModelProto) -> None:
    """Quantized branches need the quantized model's domains, and at least its standard set."""
    known = {entry.domain for entry in model.opset_import}
    newest = max(opset_of(model), opset_of(other))
    for entry in other.opset_import:
        if entry.domain not in known:
            model.opset_import.add(domain=entry.domain, version=entry.version)
    for entry in model.opset_import:
        if entry.domain in ("", "ai.onnx"):
            entry.version = newest
    model.ir_version = max(model.ir_version, other.ir_version)


class _Branches:
    """Copies of quantized operators, fed from the float model's tensors."""

    def __init__(self, quantized: ModelProto) -> None:
        self._makers = {name: node for node in quantized.graph.node for name in node.output}
        self._constants = {tensor.name: tensor for tensor in quantized.graph.initializer}

    def of(self, pair: Pair, label: str) -> tuple[list[NodeProto], list[TensorProto]]:
        """Nodes that end in ``label/signal`` and ``label/noise``, scalars, and the constants they read."""
        nodes: list[NodeProto] = []
        constants: dict[str, TensorProto] = {}
        operator = _copy(pair.coded)
        for position, name in enumerate(pair.coded.input):
            source = self._makers.get(name)
            if name and source is not None and source.op_type == "DequantizeLinear" and not self._is_constant(source.input[0]):
                operator.input[position] = self._rounded(source, pair.exact.input[position], f"{label}/{position}", nodes, constants)
            elif self._is_constant(name):
                operator.input[position] = self._constant(name, label, nodes, constants)
            elif name:
                operator.input[position] = pair.exact.input[position]
        operator.name = f"{label}/operator"
        for position in range(len(operator.output)):
            operator.output[position] = f"{label}/out{position}"
        nodes += [
            operator,
            helper.make_node("Sub", [pair.exact.output[0], f"{label}/out0"], [f"{label}/difference"], name=f"{label}/sub"),
            helper.make_node("ReduceSumSquare", [f"{label}/difference"], [f"{label}/noise"], name=f"{label}/noise", keepdims=0),
            helper.make_node("ReduceSumSquare", [pair.exact.output[0]], [f"{label}/signal"], name=f"{label}/signal", keepdims=0),
        ]
        return nodes, list(constants.values())

    def _is_constant(self, name: str) -> bool:
        """An initializer, or something made of initializers alone."""
        if name in self._constants:
            return True
        maker = self._makers.get(name)
        return maker is not None and maker.op_type in {"DequantizeLinear", "Mul", "Constant"} and all(map(self._is_constant, maker.input))

    def _constant(self, name: str, label: str, nodes: list[NodeProto], constants: dict[str, TensorProto]) -> str:
        made = f"{label}/{name}"
        if name in self._constants:
            if made not in constants:
                copy = TensorProto()
                copy.CopyFrom(self._constants[name])
                copy.name = made
                constants[made] = copy
        elif not any(made in node.output for node in nodes):
            copied = _copy(self._makers[name])
            for position, read in enumerate(copied.input):
                copied.input[position] = self._constant(read, label, nodes, constants)
            copied.name, copied.output[0] = f"{made}/node", made
            nodes.append(copied)
        return made

    def _rounded(self, dequantizer: NodeProto, source: str, label: str, nodes: list[NodeProto], constants: dict[str, TensorProto]) -> str:
        """``source`` through the rounding that the quantized model gives it."""
        scales = [self._constant(name, label, nodes, constants) for name in dequantizer.input[1:] if name]
        to_codes, back = _copy(dequantizer), _copy(dequantizer)
        to_codes.op_type = "QuantizeLinear"
        for node, reads, makes in ((to_codes, source, f"{label}/codes"), (back, f"{label}/codes", f"{label}/rounded")):
            del node.input[:]
            node.input.extend([reads, *scales])
            node.output[0], node.name = makes, f"{makes}/node"
            nodes.append(node)
        return f"{label}/rounded"


def _copy(node: NodeProto) -> NodeProto:
    made = NodeProto()
    made.CopyFrom(node)
    return made
