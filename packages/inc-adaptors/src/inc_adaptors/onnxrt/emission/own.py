"""Integer operators of onnxruntime's own that take the place of whole float operators."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import cast

import attrs
import numpy as np
from inc_config.dtypes import PerChannel, PerTensor
from inc_config.plan import OpPlan, TensorPlan
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from inc_adaptors.kernels.quantize import Codes
from inc_adaptors.onnxrt.emission.dynamic import DynamicOperand
from inc_adaptors.onnxrt.emission.given import explicit_qparams, is_explicit
from inc_adaptors.onnxrt.emission.names import Names
from inc_adaptors.onnxrt.emission.neighbours import PAIRS, ranged_alone, sums_of_rows, widened
from inc_adaptors.onnxrt.emission.parts import dequantize_node, scale_and_zero_point
from inc_adaptors.onnxrt.graph import Graph
from inc_adaptors.onnxrt.kinds import CONTRIB_DOMAIN
from inc_adaptors.onnxrt.operators import Operator
from inc_adaptors.qparams import QParams, quantize, weight_qparams

_PEEPHOLES = 7  # input position


@attrs.frozen(kw_only=True, eq=False)
class Table:
    """A constant as codes; ``parts`` are codes, scale and zero point."""

    parts: tuple[TensorProto, TensorProto, TensorProto]
    qparams: QParams

    @property
    def names(self) -> tuple[str, str, str]:
        """Of the parts."""
        return self.parts[0].name, self.parts[1].name, self.parts[2].name


class OwnOperators:
    """Writes them; constants are quantized at the first plan that needs them."""

    def __init__(self, graph: Graph, names: Names) -> None:
        self._graph = graph
        self._names = names
        self._tables: dict[tuple[str, TensorPlan, bool], Table] = {}

    def write(
        self, operator: Operator, plan: OpPlan, node: NodeProto, operand: DynamicOperand | None
    ) -> tuple[list[NodeProto], list[Table]]:
        """The nodes that do an operator's work, and their constants.

        Args:
            operator: of kind ``OWN``.
            plan: with a plan of its weight.
            node: a copy of the float node, which already reads what it should.
            operand: the activation as codes, for operators that read codes.
        """
        assert plan.weight is not None  # noqa: S101  (check_plan has seen to it; for the type checker)
        return _WRITERS[operator.op.type](self, operator, plan.weight, node, operand)

    def table(self, name: str, plan: TensorPlan, *, turned: bool = False) -> Table:
        """A constant's codes; ``turned`` swaps the last two axes, and each index of the first (a direction) has scales of its own."""
        key = (name, plan, turned)
        if key not in self._tables:
            values = np.asarray(self._graph.constant(name), np.float32)
            qparams, codes = (_by_direction if turned else _whole)(values, plan, name)
            scale, zero = scale_and_zero_point(self._names, name, qparams, plan.dtype, key)
            made = numpy_helper.from_array(np.ascontiguousarray(codes), self._names.of(f"{name}_codes", key))
            self._tables[key] = Table(parts=(made, scale, zero), qparams=qparams)
        return self._tables[key]

    def attention(
        self, operator: Operator, plan: TensorPlan, node: NodeProto, operand: DynamicOperand | None
    ) -> tuple[list[NodeProto], list[Table]]:
        """QAttention: codes of the input times codes of the three weights in one."""
        assert operand is not None  # noqa: S101  (its plan has an input)
        weight = self.table(operator.weight or "", plan)
        codes, scale, zero = weight.names
        mask = node.input[3] if len(node.input) > 3 else ""
        inputs = [operand.codes, codes, node.input[2], operand.scale, scale, mask, operand.zero_point, zero]
        return [_contrib("QAttention", node, inputs)], [weight]

    def lstm(
        self, operator: Operator, plan: TensorPlan, node: NodeProto, operand: DynamicOperand | None
    ) -> tuple[list[NodeProto], list[Table]]:
        """DynamicQuantizeLSTM, which finds the ranges of its input and state by itself."""
        del operator, operand
        tables = [self.table(name, plan, turned=True) for name in node.input[1:3]]
        given = [*node.input, *[""] * (_PEEPHOLES + 1 - len(node.input))]
        inputs = [given[0], *(table.names[0] for table in tables), *given[3:]]
        for table in tables:
            inputs += table.names[1:]
        return [_contrib("DynamicQuantizeLSTM", node, inputs)], tables

    def embedding(
        self, operator: Operator, plan: TensorPlan, node: NodeProto, operand: DynamicOperand | None
    ) -> tuple[list[NodeProto], list[Table]]:
        """QEmbedLayerNormalization: three tables, gamma and beta as uint8."""
        del operator, operand
        found = [self.table(name, plan) if name else None for name in node.input[2:7]]
        mask = node.input[7] if len(node.input) > 7 else ""
        columns = [[table.names[part] if table is not None else "" for table in found] for part in range(3)]
        inputs = [node.input[0], node.input[1], *columns[0], mask, *columns[1], *columns[2]]
        made = _contrib("QEmbedLayerNormalization", node, inputs)
        kept = [item for item in made.attribute if item.name == "epsilon"]
        del made.attribute[:]
        made.attribute.extend(kept)
        return [made], [table for table in found if table is not None]

    def lookup(
        self, operator: Operator, plan: TensorPlan, node: NodeProto, operand: DynamicOperand | None
    ) -> tuple[list[NodeProto], list[Table]]:
        """Gather rows of codes and dequantize what was gathered."""
        del operand
        table = self.table(operator.weight or "", plan)
        codes, scale, zero = table.names
        output = node.output[0]
        node.input[0] = codes
        node.output[0] = self._names.of(f"{output}_codes", plan)
        granularity = PerChannel(-1) if isinstance(plan.granularity, PerChannel) else PerTensor()
        label = self._names.of(f"{output}_dequantize", plan)
        return [node, dequantize_node([node.output[0], scale, zero], output, label, granularity)], [table]


def _contrib(op_type: str, node: NodeProto, inputs: list[str]) -> NodeProto:
    while not inputs[-1]:
        del inputs[-1]
    made = helper.make_node(op_type, inputs, list(node.output), name=node.name, domain=CONTRIB_DOMAIN)
    made.attribute.extend(item for item in node.attribute if item.name != "layout")
    return made


def _whole(values: NDArray[np.float32], plan: TensorPlan, where: str) -> tuple[QParams, Codes]:
    return _coded(values, plan, where, lambda: sums_of_rows(values.T, len(values)))


def _coded(values: NDArray[np.float32], plan: TensorPlan, where: str, sums: Callable[[], NDArray[np.float32]]) -> tuple[QParams, Codes]:
    """``sums`` finds what ``neighbours.widened`` takes, where the plan asks for it."""
    if is_explicit(plan):
        qparams = explicit_qparams(plan, values, where=where)
    else:
        qparams = weight_qparams(values, ranged_alone(plan), where=where)
        qparams = widened(qparams, plan, sums()) if plan.threshold == PAIRS else qparams
    return qparams, quantize(values, qparams, plan.dtype, plan.granularity)


def _by_direction(values: NDArray[np.float32], plan: TensorPlan, where: str) -> tuple[QParams, Codes]:
    """Of (directions, outside, inside): scales (directions,), or (directions, outside) per channel; codes with inside before outside."""
    leading = 2 if isinstance(plan.granularity, PerChannel) else 1
    rows = values.reshape(math.prod(values.shape[:leading]), -1)
    each = attrs.evolve(plan, granularity=PerChannel(0))
    qparams, codes = _coded(rows, each, where, lambda: sums_of_rows(rows, values.shape[-1]))
    shape = values.shape[:leading]
    spread = QParams(scale=qparams.scale.reshape(shape), zero_point=qparams.zero_point.reshape(shape))
    return spread, cast("Codes", np.swapaxes(codes.reshape(values.shape), -1, -2))


_Writer = Callable[[OwnOperators, Operator, TensorPlan, NodeProto, DynamicOperand | None], tuple[list[NodeProto], list[Table]]]
_WRITERS: Mapping[str, _Writer] = {
    "Attention": OwnOperators.attention,
    "LSTM": OwnOperators.lstm,
    "EmbedLayerNormalization": OwnOperators.embedding,
    "Gather": OwnOperators.lookup,
}
