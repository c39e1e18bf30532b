"""Which tensors onnxruntime's tool quantizes: one walk over the operators in order, by rules per operator type.

An operator quantizes what it reads and what it writes, the latter with a range of its own or with its input's (``Same``). Some do so only
where their input is quantized already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import attrs
from onnx import NodeProto, TensorProto

from inc_adaptors.onnxrt.graph import Graph, attribute, scalar
from inc_adaptors.onnxrt.kinds import STANDARD_DOMAINS
from inc_adaptors.onnxrt.operators import Operator
from inc_adaptors.onnxrt.shapes import TensorType

INTEGER_TYPES = frozenset(
    {
        "Add", "ArgMax", "AveragePool", "Clip", "Concat", "Conv", "Flatten", "Gather", "Gemm", "GlobalAveragePool", "LeakyRelu", "MatMul",
        "MaxPool", "Mul", "Pad", "Relu", "Reshape", "Resize", "Sigmoid", "Softmax", "Split", "Squeeze", "Transpose", "Unsqueeze", "Where",
    }
)  # fmt: skip
"""Operator types with integer operators: what the tool takes by default in QOperator form."""

PAIR_TYPES = INTEGER_TYPES | {
    "BatchNormalization", "ConvTranspose", "CumSum", "GatherElements", "InstanceNormalization", "LayerNormalization", "Slice", "TopK",
}  # fmt: skip
"""What it takes by default in QDQ form."""

NORMALIZATIONS = frozenset({"BatchNormalization", "InstanceNormalization", "LayerNormalization"})
_DIRECT = frozenset({"AveragePool", "Flatten", "MaxPool", "Reshape", "Resize", "Slice", "Squeeze", "TopK", "Transpose", "Unsqueeze"})
POOLED_CODES = 12
"""The standard operator set from which on MaxPool takes codes; in an older one it stays in float."""

_COPYING_PADS = frozenset({"edge", "reflect", "wrap"})


@attrs.frozen
class Same:
    """Quantized with the scale of what ``reader`` reads as ``source``."""

    source: str
    reader: str


@attrs.frozen(kw_only=True)
class Step:
    """One quantized operator: positions of inputs read as codes, and the position of a constant weight among them."""

    operator: Operator
    reads: tuple[int, ...]
    weight: int | None = None


@attrs.frozen(kw_only=True)
class Walk:
    """``steps`` in order; ``marks`` are all quantized activations, None for a range of their own; ``aliases`` take another's range."""

    steps: tuple[Step, ...]
    marks: Mapping[str, Same | None]
    aliases: Mapping[str, str]
    unit: frozenset[str]
    """Outputs of Softmax, whose range is 0 to 1."""


@attrs.frozen(kw_only=True, eq=False)
class Walker:
    """What the walk needs to know.

    ``is_selected`` says whether the user wants an operator; ``force`` quantizes what only passes codes on also where it reads no codes;
    ``float_outputs`` are types whose outputs stay in float; ``constant_weights_only`` leaves products of two activations in float;
    ``integer_operators`` are rules of the QOperator form; ``drops_activations`` quantizes behind a Relu or Clip
    alone, not before it as well; ``opset`` is that of the model as it was given.
    """

    graph: Graph
    types: Mapping[str, TensorType]
    is_selected: Callable[[Operator], bool]
    force: bool = False
    float_outputs: frozenset[str] = frozenset()
    constant_weights_only: bool = False
    integer_operators: bool = False
    drops_activations: bool = False
    opset: int = POOLED_CODES

    def walk(self, operators: Iterable[Operator]) -> Walk:
        """Apply the rules."""
        marks: dict[str, Same | None] = {}
        aliases: dict[str, str] = {}
        unit: set[str] = set()
        steps: list[Step] = []
        consumers = self.graph.consumers()
        for operator in operators:
            if operator.node < 0 or not self.is_selected(operator):
                continue
            node = self.graph.nodes[operator.node]
            if node.domain not in STANDARD_DOMAINS:
                continue
            alone = operator.op.type in ("Relu", "Clip") and len(consumers.get(node.input[0], ())) == 1
            if alone and self.drops_activations and node.input[0] in marks and node.input[0] not in self.graph.pinned:
                del marks[node.input[0]]  # the clamp of its output's quantizer stands for it
                marks[operator.outputs[0]] = None
                continue
            found = self._step(operator, node, marks)
            if found is None:
                continue
            steps.append(found)
            if alone:
                aliases[node.input[0]] = operator.outputs[0]
            if operator.op.type == "Softmax":
                unit.add(operator.outputs[0])
        return Walk(steps=tuple(steps), marks=marks, aliases=aliases, unit=frozenset(unit))

    def _step(self, operator: Operator, node: NodeProto, marks: dict[str, Same | None]) -> Step | None:
        kind = operator.op.type
        if self.integer_operators and kind not in INTEGER_TYPES:
            return None
        is_coded = bool(node.input) and node.input[0] in marks
        passed = self._passed(operator, node, is_coded=is_coded)
        if passed is not None:
            return self._passing(operator, node, marks, passed) if passed else None
        positions: Sequence[int] = range(len(node.input))
        weight = None
        if kind in ("Relu", "Clip"):
            positions = (0,) if is_coded else ()
        elif kind == "Where":
            are_coded = not self.integer_operators and all(name in marks for name in node.input[1:3])
            positions = (1, 2) if self.force or are_coded else ()
        elif kind == "GlobalAveragePool" and self.integer_operators:
            positions = (0,) if is_coded else ()
        elif kind in ("Conv", "ConvTranspose", "Gemm", *NORMALIZATIONS):
            positions = (0, 1)
            weight = 1 if self._is_constant(node.input[1]) else None
        elif kind == "MatMul":
            sides = (1,) if self.integer_operators else (1, 0)  # what an integer product has on its left has an activation's type
            weight = next((position for position in sides if self._is_constant(node.input[position])), None)
            positions = () if weight is None and self.constant_weights_only else (0, 1)
        return self._marked(operator, node, marks, positions, weight=weight)

    def _passed(self, operator: Operator, node: NodeProto, *, is_coded: bool) -> Sequence[str] | None:
        """Outputs that take their input's scale; none of them where nothing is quantized, None where an operator computes."""
        kind = operator.op.type
        if kind == "MaxPool" and self.opset < POOLED_CODES:
            return ()
        if kind == "Pad" and self.integer_operators and not is_coded:
            return ()
        if kind == "Split" or (kind == "Pad" and self._copies(node)):
            return operator.outputs
        looks_up = kind in ("Gather", "GatherElements")
        if looks_up or (kind in _DIRECT and not (self.integer_operators and kind == "AveragePool")):
            from_table = looks_up and self._is_constant(node.input[0])
            moves_codes = (self.force or is_coded) and not (looks_up and self.integer_operators)
            return operator.outputs[:1] if from_table or moves_codes else ()
        return None

    def _marked(
        self, operator: Operator, node: NodeProto, marks: dict[str, Same | None], positions: Sequence[int], *, weight: int | None = None
    ) -> Step | None:
        """Quantize inputs and outputs, each with its own range."""
        reads = tuple(position for position in positions if self._is_float(node.input[position]))
        outputs = [name for name in operator.outputs if name and self._is_float(name)]
        if not reads or (weight is not None and weight not in reads):
            return None
        for position in reads:
            if node.input[position] not in self.graph.initializers:
                marks.setdefault(node.input[position], None)
        if operator.op.type not in self.float_outputs:
            for name in outputs:
                marks.setdefault(name, None)
        return Step(operator=operator, reads=reads, weight=weight)

    def _passing(self, operator: Operator, node: NodeProto, marks: dict[str, Same | None], outputs: Iterable[str]) -> Step | None:
        """Quantize the first input, and outputs with its scale."""
        source = node.input[0]
        if not self._is_float(source):
            return None
        if source not in self.graph.initializers:
            marks.setdefault(source, None)
        if operator.op.type not in self.float_outputs:
            marks.update({name: Same(source, node.name) for name in outputs if name and self._is_float(name)})
        return Step(operator=operator, reads=(0,))

    def _copies(self, node: NodeProto) -> bool:
        """Whether a Pad adds nothing but copies of its input, or zeros."""
        mode = attribute(node, "mode", "constant")
        if mode != "constant":
            return mode in _COPYING_PADS
        if len(node.input) > 2 and node.input[2]:
            return scalar(self.graph.constant(node.input[2])) == 0.0
        return bool(attribute(node, "value", 0.0) == 0.0)

    def _is_constant(self, name: str) -> bool:
        held = self.graph.initializers.get(name)
        return held is not None and held.data_type == TensorProto.FLOAT

    def _is_float(self, name: str) -> bool:
        if name in self.graph.initializers:
            return self._is_constant(name)
        kind = self.types.get(name)
        return kind is not None and kind.is_float32


def selector(
    *, types: frozenset[str], nodes: frozenset[str], excluded: frozenset[str], present: frozenset[str] | None = None
) -> Callable[[Operator], bool]:
    """Whether the arguments of the tool select an operator; only nodes that are ``present`` are, where it is given."""

    def is_selected(operator: Operator) -> bool:
        name = operator.op.scope
        known = present is None or name in present
        return operator.op.type in types and (not nodes or name in nodes) and name not in excluded and known

    return is_selected
