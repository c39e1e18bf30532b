"""Decide, for one plan, which operators run on codes and which tensors carry them.

A plan says what each operator *may* do; some of it only pays beside another quantized operator:

- a weighted operator runs on codes whenever its plan says so;
- an operator that computes on codes (Add, Concat, pooling, ...) does so if at least one of its operands already is codes, and one that
  passes codes on (Reshape, MaxPool, ...) if its input is: they keep int8 between int8 operators and never start it;
- a product of two activations runs on codes whenever its plan says so, and what it reads becomes codes where it was made;
- a matrix product writes codes only if somebody reads them as codes; otherwise its kernel returns float, as fast and more accurate.

A tensor that is written as codes is read as codes by everyone: a float reader beside the pair would keep the integer kernel from fusing.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from inc_config.plan import OpId, OpPlan, QuantizationPlan, TensorPlan
from inc_config.target import Runtime

from inc_adaptors.onnxrt.emission.layout import Layout
from inc_adaptors.onnxrt.kinds import Kind
from inc_adaptors.onnxrt.operators import Operator

FLOAT_OUTPUTS = "float_outputs"
_REARRANGING = frozenset({"Reshape", "Squeeze", "Transpose", "Unsqueeze"})
"""Behind these OpenVINO needs no pair, and with one it does not see patterns of several of them, such as shuffled channels."""


@attrs.frozen(kw_only=True, eq=False)
class Coded:
    """How a tensor is written as codes: with the plan and range of ``root``, the tensor its codes come from."""

    root: str
    plan: TensorPlan


@attrs.frozen(kw_only=True, eq=False)
class Placement:
    """``active`` operators run on codes; ``coded`` tensors are written as codes; ``idle`` were planned in integer but stay in float.

    ``carried`` are coded tensors without a pair of their own: the runtime carries that of the tensor before over to them.
    """

    active: Mapping[OpId, OpPlan]
    coded: Mapping[str, Coded]
    idle: tuple[OpId, ...]
    carried: frozenset[str] = frozenset()


def place(layout: Layout, plan: QuantizationPlan, blocked: frozenset[OpId] = frozenset()) -> Placement:
    """Apply the rules of this module; ``blocked`` operators stay in float whatever the plan says.

    Operators of the types that the recipe ``FLOAT_OUTPUTS`` lists write floats; integer readers quantize them for themselves.
    """
    planned = {op: p for op, p in plan.ops.items() if p.is_quantized and op not in blocked}
    read_as_codes = _read_as_codes(layout, planned)
    in_float = frozenset(plan.recipes.get(FLOAT_OUTPUTS, ()))
    active: dict[OpId, OpPlan] = {}
    coded: dict[str, Coded] = {}
    carried: set[str] = set()
    for operator in layout.operators:
        op_plan = planned.get(operator.op)
        if op_plan is None or not _is_active(operator, coded):
            continue
        active[operator.op] = op_plan
        is_unread = operator.can_return_float(plan.target.runtime) and read_as_codes.isdisjoint(operator.outputs)
        if operator.op.type not in in_float and not is_unread:
            coded.update(_written(operator, op_plan, coded))
        if plan.target.runtime is Runtime.OPENVINO and operator.op.type in _REARRANGING and operator.kind is Kind.PASSING:
            carried.update(operator.outputs)
    for operator in layout.operators:
        if operator.kind is Kind.CROSSING and operator.op in active:
            coded = _crossed(operator, active[operator.op]) | coded
    idle = tuple(op for op, p in plan.ops.items() if p.is_quantized and op not in active)
    return Placement(active=active, coded=coded, idle=idle, carried=frozenset(carried))


def _is_active(operator: Operator, coded: Mapping[str, Coded]) -> bool:
    if operator.kind in (Kind.WEIGHTED, Kind.OWN, Kind.CROSSING):
        return True
    return any(name in coded for name in operator.inputs.values())


def _written(operator: Operator, plan: OpPlan, coded: Mapping[str, Coded]) -> dict[str, Coded]:
    if operator.kind is Kind.PASSING:
        return dict.fromkeys(filter(None, operator.outputs), coded[operator.inputs[0]])
    output = plan.outputs[0] if plan.outputs else None
    name = operator.outputs[0]
    if output is None or plan.is_dynamic:
        return {}
    return {name: Coded(root=name, plan=output)}


def _crossed(operator: Operator, plan: OpPlan) -> dict[str, Coded]:
    """Operands as codes from where they were made."""
    planned = ((name, plan.inputs[position]) for position, name in operator.inputs.items())
    return {name: Coded(root=name, plan=tensor) for name, tensor in planned if tensor is not None}


def _read_as_codes(layout: Layout, planned: Mapping[OpId, OpPlan]) -> frozenset[str]:
    """Tensors that some operator would read as codes, directly or through operators that pass them on."""
    found: set[str] = set()
    for operator in reversed(layout.operators):
        plan = planned.get(operator.op)
        if plan is None or plan.is_dynamic:
            continue
        if operator.kind is Kind.READING or operator.kind is Kind.CROSSING:
            continue  # an index of codes is no better than one of floats; a product of activations has ranges of its own
        if operator.kind is not Kind.PASSING or any(name in found for name in operator.outputs):
            found.update(operator.inputs.values())
    return frozenset(found)
