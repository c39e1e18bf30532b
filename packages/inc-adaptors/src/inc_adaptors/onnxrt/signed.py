"""Signed codes for OpenVINO, where a zero point costs more than it gains.

A zero point that is not 0 makes OpenVINO's convolutions correct for it, which the first one, on a large picture, does not hide: without
one it takes 2.5 to 3.3 ms where it took 4.2 (ResNet-50's shape at batch 8 on AMX, 2 % of the whole model). And where a float operator
reads codes too, they are converted and the zero point subtracted by operators of their own (a third of a DenseNet). uint8 has no zero
point for what starts at 0; for what reaches to both sides int8 symmetric has none either, and costs next to nothing where both reach as
far.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import attrs
from inc_config.capabilities import Capabilities, OpCapability
from inc_config.dtypes import INT8, Scheme
from inc_config.plan import OpPlan, TensorPlan
from inc_config.target import Isa, Runtime, Target

from inc_adaptors.onnxrt.emission.layout import Layout
from inc_adaptors.onnxrt.graph import Graph
from inc_adaptors.onnxrt.kinds import Kind
from inc_adaptors.onnxrt.operators import Operator
from inc_adaptors.statistics.histogram import HistogramStatistic
from inc_adaptors.statistics.ranges import RangeStatistic
from inc_adaptors.statistics.store import Statistics

MOST_COARSENING = 1.125
"""How much longer the symmetric step of a model input may be: 1 dB of its own noise, of which a ResNet-50's output shows 0.1.

Pictures normalized as for ImageNet (-2.12 to 2.64) have 1.11.
"""
_MOST_BEHIND = 2.0
"""The same of what integer operators make, where a zero point costs a conversion: 6 dB at the most, of one tensor among many."""

_EXACT = frozenset({Isa.AVX512_VNNI, Isa.AMX})


def takes_signed(target: Target) -> bool:
    """Whether a target gains by int8 activations: OpenVINO where products of bytes are exact and the codes' sign is free."""
    return target.runtime is Runtime.OPENVINO and target.isa in _EXACT


def signable(graph: Graph, operators: Sequence[Operator], target: Target) -> frozenset[str]:
    """Model inputs that convolutions alone read, and what integer operators make for float ones too, where the target gains by signs.

    Not what a Concat makes for a product: OpenVINO 2026.4 multiplies that wrongly where it is signed (8 to 13 dB are left).
    """
    if not takes_signed(target):
        return frozenset()
    makers = {
        name: operator for operator in operators if _is_open(operator) and operator.kind is not Kind.PASSING for name in operator.outputs
    }
    inputs = {value.name for value in graph.inputs}
    found = set()
    for name, readers in _readers(graph, operators).items():
        if name in inputs and all(_is_convolution(reader) for reader in readers):
            found.add(name)
        elif name in makers:
            integers = [reader for reader in readers if _is_open(reader)]
            is_joined = makers[name].op.type == "Concat"
            if 0 < len(integers) < len(readers) and not (is_joined and any(reader.op.type != "Concat" for reader in integers)):
                found.add(name)
    return frozenset(found)


def _readers(graph: Graph, operators: Sequence[Operator]) -> dict[str, list[Operator]]:
    """By whom tensors are read that nobody reads from outside."""
    by_node = {operator.node: operator for operator in operators}
    by_node |= {operator.activation: operator for operator in operators if operator.activation is not None}
    consumers = graph.consumers()
    return {name: [by_node[index] for index, _ in places] for name, places in consumers.items() if name not in graph.pinned}


def _is_open(operator: Operator) -> bool:
    return operator.reason is None and operator.kind is not Kind.FLOAT


def _is_convolution(operator: Operator) -> bool:
    return operator.kind is Kind.WEIGHTED and operator.op.type == "Conv"


def signed(option: OpPlan, operator: Operator, names: Collection[str]) -> OpPlan:
    """The same with those of the operator's tensors as int8 symmetric that are among ``names``."""
    places = {position for position, name in operator.inputs.items() if name in names}
    inputs = (_signed(tensor) if position in places else tensor for position, tensor in enumerate(option.inputs))
    outputs = (_signed(tensor) if name in names else tensor for name, tensor in zip(operator.outputs, option.outputs, strict=False))
    return attrs.evolve(option, inputs=tuple(inputs), outputs=tuple(outputs))


def choose_signs(capabilities: Capabilities, graph: Graph, layout: Layout, statistics: Statistics) -> Capabilities:
    """Of options that differ in signs alone, the one whose signs fit the tensors' ranges; a choice that constraints made stays."""
    names = signable(graph, layout.operators, capabilities.target)
    inputs = {value.name for value in graph.inputs}
    even = {name for name in names if _is_even(layout, name, statistics, MOST_COARSENING if name in inputs else _MOST_BEHIND)}

    def chosen(capability: OpCapability) -> OpCapability:
        operator = layout.by_op.get(capability.op)
        if operator is None or names.isdisjoint((*operator.inputs.values(), *operator.outputs)):
            return capability
        counterparts = {option: signed(option, operator, names) for option in capability.options}
        both = {option for option, other in counterparts.items() if other != option and other in counterparts}
        others = {counterparts[option] for option in both}
        options = (signed(option, operator, even) if option in both else option for option in capability.options if option not in others)
        return attrs.evolve(capability, options=tuple(options))

    return attrs.evolve(capabilities, ops=tuple(map(chosen, capabilities.ops))) if names else capabilities


def _signed(tensor: TensorPlan | None) -> TensorPlan | None:
    return None if tensor is None else attrs.evolve(tensor, dtype=INT8, scheme=Scheme.SYMMETRIC)


def _is_even(layout: Layout, tensor: str, statistics: Statistics, most: float) -> bool:
    """Whether values reach about as far below zero as above, by the first statistic that tells."""
    for key in layout.keys.get(tensor, ()):
        for found in statistics.values.get(key, {}).values():
            if isinstance(found, RangeStatistic | HistogramStatistic) and found.minimum < 0.0 < found.maximum:
                return bool(2.0 * max(-found.minimum, found.maximum) <= most * (found.maximum - found.minimum))
    return False
