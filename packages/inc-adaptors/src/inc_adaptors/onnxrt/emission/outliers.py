"""Even out outlier channels where that costs nothing; done by default, without a recipe.

Where matrix products alone read a LayerNormalization, its scale and bias can be divided per channel and the products' weights multiplied:
exact in real numbers, no operator more, and the same whatever a plan quantizes. A few channels that reach far beyond the others, as those
of transformers do, then no longer take the codes of all.

In OpenVINO a Mul between a LayerNormalization, or the joined heads of a transformer, and the products behind pays too: it carries the
quantizer, which by itself runs as an operator of its own, in fp32 and with a conversion before it, wherever somebody else reads the floats
(BERT-base at batch 8: 7 % of the whole model).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
import numpy as np
from inc_config.plan import OpId, QuantizationPlan, RangeSource, TensorKey
from onnx import NodeProto

from inc_adaptors.onnxrt.emission.manner import Manner
from inc_adaptors.onnxrt.emission.smoothing import (
    CHANNELS,
    RECIPE,
    TYPES,
    Array,
    Group,
    Settings,
    Smoothed,
    copied,
    divisors_of,
    fold,
    foldable,
    group_of,
    insert,
    multiply_weights,
    predicted_noise,
    smoothable,
)
from inc_adaptors.onnxrt.graph import Graph
from inc_adaptors.onnxrt.kinds import Kind
from inc_adaptors.onnxrt.operators import Operator
from inc_adaptors.statistics.protocol import StatisticSpec
from inc_adaptors.statistics.ranges import ChannelRangeStatistic, RangeStatistic
from inc_adaptors.statistics.store import Statistics

LEAST_GAIN = 2.0
"""Below half the noise (3 dB) a model is left as it is."""

_NORM = "LayerNormalization"
_CARRIERS = frozenset({_NORM, "Reshape"})  # behind a ReduceMean OpenVINO 2026.4 computes Mul and quantizer wrongly: 36 dB became 13
_USUAL = 0.5  # the paper's; strengths beyond 0.7 that the prediction liked cost BERT-base's shape 2 to 5 dB
_SETTINGS = Settings(alphas=tuple(step / 10 for step in range(1, 11)), per_layer=True, folding=True, scales_per_op=False, op_types=TYPES)


def is_evened(plan: QuantizationPlan) -> bool:
    """Whether a plan leaves this to us: it says nothing of smoothing and takes plain ranges for the products' inputs."""
    if RECIPE in plan.recipes or Manner.of(plan).literal:
        return False
    inputs = (op_plan.inputs[0] for op, op_plan in plan.ops.items() if op_plan.inputs and smoothable(op, op_plan))
    return all(tensor is None or tensor.ranges is RangeSource.DYNAMIC or tensor.threshold.name == "minmax" for tensor in inputs)


def even_out(graph: Graph, operators: Sequence[Operator], statistics: Statistics, *, carried: bool = False) -> Smoothed | None:
    """The graph with outlier channels divided down; None where nowhere.

    That is wherever it is free and at least halves the predicted noise; with ``carried`` also where it takes a Mul and adds no noise.
    """
    made = attrs.evolve(graph, nodes=[copied(node) for node in graph.nodes], initializers=dict(graph.initializers))
    taken = graph.names() | {node.name for node in graph.nodes}
    values = dict(statistics.values)
    alphas: dict[str, float] = {}
    divisors: dict[OpId, Array] = {}
    before: dict[int, list[NodeProto]] = {}
    for group, is_free in _groups(graph, operators, statistics, carried=carried):
        alpha, scales = _best(group, _SETTINGS.alphas, LEAST_GAIN) if is_free else _best(group, (_USUAL,), 1.0)
        if scales is None:
            continue
        alphas[group.tensor] = alpha
        multiply_weights(made, group, scales, taken)
        if not fold(made, group, scales, taken):
            insert(made, group, scales, taken, before)
        found = RangeStatistic()
        found.update(np.array([(group.low / scales).min(), (group.high / scales).max()], np.float32))
        for operator in group.members:
            values[TensorKey(operator.op, "input:0")] = {StatisticSpec("range"): found}
            divisors[operator.op] = scales
    if not alphas:
        return None
    made.nodes = [node for index, old in enumerate(made.nodes) for node in (*before.get(index, ()), old)]
    return Smoothed(graph=made, statistics=attrs.evolve(statistics, values=values), alphas=alphas, divisors=divisors)


def noted(before: Graph, made: Smoothed) -> str:
    """One line for the result's notes."""
    added = len(made.graph.nodes) - len(before.nodes)
    lines = []
    if len(made.alphas) > added:
        lines.append(f"of {len(made.alphas) - added} LayerNormalizations evened out in the weights behind them (exact, no operator more)")
    if added:
        lines.append(f"in front of {added} products by a Mul each, which carries the quantizer")
    return f"outlier channels {'; '.join(lines)}"


def _groups(graph: Graph, operators: Sequence[Operator], statistics: Statistics, *, carried: bool) -> Iterator[tuple[Group, bool]]:
    """Groups to even out, one at a time since each holds its weights, and whether that takes no operator."""
    readers: dict[str, list[Operator]] = {}
    for operator in operators:
        if operator.kind is Kind.WEIGHTED and operator.op.type in TYPES:
            readers.setdefault(operator.inputs[0], []).append(operator)
    for name, members in readers.items():
        is_free = foldable(graph, name, members) is not None
        if _is_known(statistics, members[0]) and (is_free or (carried and _carries(graph, name))):
            yield group_of(graph, name, members, statistics), is_free


def _carries(graph: Graph, tensor: str) -> bool:
    """Whether a Mul behind this tensor, in a graph with LayerNormalization, is worth having in OpenVINO."""
    maker = graph.producers().get(tensor)
    return maker is not None and graph.nodes[maker].op_type in _CARRIERS and any(node.op_type == _NORM for node in graph.nodes)


def _is_known(statistics: Statistics, operator: Operator) -> bool:
    return isinstance(statistics.values.get(TensorKey(operator.op, "input:0"), {}).get(CHANNELS), ChannelRangeStatistic)


def _best(group: Group, alphas: Sequence[float], least_gain: float) -> tuple[float, Array | None]:
    """The strength that leaves least noise, and its divisors; None where the noise does not fall ``least_gain`` times."""
    tried = {alpha: divisors_of(group, alpha, _SETTINGS) for alpha in alphas}
    noise = {alpha: predicted_noise(group, scales) for alpha, scales in tried.items()}
    best = min(noise, key=noise.__getitem__)
    plain = predicted_noise(group, np.ones_like(group.low))
    return best, tried[best] if noise[best] * least_gain <= plain else None
