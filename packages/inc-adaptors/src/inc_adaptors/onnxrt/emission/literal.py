"""Place pairs exactly where a plan has them, whether it pays or not.

The other placement (``placement``) decides from plans what runs on codes. Here an operator's plan is taken by the letter: an input with a
plan is read through a pair, an output with a plan is written through one. That is what other tools' users ask for, and it lets an operator
without an integer kernel compute between pairs.
"""

from __future__ import annotations

from inc_config.plan import OpId, QuantizationPlan

from inc_adaptors.onnxrt.emission.layout import Layout
from inc_adaptors.onnxrt.emission.placement import FLOAT_OUTPUTS, Coded, Placement


def place_literally(layout: Layout, plan: QuantizationPlan, blocked: frozenset[OpId]) -> Placement:
    """Every planned operator is active, every output with a plan coded; see this module."""
    active = {op: op_plan for op, op_plan in plan.ops.items() if op_plan.is_quantized and op not in blocked}
    in_float = frozenset(plan.recipes.get(FLOAT_OUTPUTS, ()))
    coded: dict[str, Coded] = {}
    for operator in layout.operators:
        op_plan = active.get(operator.op)
        if op_plan is None or operator.op.type in in_float:
            continue
        for name, tensor in zip(operator.outputs, op_plan.outputs, strict=False):
            if name and tensor is not None:
                coded[name] = Coded(root=name, plan=tensor)
    idle = tuple(op for op, op_plan in plan.ops.items() if op_plan.is_quantized and op not in active)
    return Placement(active=active, coded=coded, idle=idle)
