"""Let what a Concat joins have its result's scale, so that joining copies codes.

With scales of their own, every operand is rounded once more when it is joined: by a table in onnxruntime, by an operator of its own in
OpenVINO (half the time of a DenseNet). An operand that the Concat alone reads loses nothing; one that others read too keeps its scale
where it would become much coarser. So does one whose codes stand for a Relu or Clip, where those of the result do not.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
from inc_config.plan import TensorPlan

from inc_adaptors.onnxrt.emission.layout import Layout
from inc_adaptors.onnxrt.emission.placement import Coded, Placement
from inc_adaptors.onnxrt.graph import Graph
from inc_adaptors.qparams import QParams

_MOST_COARSENING = 1.125
"""How much longer a step may become for other readers: 1 dB."""


def share_scales(placement: Placement, layout: Layout, graph: Graph, qparams: Callable[[str, TensorPlan], QParams]) -> Placement:
    """The placement with operands of active Concats coded like what they become; ``qparams`` are those of a tensor's codes."""
    coded = dict(placement.coded)
    consumers, pinned = graph.consumers(), graph.pinned
    activations = {name: graph.nodes[o.activation].op_type for o in layout.operators if o.activation is not None for name in o.outputs}
    for operator in reversed(layout.operators):
        result = coded.get(operator.outputs[0]) if operator.op.type == "Concat" and operator.op in placement.active else None
        if result is None:
            continue
        shared = qparams(result.root, result.plan)
        starts_at_zero = int(shared.zero_point) == result.plan.dtype.qmin
        for name in operator.inputs.values():
            found = coded.get(name)
            if found is None or found.root == result.root:
                continue
            activation = activations.get(found.root, "")
            if activation and not (activation == "Relu" and starts_at_zero):
                continue
            is_its_own = found.root == name and len(consumers[name]) == 1 and name not in pinned
            is_alike = found.plan == result.plan and float(shared.scale) <= _MOST_COARSENING * float(qparams(found.root, found.plan).scale)
            if is_its_own or is_alike:
                shifted = Coded(root=result.root, plan=result.plan)
                coded.update({other: shifted for other, each in coded.items() if each.root == found.root})
    return attrs.evolve(placement, coded=coded)
