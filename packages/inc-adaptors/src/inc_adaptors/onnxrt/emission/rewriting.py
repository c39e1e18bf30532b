"""Write the nodes of one quantized graph from a placement and the skeleton's parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from inc_config.dtypes import UINT8
from inc_config.plan import OpId, OpPlan, TensorPlan
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto

from inc_adaptors.onnxrt.emission.added import AddedBiases
from inc_adaptors.onnxrt.emission.correction import Correction
from inc_adaptors.onnxrt.emission.dynamic import DynamicOperand, dynamic_nodes, dynamic_operand
from inc_adaptors.onnxrt.emission.manner import Manner
from inc_adaptors.onnxrt.emission.names import Names
from inc_adaptors.onnxrt.emission.own import OwnOperators
from inc_adaptors.onnxrt.emission.pairs import Pairs
from inc_adaptors.onnxrt.emission.parts import Part
from inc_adaptors.onnxrt.emission.placement import Placement
from inc_adaptors.onnxrt.emission.weights import Weights
from inc_adaptors.onnxrt.graph import Graph
from inc_adaptors.onnxrt.kinds import STANDARD_DOMAINS, Kind
from inc_adaptors.onnxrt.operators import Operator
from inc_adaptors.qparams import QParams

_USUAL = Manner()
_SIZING = frozenset({"Shape", "Size"})  # what reads no values: dequantized for it, a tensor would be written once more


class Rewriting:
    """One emission in progress; afterwards ``nodes`` and ``initializers`` make the model and ``qparams`` says what was used.

    ``manner`` says what the plan's recipes and target ask for; ``correction`` finds what biases take back, and ``uncorrected`` lists
    operators without a bias to write that into; ``added`` finds the biases of products (None: they stay as they are);
    ``own`` writes operators of onnxruntime's own (None: anew).
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
        correction: Correction | None = None,
        added: AddedBiases | None = None,
        own: OwnOperators | None = None,
    ) -> None:
        self.nodes: list[NodeProto] = []
        self.initializers: dict[str, TensorProto] = dict(graph.initializers)
        self.qparams: dict[str, QParams] = {}
        self._graph = graph
        self._placement = placement
        self._pairs = pairs
        self._weights = weights
        self._names = names
        self._own = own or OwnOperators(graph, names)
        self._manner = manner
        self._correction = correction
        self._added = added
        self.uncorrected: list[OpId] = []
        self._rewritten_adds: dict[int, tuple[int, str]] = {}  # node -> input position, constant to read instead
        self._reads: dict[str, str] = {}  # coded tensor -> the tensor its readers take instead
        self._codes: dict[str, str] = {}  # coded tensor -> its codes
        self._read_pairs: dict[tuple[str, TensorPlan], Part] = {}
        self._static_codes: dict[str, DynamicOperand] = {}  # uint8 tensors, for operators whose other activations are dynamic
        self._dynamic: set[str] = set()  # tensors that have their DynamicQuantizeLinear
        self._pinned = graph.pinned

    @property
    def reads(self) -> Mapping[str, str]:
        """Tensors that are written as codes, and what their readers take instead."""
        return self._reads

    def run(self, operators: Sequence[Operator]) -> None:
        """Write every operator in order."""
        for name in (value.name for value in self._graph.inputs):
            if name in self._placement.coded:
                self._read_codes(name)
        for operator in operators:
            if operator.node < 0:
                continue  # inside a subgraph, which its holder carries along
            plan = self._placement.active.get(operator.op)
            if plan is None:
                self._write_float(operator)
            elif operator.kind is Kind.OWN:
                self._write_own(operator, plan)
            elif plan.is_dynamic:
                self._write_dynamic(operator, plan)
            else:
                self._write_static(operator, plan)

    def _write_float(self, operator: Operator) -> None:
        self._close(operator, self._append(self._copy(operator.node), operator))

    def _close(self, operator: Operator, writer: NodeProto) -> None:
        """Put pairs behind the outputs that are written as codes."""
        for index, name in enumerate(operator.outputs):
            if name in self._placement.coded and name not in self._placement.carried:
                self._note(f"{operator.op}/output:{index}", self._write_codes(name, writer))

    def _write_static(self, operator: Operator, plan: OpPlan) -> None:
        node = self._copy(operator.node)
        scales: dict[int, QParams] = {}
        for position, name in operator.inputs.items():
            tensor_plan = plan.inputs[position]
            if operator.kind is Kind.CROSSING:
                coded = self._placement.coded[name]
                self._note(f"{operator.op}/input:{position}", self._pairs.range_of(coded.root, coded.plan))
            elif tensor_plan is not None:
                node.input[position], scales[position] = self._operand(name, tensor_plan)
                self._note(f"{operator.op}/input:{position}", scales[position])
        if operator.kind is Kind.WEIGHTED and plan.weight is not None:
            self._weigh(operator, node, plan.weight, scales[0].scale)
        self._close(operator, self._append(node, operator))

    def _weigh(self, operator: Operator, node: NodeProto, plan: TensorPlan, input_scale: NDArray[np.float32]) -> None:
        room = input_scale if self._manner.bias_room else None
        part = self._weights.weight(operator, plan, room, packed=self._manner.packed_weights)
        node.input[1] = self._take(part)
        self._note(f"{operator.op}/weight", part.qparams)
        shift = None
        if self._correction is not None:
            made_with = self._weights.base(operator, plan, part.qparams)
            shift = self._correction.shift(operator, plan, part.qparams, made_with)
        if node.op_type == "MatMul":
            self._rewrite_added(operator, shift)
        elif self._manner.integer_bias and (operator.bias is not None or shift is not None):
            self._set_bias(node, self._take(self._weights.bias(operator, input_scale, part.qparams, shift)))
        elif self._correction is not None and shift is not None:
            self._set_bias(node, self._keep(self._correction.shifted(operator.bias or "", shift)))

    def _rewrite_added(self, operator: Operator, shift: NDArray[np.float64] | None) -> None:
        """The constant of the Add behind a MatMul is its bias, unless it becomes codes."""
        bias = None if self._added is None else self._added.of(operator)
        if self._added is None or bias is None or self._writes(bias.node):
            self.uncorrected += [operator.op] if shift is not None else []
            return
        tensor = self._added.rewritten(operator, bias, shift)
        if tensor is not None:
            self._rewritten_adds[bias.node] = (bias.position, self._keep(tensor))

    def _writes(self, index: int) -> bool:
        """Whether a node runs on codes."""
        name = self._graph.nodes[index].name
        return any(op.scope == name for op in self._placement.active)

    def _keep(self, tensor: TensorProto) -> str:
        self.initializers[tensor.name] = tensor
        return tensor.name

    def _write_dynamic(self, operator: Operator, plan: OpPlan) -> None:
        node = self._graph.nodes[operator.node]
        left = self._dynamic_operand(node.input[0])
        if plan.weight is None:
            right, bias = self._dynamic_operand(node.input[1]), None
        else:
            right, bias = self._dynamic_weight(operator, plan.weight), self._dynamic_bias(operator)
        made = dynamic_nodes(self._names, node, left, right, bias=bias, output=node.output[0])
        self.nodes += made[:-1]
        self._append(made[-1], operator)

    def _write_own(self, operator: Operator, plan: OpPlan) -> None:
        node = self._copy(operator.node)
        operand = None
        if operator.op.type == "Attention":
            tensor = plan.inputs[0]
            operand = self._dynamic_operand(self._graph.nodes[operator.node].input[0]) if plan.is_dynamic else None
            if operand is None and tensor is not None:
                operand = self._static_operand(operator, tensor)
        nodes, tables = self._own.write(operator, plan, node, operand)
        for table in tables:
            self.initializers.update({part.name: part for part in table.parts})
        self._note(f"{operator.op}/weight", tables[0].qparams)
        self.nodes += nodes[:-1]
        self._append(nodes[-1], operator)

    def _static_operand(self, operator: Operator, plan: TensorPlan) -> DynamicOperand:
        """The codes behind what an integer operator would read."""
        name, qparams = self._operand(operator.inputs[0], plan)
        self._note(f"{operator.op}/input:0", qparams)
        dequantizer = next(node for node in reversed(self.nodes) if name in node.output)
        codes, scale, zero_point = dequantizer.input
        return DynamicOperand(codes=codes, scale=scale, zero_point=zero_point)

    def _dynamic_operand(self, name: str) -> DynamicOperand:
        """Quantize an activation by its own range, once for all that read it."""
        if name in self._static_codes:
            return self._static_codes[name]
        source = self._reads.get(name, name)
        node, operand = dynamic_operand(self._names, source)
        if source not in self._dynamic:
            self._dynamic.add(source)
            self.nodes.append(node)
        return operand

    def _dynamic_weight(self, operator: Operator, plan: TensorPlan) -> DynamicOperand:
        qparams = self._weights.qparams(operator, plan, None)
        self._note(f"{operator.op}/weight", qparams)
        parts = self._weights.loose(operator, plan, qparams)
        self.initializers.update({tensor.name: tensor for tensor in parts if tensor is not None})
        codes, scale, zero_point = parts
        return DynamicOperand(codes=codes.name, scale=scale.name, zero_point="" if zero_point is None else zero_point.name)

    def _dynamic_bias(self, operator: Operator) -> str | None:
        """The float bias, shaped to be added to the output of a convolution."""
        if operator.bias is None or operator.op.type != "Conv":
            return operator.bias
        tensor = self._weights.beside_channels(operator)
        self.initializers[tensor.name] = tensor
        return tensor.name

    def _operand(self, name: str, plan: TensorPlan) -> tuple[str, QParams]:
        """What an integer operator reads in place of ``name``, and its scale."""
        coded = None if name in self._graph.initializers else self._placement.coded.get(name)
        if coded is not None and (coded.plan == plan or not self._manner.literal):
            return self._reads.get(name, name), self._pairs.range_of(coded.root, coded.plan)
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
        self._codes[name] = part.nodes[0].output[0]
        if coded.plan.dtype == UINT8:
            quantizer = part.nodes[0]
            self._static_codes[name] = DynamicOperand(codes=quantizer.output[0], scale=quantizer.input[1], zero_point=quantizer.input[2])
        return part.qparams

    def _read_codes(self, name: str) -> None:
        """Let whoever reads an input of the graph read it through one pair."""
        coded = self._placement.coded[name]
        result = self._names.of(f"{name}_dequantized", coded.plan)
        self._reads[name] = self._take(self._pairs.pair(name, coded.plan, root=coded.root, source=name, result=result))

    def _append(self, node: NodeProto, operator: Operator) -> NodeProto:
        """Write a node and the activation fused behind it; returns the last of them."""
        self.nodes.append(node)
        if operator.activation is not None:
            self.nodes.append(self._copy(operator.activation))
        return self.nodes[-1]

    def _copy(self, index: int) -> NodeProto:
        node = NodeProto()
        node.CopyFrom(self._graph.nodes[index])
        is_sizing = node.op_type in _SIZING and node.domain in STANDARD_DOMAINS and not self._manner.literal
        for position, name in enumerate(node.input):
            if is_sizing and name in self._codes:
                node.input[position] = self._codes[name]
            elif name in self._reads:
                node.input[position] = self._reads[name]
        if index in self._rewritten_adds:
            position, name = self._rewritten_adds[index]
            node.input[position] = name
        return node

    @staticmethod
    def _set_bias(node: NodeProto, name: str) -> None:
        del node.input[2:]
        node.input.append(name)

    def _take(self, part: Part) -> str:
        self.nodes.extend(part.nodes)
        self.initializers.update({tensor.name: tensor for tensor in part.initializers})
        return part.output

    def _note(self, key: str, qparams: QParams) -> None:
        self.qparams[key] = qparams
