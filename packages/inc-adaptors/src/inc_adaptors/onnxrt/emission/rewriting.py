"""Write the nodes of one quantized graph from a placement and the skeleton's parts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from inc_config.plan import OpPlan, TensorPlan
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto

from inc_adaptors.onnxrt.emission.dynamic import dynamic_nodes
from inc_adaptors.onnxrt.emission.manner import Manner
from inc_adaptors.onnxrt.emission.names import Names
from inc_adaptors.onnxrt.emission.pairs import Pairs
from inc_adaptors.onnxrt.emission.parts import Part
from inc_adaptors.onnxrt.emission.placement import Placement
from inc_adaptors.onnxrt.emission.weights import Weights
from inc_adaptors.onnxrt.graph import Graph
from inc_adaptors.onnxrt.kinds import Kind
from inc_adaptors.onnxrt.operators import Operator
from inc_adaptors.qparams import QParams

_USUAL = Manner()


class Rewriting:
    """One emission in progress; afterwards ``nodes`` and ``initializers`` make the model and ``qparams`` says what was used.

    ``manner`` says what the plan's recipes and target ask for.
    """

    def __init__(
        self,
        graph: Graph,
        placement: Placement,
        pairs: Pairs,
        weights: Weights,
        names: Names,
        *,
        manner: Manner = _USUAL,
    ) -> None:
        self.nodes: list[NodeProto] = []
        self.initializers: dict[str, TensorProto] = dict(graph.initializers)
        self.qparams: dict[str, QParams] = {}
        self._graph = graph
        self._placement = placement
        self._pairs = pairs
        self._weights = weights
        self._names = names
        self._manner = manner
        self._reads: dict[str, str] = {}  # coded tensor -> the tensor its readers take instead
        self._read_pairs: dict[tuple[str, TensorPlan], Part] = {}
        self._dynamic: set[str] = set()  # tensors that have their DynamicQuantizeLinear
        self._pinned = graph.pinned

    def run(self, operators: Sequence[Operator]) -> None:
        """Write every operator in order."""
        for operator in operators:
            if operator.node < 0:
                continue  # inside a subgraph, which its holder carries along
            plan = self._placement.active.get(operator.op)
            if plan is None:
                self._write_float(operator)
            elif plan.is_dynamic:
                self._write_dynamic(operator, plan)
            else:
                self._write_static(operator, plan)

    def _write_float(self, operator: Operator) -> None:
        self._append(self._copy(operator.node), operator)

    def _write_static(self, operator: Operator, plan: OpPlan) -> None:
        node = self._copy(operator.node)
        scales: dict[int, QParams] = {}
        for position, name in operator.inputs.items():
            tensor_plan = plan.inputs[position]
            if tensor_plan is not None:
                node.input[position], scales[position] = self._operand(name, tensor_plan)
                self._note(f"{operator.op}/input:{position}", scales[position])
        if operator.kind is Kind.WEIGHTED and plan.weight is not None:
            self._weigh(operator, node, plan.weight, scales[0].scale)
        writer = self._append(node, operator)
        for index, name in enumerate(operator.outputs):
            if name in self._placement.coded:
                self._note(f"{operator.op}/output:{index}", self._write_codes(name, writer))

    def _weigh(self, operator: Operator, node: NodeProto, plan: TensorPlan, input_scale: NDArray[np.float32]) -> None:
        room = input_scale if self._manner.bias_room else None
        part = self._weights.weight(operator, plan, room, packed=self._manner.packed_weights)
        node.input[1] = self._take(part)
        self._note(f"{operator.op}/weight", part.qparams)
        if operator.bias is not None and self._manner.integer_bias:
            node.input[2] = self._take(self._weights.bias(operator, input_scale, part.qparams))

    def _write_dynamic(self, operator: Operator, plan: OpPlan) -> None:
        assert plan.weight is not None  # noqa: S101  (check_plan has seen to it; for the type checker)
        qparams = self._weights.qparams(operator, plan.weight, None)
        self._note(f"{operator.op}/weight", qparams)
        transposed = operator.channel_axis == 0
        codes = self._weights.codes(operator, plan.weight, qparams, transposed=transposed)
        scale = self._weights.scale(operator, plan.weight, qparams)
        self.initializers.update({codes.name: codes, scale.name: scale})
        node = self._graph.nodes[operator.node]
        source = self._reads.get(node.input[0], node.input[0])
        made = dynamic_nodes(
            self._names, node.name, source=source, codes=codes.name, scale=scale.name, bias=operator.bias, output=node.output[0]
        )
        if source in self._dynamic:
            made = made[1:]  # another product reads the same codes
        self._dynamic.add(source)
        self.nodes += made[:-1]
        self._append(made[-1], operator)

    def _operand(self, name: str, plan: TensorPlan) -> tuple[str, QParams]:
        """What an integer operator reads in place of ``name``, and its scale."""
        coded = self._placement.coded.get(name)
        if coded is not None and (coded.plan == plan or not self._manner.literal):
            return self._reads[name], self._pairs.range_of(coded.root, coded.plan)
        if name in self._graph.initializers:
            part = self._pairs.constant(name, plan, packed=self._manner.packed_weights)
        else:
            result = self._names.of(f"{name}_dequantized", plan)
            part = self._pairs.pair(name, plan, root=name, source=self._reads.get(name, name), result=result)
        if (name, plan) not in self._read_pairs:
            self._read_pairs[name, plan] = part
            self._take(part)
        return part.output, part.qparams

    def _write_codes(self, name: str, writer: NodeProto) -> QParams:
        """Put a pair behind an output of ``writer``; whoever reads the tensor reads the pair's output from here on."""
        coded = self._placement.coded[name]
        pinned = name in self._pinned
        source = self._names.of(f"{name}_float") if pinned else name
        result = name if pinned else self._names.of(f"{name}_dequantized", coded.plan)
        part = self._pairs.pair(name, coded.plan, root=coded.root, source=source, result=result)
        if pinned:
            writer.output[list(writer.output).index(name)] = source
        self._take(part)
        self._reads[name] = result
        return part.qparams

    def _append(self, node: NodeProto, operator: Operator) -> NodeProto:
        """Write a node and the activation fused behind it; returns the last of them."""
        self.nodes.append(node)
        if operator.activation is not None:
            self.nodes.append(self._copy(operator.activation))
        return self.nodes[-1]

    def _copy(self, index: int) -> NodeProto:
        node = NodeProto()
        node.CopyFrom(self._graph.nodes[index])
        for position, name in enumerate(node.input):
            if name in self._reads:
                node.input[position] = self._reads[name]
        return node

    def _take(self, part: Part) -> str:
        self.nodes.extend(part.nodes)
        self.initializers.update({tensor.name: tensor for tensor in part.initializers})
        return part.output

    def _note(self, key: str, qparams: QParams) -> None:
        self.qparams[key] = qparams
