"""Operators whose results 8 bits would flatten: found from the graph and from calibration, and kept in float.

Two things ruin a model silently. A Concat or Add of tensors whose ranges differ by far gives both one scale, and the small one keeps a
handful of codes: boxes in pixels beside scores between 0 and 1. And behind the last convolution or matrix product, Softmax, Exp, Pow,
Sqrt and Div turn half a step of their input into many steps of the result, with no later layer to even it out. A convolution that feeds
them stays in float too where its integer kernel can return nothing but codes, as in onnxruntime; a matrix product returns float anyway.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
from inc_config.capabilities import Capabilities, OpCapability, Reason, ReasonCode
from inc_config.plan import OpId
from inc_config.target import Runtime

from inc_adaptors.onnxrt.emission.layout import Layout
from inc_adaptors.onnxrt.graph import Graph
from inc_adaptors.onnxrt.kinds import STANDARD_DOMAINS, Kind
from inc_adaptors.onnxrt.operators import Operator
from inc_adaptors.onnxrt.reached import unreached
from inc_adaptors.statistics.histogram import HistogramStatistic
from inc_adaptors.statistics.ranges import RangeStatistic
from inc_adaptors.statistics.store import Statistics

RANGE_RATIO = 50.0
"""From here on the smaller of two joined tensors would keep five of 256 codes or fewer."""

STEEP = frozenset({"Softmax", "Exp", "Pow", "Sqrt", "Div"})
"""Functions that magnify the rounding of their inputs."""

_JOINING = frozenset({"Concat", "Add"})
_AVERAGING = frozenset({"AveragePool", "GlobalAveragePool", "ReduceMean", "ReduceSum"})
_PRODUCTS = frozenset({"Conv", "ConvTranspose", "MatMul", "Gemm"})


def guard(capabilities: Capabilities, graph: Graph, layout: Layout, statistics: Statistics) -> Capabilities:
    """Take the integer options of operators at risk away; each says why with ``ReasonCode.RANGE_GUARD``.

    Readers of a Concat at risk go to float with it, as far as the next tensor of a range of its own: quantizing the joined tensor for
    them would lose what the Concat kept.
    """
    tails = _tails(graph, layout)
    reasons: dict[OpId, str] = {}
    for operator in layout.operators:
        found = _ratio(graph, layout, operator, statistics)
        if found is not None:
            reasons[operator.op] = found
            if operator.op.type == "Concat":
                reasons.update(dict.fromkeys(_readers(layout, operator), f"reads what {operator.op} joined: {found}"))
    for tail in tails:
        cause = _cause(tail, reasons)
        if cause:
            reasons = {operator.op: cause for operator in tail} | reasons
    empty = unreached(layout, statistics)
    return attrs.evolve(capabilities, ops=tuple(_judged(_reached(op, empty), reasons.get(op.op)) for op in capabilities.ops))


def structural_guard(graph: Graph, operators: tuple[Operator, ...], runtime: Runtime) -> Mapping[OpId, Reason]:
    """What the graph alone tells: operators of tails that hold a steep function, and convolutions that feed one."""
    layout = Layout.of(operators, {})
    causes: dict[OpId, str] = {}
    for tail in _tails(graph, layout):
        cause = _cause(tail, {})
        causes.update({operator.op: cause for operator in tail if cause})
        causes.update(_heads(graph, layout, tail, runtime))
    return {op: Reason(ReasonCode.RANGE_GUARD, cause) for op, cause in causes.items()}


def _reached(capability: OpCapability, empty: frozenset[OpId]) -> OpCapability:
    if capability.op not in empty or not capability.is_quantizable:
        return capability
    floats = tuple(option for option in capability.options if not option.is_quantized)
    return attrs.evolve(capability, options=floats, reason=Reason(ReasonCode.NOT_EXECUTED, "calibration gave it no values"))


def _judged(capability: OpCapability, cause: str | None) -> OpCapability:
    if cause is None or not capability.is_quantizable:
        return capability
    floats = tuple(option for option in capability.options if not option.is_quantized)
    return attrs.evolve(capability, options=floats, reason=Reason(ReasonCode.RANGE_GUARD, cause))


def _ratio(graph: Graph, layout: Layout, operator: Operator, statistics: Statistics) -> str | None:
    """Why an operator's inputs do not go together; None where they do, or where their ranges are not known."""
    if operator.op.type not in _JOINING or operator.kind is not Kind.COMPUTING:
        return None
    widths = {name: _width(graph, layout, name, statistics) for name in operator.inputs.values()}
    known = {name: width for name, width in widths.items() if width}
    if len(known) < 2:
        return None
    low, high = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
    ratio = known[high] / known[low]
    if ratio <= RANGE_RATIO:
        return None
    return f"{high} spans {known[high]:.3g}, {low} {known[low]:.3g}: {ratio:.0f}-fold (at most {RANGE_RATIO:.0f}-fold fits 8 bits)"


def _width(graph: Graph, layout: Layout, tensor: str, statistics: Statistics) -> float:
    """How far a tensor's values reach around zero; 0.0 where it is not known, or where all are zero."""
    constant = graph.constant(tensor)
    if constant is not None:
        made = RangeStatistic()
        made.update(constant)
        return _span(made)
    for key in layout.keys.get(tensor, ()):
        for statistic in statistics.values.get(key, {}).values():
            span = _span(statistic)
            if span:
                return span
    return 0.0


def _span(statistic: Any) -> float:
    if not isinstance(statistic, RangeStatistic | HistogramStatistic) or statistic.minimum > statistic.maximum:
        return 0.0
    return float(max(statistic.maximum, 0.0) - min(statistic.minimum, 0.0))


def _readers(layout: Layout, joined: Operator) -> Iterator[OpId]:
    """Operators that would read a tensor as codes, directly or through operators that pass codes on."""
    reached = set(joined.outputs)
    for operator in layout.operators:
        if operator.kind is not Kind.FLOAT and reached.intersection(operator.inputs.values()):
            yield operator.op
            if operator.kind is Kind.PASSING:
                reached.update(operator.outputs)


def _cause(tail: tuple[Operator, ...], reasons: Mapping[OpId, str]) -> str:
    steep = next((operator for operator in tail if operator.op.type in STEEP), None)
    if steep is not None:
        return f"behind the last weighted operator, around {steep.op} ({steep.op.type})"
    joined = next((operator for operator in tail if operator.op in reasons), None)
    return "" if joined is None else f"behind the last weighted operator, around {joined.op}: {reasons[joined.op]}"


def _heads(graph: Graph, layout: Layout, tail: tuple[Operator, ...], runtime: Runtime) -> Iterator[tuple[OpId, str]]:
    """Operators that can only return codes and whose codes a steep function reads without an average between."""
    magnified: dict[str, Operator] = {}
    for operator in reversed(tail):
        cause = operator if operator.op.type in STEEP else next((magnified[n] for n in operator.outputs if n in magnified), None)
        if cause is not None and operator.op.type not in _AVERAGING:
            magnified.update(dict.fromkeys(_reads(graph, operator), cause))
    for operator in layout.operators:
        found = next((magnified[name] for name in operator.outputs if name in magnified), None)
        if found is not None and operator.kind is Kind.WEIGHTED and not operator.can_return_float(runtime):
            yield operator.op, f"its kernel returns codes, and {found.op} ({found.op.type}) magnifies their rounding"


def _tails(graph: Graph, layout: Layout) -> tuple[tuple[Operator, ...], ...]:
    """Operators from which no convolution or matrix product is reached, in connected groups."""
    group: dict[str, list[Operator]] = {}  # by tensor; groups that meet become one
    for operator in _behind_products(graph, layout):
        met = {id(group[name]): group[name] for name in _reads(graph, operator) if name in group}
        merged = [*(member for members in met.values() for member in members), operator]
        for member in merged:
            group.update(dict.fromkeys(member.outputs, merged))
    return tuple(tuple(members) for members in {id(members): members for members in group.values()}.values())


def _behind_products(graph: Graph, layout: Layout) -> list[Operator]:
    needed: set[str] = set(graph.captured)  # what subgraphs read may go on into products of theirs
    found: list[Operator] = []
    for operator in reversed([operator for operator in layout.operators if operator.node >= 0]):
        node = graph.nodes[operator.node]
        is_product = node.domain in STANDARD_DOMAINS and node.op_type in _PRODUCTS
        if is_product or needed.intersection(operator.outputs):
            needed.update(_reads(graph, operator))
        else:
            found.append(operator)
    return found[::-1]


def _reads(graph: Graph, operator: Operator) -> list[str]:
    return [name for name in graph.nodes[operator.node].input if name]
