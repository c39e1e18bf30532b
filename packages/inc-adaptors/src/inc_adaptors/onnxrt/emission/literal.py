"""Place pairs exactly where a plan has them, whether it pays or not.

The other placement (``placement``) decides from plans what runs on codes. Here an operator's plan is taken by the letter: an input with a
plan is read through a pair, an output with a plan is written through one. That is what other tools' users ask for, and it lets an operator
without an integer kernel compute between pairs.
"""

from __future__ import annotations

from inc_config.plan import OpId, QuantizationPlan, RangeSource, TensorPlan

from inc_adaptors.onnxrt.emission.layout import Layout
from inc_adaptors.onnxrt.emission.placement import FLOAT_OUTPUTS, Coded, Placement


def place_literally(layout: Layout, plan: QuantizationPlan, blocked: frozenset[OpId]) -> Placement:
    """Every operator planned in integer is active, every output with a plan coded, also of operators in float; see this module.

    An input of the graph that all its planned readers read alike is coded for every reader.
    """
    active = {op: op_plan for op, op_plan in plan.ops.items() if op_plan.is_quantized and op not in blocked}
    in_float = frozenset(plan.recipes.get(FLOAT_OUTPUTS, ()))
    coded: dict[str, Coded] = {}
    made: set[str] = set()
    reads: dict[str, set[TensorPlan]] = {}
    for operator in layout.operators:
        made.update(operator.outputs)
        op_plan = plan.ops.get(operator.op)
        if op_plan is None or operator.op in blocked:
            continue
        for position, name in operator.inputs.items():
            tensor = op_plan.inputs[position] if position < len(op_plan.inputs) else None
            if tensor is not None and tensor.ranges is RangeSource.STATIC and name not in made:
                reads.setdefault(name, set()).add(tensor)
        if operator.op.type not in in_float:
            written = zip(operator.outputs, op_plan.outputs, strict=False)
            coded.update({name: Coded(root=name, plan=tensor) for name, tensor in written if name and tensor is not None})
    coded.update({name: Coded(root=name, plan=plans.pop()) for name, plans in reads.items() if len(plans) == 1})
    idle = tuple(op for op, op_plan in plan.ops.items() if op_plan.is_quantized and op not in active)
    return Placement(active=active, coded=coded, idle=idle)
