"""Model inputs as signed codes, for convolutions in OpenVINO.

A zero point that is not 0 makes OpenVINO's convolutions correct for it, which the first one, on a large picture, does not hide: without
one it takes 2.5 to 3.3 ms where it took 4.2 (ResNet-50's shape at batch 8 on AMX, 2 % of the whole model). uint8 has none for pictures
that start at 0; for those that reach to both sides int8 symmetric has none either, and costs next to nothing where both reach as far.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from inc_config.capabilities import Capabilities, OpCapability
from inc_config.dtypes import INT8, UINT8, IntegerType, Scheme
from inc_config.plan import OpPlan
from inc_config.target import Isa, Runtime, Target

from inc_adaptors.onnxrt.emission.layout import Layout
from inc_adaptors.onnxrt.graph import Graph
from inc_adaptors.onnxrt.kinds import Kind
from inc_adaptors.onnxrt.operators import Operator
from inc_adaptors.statistics.histogram import HistogramStatistic
from inc_adaptors.statistics.ranges import RangeStatistic
from inc_adaptors.statistics.store import Statistics

MOST_COARSENING = 1.125
"""How much longer the symmetric step may be: 1 dB of the input's own noise, of which a ResNet-50's output shows 0.1.

Pictures normalized as for ImageNet (-2.12 to 2.64) have 1.11.
"""

_EXACT = frozenset({Isa.AVX512_VNNI, Isa.AMX})


def takes_signed(target: Target) -> bool:
    """Whether a target gains by int8 activations: OpenVINO where products of bytes are exact and the codes' sign is free."""
    return target.runtime is Runtime.OPENVINO and target.isa in _EXACT


def signable_inputs(graph: Graph, operators: Sequence[Operator], target: Target) -> frozenset[str]:
    """Model inputs that convolutions alone read, where the target is faster with signed codes."""
    if not takes_signed(target):
        return frozenset()
    readers: dict[str, int] = {}
    for operator in operators:
        if operator.kind is Kind.WEIGHTED and operator.op.type == "Conv":
            readers[operator.inputs[0]] = readers.get(operator.inputs[0], 0) + 1
    consumers = graph.consumers()
    names = [value.name for value in graph.inputs if value.name not in graph.pinned]
    return frozenset(name for name in names if name in readers and readers[name] == len(consumers[name]))


def signed(option: OpPlan) -> OpPlan:
    """The same with its input as int8 symmetric; the output stays as it is."""
    inputs = (None if tensor is None else attrs.evolve(tensor, dtype=INT8, scheme=Scheme.SYMMETRIC) for tensor in option.inputs)
    return attrs.evolve(option, inputs=tuple(inputs))


def choose_signs(capabilities: Capabilities, graph: Graph, layout: Layout, statistics: Statistics) -> Capabilities:
    """Of options that differ in the sign of a model input, those that fit its range; a choice that constraints made stays."""
    names = signable_inputs(graph, layout.operators, capabilities.target)

    def chosen(capability: OpCapability) -> OpCapability:
        operator = layout.by_op.get(capability.op)
        if operator is None or operator.inputs.get(0) not in names:
            return capability
        is_even = _is_even(layout, operator.inputs[0], statistics)
        unfit = UINT8 if is_even else INT8
        options = tuple(option for option in capability.options if not _takes(option, unfit))
        return attrs.evolve(capability, options=options) if any(option.is_quantized for option in options) else capability

    return attrs.evolve(capabilities, ops=tuple(map(chosen, capabilities.ops))) if names else capabilities


def _takes(option: OpPlan, dtype: IntegerType) -> bool:
    source = option.inputs[0] if option.inputs else None
    return source is not None and source.dtype == dtype


def _is_even(layout: Layout, tensor: str, statistics: Statistics) -> bool:
    """Whether values reach about as far below zero as above, by the first statistic that tells."""
    for key in layout.keys.get(tensor, ()):
        for found in statistics.values.get(key, {}).values():
            if isinstance(found, RangeStatistic | HistogramStatistic) and found.minimum < 0.0 < found.maximum:
                return bool(2.0 * max(-found.minimum, found.maximum) <= MOST_COARSENING * (found.maximum - found.minimum))
    return False
