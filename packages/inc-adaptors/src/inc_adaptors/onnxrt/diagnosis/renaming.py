"""Names for the operators of a quantized model that lost theirs: those of the float model's operators in the same place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from inc_config.errors import ModelError
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, numpy_helper

from inc_adaptors.onnxrt.diagnosis.pairing import constants_of
from inc_adaptors.onnxrt.diagnosis.unpack import FLOAT_TYPES, plain_name

_CONVERSIONS = frozenset({"DequantizeLinear", "DynamicQuantizeLinear", "QuantizeLinear"})
_SKIPPED = _CONVERSIONS | {"Add", "BatchNormalization", "Cast", "Clip", "Div", "Dropout", "Identity", "Mul", "Relu", "Sub"}
"""With one operand that is not constant: what tools put in, fold or drop."""

_SHAPED = frozenset({"Expand", "Flatten", "Pad", "Reshape", "Resize", "Slice", "Squeeze", "Tile", "Unsqueeze"})
"""What their other operands say of sizes may be worked out in one model and not in the other."""

_ALIKE: Mapping[str, str] = {
    **FLOAT_TYPES,
    "ConvInteger": "Conv",
    "DynamicQuantizeLSTM": "LSTM",
    "DynamicQuantizeMatMul": "MatMul",
    "FusedConv": "Conv",
    "FusedMatMul": "MatMul",
    "Gemm": "MatMul",
    "MatMulInteger": "MatMul",
    "MatMulNBits": "MatMul",
    "QGemm": "MatMul",
}


def like(exact: ModelProto, quantized: ModelProto) -> ModelProto:
    """A copy of the quantized model whose inputs, outputs and operators have the float model's names, outputs in its order.

    Inputs and outputs that have other names are taken in their order. Operators are recognized by what leads to them and, where several
    are alike, by their weights.

    Raises:
        ModelError: the models have other numbers of inputs or outputs, or the quantized one is laid out for one processor.
    """
    _check_layout(quantized)
    made = ModelProto()
    made.CopyFrom(quantized)
    weights = {tensor.name for tensor in made.graph.initializer}
    exact_weights = {tensor.name for tensor in exact.graph.initializer}
    renames: dict[str, str] = {}
    for role, ours, others in (
        ("inputs", [v for v in exact.graph.input if v.name not in exact_weights], [v for v in made.graph.input if v.name not in weights]),
        ("outputs", list(exact.graph.output), list(made.graph.output)),
    ):
        renames |= _borders(role, ours, others)
    _rename_tensors(made.graph, renames)
    order = {value.name: index for index, value in enumerate(exact.graph.output)}
    outputs = sorted(made.graph.output, key=lambda value: order[value.name])
    copies = [ValueInfoProto.FromString(value.SerializeToString()) for value in outputs]
    del made.graph.output[:]
    made.graph.output.extend(copies)
    _name_operators(exact.graph, made.graph)
    return made


def _check_layout(model: ModelProto) -> None:
    for node in model.graph.node:
        if node.domain == "com.microsoft.nchwc" or any(item.name == "channels_last" and item.i for item in node.attribute):
            raise ModelError(
                f"{node.op_type} {node.name!r} is in a layout that onnxruntime chose for one processor: its tensors cannot be compared.",
                where="the quantized model",
                fix="give the file from before onnxruntime saved it with ORT_ENABLE_ALL; ORT_ENABLE_EXTENDED keeps the layout",
            )


def _borders(role: str, ours: Sequence[ValueInfoProto], others: Sequence[ValueInfoProto]) -> dict[str, str]:
    if len(ours) != len(others):
        raise ModelError(
            f"The float model has {len(ours)} {role}, the quantized one {len(others)}: {', '.join(value.name for value in others[:8])}.",
            where="the quantized model",
            fix="give the float model it was made from first, then the quantized one, both ONNX",
        )
    shared = {value.name for value in ours}.intersection(value.name for value in others)
    missing = [value.name for value in ours if value.name not in shared]
    return dict(zip((value.name for value in others if value.name not in shared), missing, strict=True))


def _rename_tensors(graph: GraphProto, renames: Mapping[str, str]) -> None:
    """Give tensors new names throughout the main graph; whoever has such a name already gets another."""
    if not renames:
        return
    taken = set(renames.values())
    known = {name for node in graph.node for name in (*node.input, *node.output)} | {tensor.name for tensor in graph.initializer}
    new = {**{name: f"{name}/renamed" for name in known & taken}, **renames}
    for value in (*graph.input, *graph.output):
        value.name = new.get(value.name, value.name)
    for tensor in graph.initializer:
        tensor.name = new.get(tensor.name, tensor.name)
    for node in graph.node:
        node.input[:] = [new.get(name, name) for name in node.input]
        node.output[:] = [new.get(name, name) for name in node.output]


def _name_operators(exact: GraphProto, quantized: GraphProto) -> None:
    """One walk in the order of execution: an operator is the one of its kind that reads the same, and whose weight is most like its own."""
    ours, others = _Side(exact), _Side(quantized)
    by_name = {node.name: node for node in exact.node if node.name}
    waiting: dict[tuple[str, ...], list[NodeProto]] = {}
    for node in ours.operators():
        waiting.setdefault(ours.place(node), []).append(node)
    known = {plain_name(node.name) for node in quantized.node}
    found: list[tuple[NodeProto, NodeProto]] = []
    for node in others.operators():
        same = by_name.get(plain_name(node.name))
        if same is None:
            free = [other for other in waiting.get(others.place(node), []) if other.name not in known]
            if not free:
                continue
            likeness = [_likeness(others.weight(node), ours.weight(other)) for other in free]
            same = free[int(np.argmax(likeness))]
            found.append((node, same))
            known.add(same.name)
        others.identify(node, ours.results(same))
    renames: dict[str, str] = {}
    for node, same in found:
        end, exact_end = others.end(node), ours.end(same)
        if exact_end not in others.tensors and end not in others.borders:
            renames[end] = exact_end
        node.name = same.name
    _rename_tensors(quantized, renames)


def _likeness(codes: NDArray[Any] | None, weight: NDArray[Any] | None) -> float:
    """Correlation of values, which scales do not change; of both layouts of a matrix, the better one."""
    if codes is None or weight is None or codes.size != weight.size or not codes.size:
        return 0.0
    layouts = [weight.ravel(), *([weight.T.ravel()] if weight.ndim == 2 else [])]
    x = codes.ravel().astype(np.float64) - codes.mean()
    return max(float(x @ (y - y.mean())) / float(np.linalg.norm(x) * np.linalg.norm(y - y.mean()) or 1.0) for y in layouts)


class _Side:
    """One of both graphs. What is skipped gives its tensors the place of what it reads."""

    def __init__(self, graph: GraphProto) -> None:
        self._graph = graph
        self._weights = {tensor.name: tensor for tensor in graph.initializer}
        self._makers = {name: node for node in graph.node for name in node.output if name}
        self._readers: dict[str, list[NodeProto]] = {}
        for node in graph.node:
            for name in node.input:
                self._readers.setdefault(name, []).append(node)
        scales = {name for node in graph.node if node.op_type == "DynamicQuantizeLinear" for name in node.output[1:]}
        self._constants = constants_of(graph.node, {*self._weights, *scales})
        self._places = {value.name: value.name for value in graph.input if value.name not in self._weights}
        self.borders = {value.name for value in (*graph.input, *graph.output)}
        self.tensors = {*self._makers, *self._weights, *self.borders}

    def operators(self) -> Iterator[NodeProto]:
        """Operators that are not skipped, in the order of execution."""
        for node in self._graph.node:
            if self._constants.issuperset(filter(None, node.output)):
                continue
            if self._is_skipped(node):
                self._places[node.output[0]] = self._places.get(self._read(node)[0], "")
            else:
                for name in node.output:
                    self._places[name] = name
                yield node

    def place(self, node: NodeProto) -> tuple[str, ...]:
        """The operator's kind and what it reads."""
        kind, read = _kind(node), self._read(node)
        return kind, *(self._places.get(name, "") for name in (read[:1] if kind in _SHAPED else read))

    def results(self, node: NodeProto) -> Sequence[str]:
        """Names of the operator's results."""
        return tuple(node.output)

    def identify(self, node: NodeProto, names: Sequence[str]) -> None:
        """Give the operator's results the names that they have on the other side."""
        self._places.update(zip(node.output, names, strict=False))

    def end(self, node: NodeProto) -> str:
        """The last tensor behind an operator that only skipped operators lead to; none that is rounded, or codes."""
        found: str = node.output[0]
        name = found
        while name not in self.borders and len(after := self._readers.get(name, [])) == 1 and self._is_skipped(after[0]):
            name = after[0].output[0]
            found = found if after[0].op_type in _CONVERSIONS else name
        return found

    def weight(self, node: NodeProto) -> NDArray[Any] | None:
        """Values or codes of a constant second input."""
        name = node.input[1] if len(node.input) > 1 else ""
        while name in self._makers and self._makers[name].input:
            name = self._makers[name].input[0]
        tensor: TensorProto | None = self._weights.get(name)
        return None if tensor is None else np.asarray(numpy_helper.to_array(tensor), np.float64)

    def _read(self, node: NodeProto) -> list[str]:
        return [name for name in node.input if name and name not in self._constants]

    def _is_skipped(self, node: NodeProto) -> bool:
        return _kind(node) in _SKIPPED and len(self._read(node)) == 1


def _kind(node: NodeProto) -> str:
    return _ALIKE.get(node.op_type, node.op_type)
