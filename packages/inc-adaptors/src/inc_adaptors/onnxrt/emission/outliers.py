"""Even out outlier channels where that costs nothing; done by default, without a recipe.

Where matrix products alone read a LayerNormalization, its scale and bias can be divided per channel and the products' weights multiplied:
exact in real numbers, no operator more, and the same whatever a plan quantizes. A few channels that reach far beyond the others, as those
of transformers do, then no longer take the codes of all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import numpy as np
from inc_config.plan import OpId, QuantizationPlan, RangeSource, TensorKey

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

_SETTINGS = Settings(alphas=tuple(step / 10 for step in range(1, 11)), per_layer=True, folding=True, scales_per_op=False, op_types=TYPES)


def is_evened(plan: QuantizationPlan) -> bool:
    """Whether a plan leaves this to us: it says nothing of smoothing and takes plain ranges for the products' inputs."""
    if RECIPE in plan.recipes or Manner.of(plan).literal:
        return False
    inputs = (op_plan.inputs[0] for op, op_plan in plan.ops.items() if op_plan.inputs and smoothable(op))
    return all(tensor is None or tensor.ranges is RangeSource.DYNAMIC or tensor.threshold.name == "minmax" for tensor in inputs)


def even_out(graph: Graph, operators: Sequence[Operator], statistics: Statistics) -> Smoothed | None:
    """The graph with outlier channels divided down wherever it is free and at least halves the predicted noise; None where nowhere."""
    chosen = [(group, *_best(group)) for group in _groups(graph, operators, statistics)]
    gained = [(group, alpha, scales) for group, alpha, scales in chosen if scales is not None]
    if not gained:
        return None
    made = attrs.evolve(graph, nodes=[copied(node) for node in graph.nodes], initializers=dict(graph.initializers))
    taken = graph.names() | {node.name for node in graph.nodes}
    values = dict(statistics.values)
    divisors: dict[OpId, Array] = {}
    for group, _, scales in gained:
        multiply_weights(made, group, scales, taken)
        fold(made, group, scales, taken)
        found = RangeStatistic()
        found.update(np.array([(group.low / scales).min(), (group.high / scales).max()], np.float32))
        for operator in group.members:
            values[TensorKey(operator.op, "input:0")] = {StatisticSpec("range"): found}
            divisors[operator.op] = scales
    alphas = {group.tensor: alpha for group, alpha, _ in gained}
    return Smoothed(graph=made, statistics=attrs.evolve(statistics, values=values), alphas=alphas, divisors=divisors)


def noted(alphas: Mapping[str, float]) -> str:
    """One line for the result's notes."""
    return f"outlier channels of {len(alphas)} LayerNormalizations evened out in the weights behind them (exact, no operator more)"


def _groups(graph: Graph, operators: Sequence[Operator], statistics: Statistics) -> list[Group]:
    readers: dict[str, list[Operator]] = {}
    for operator in operators:
        if operator.kind is Kind.WEIGHTED and smoothable(operator.op):
            readers.setdefault(operator.inputs[0], []).append(operator)
    return [
        group_of(graph, name, members, statistics)
        for name, members in readers.items()
        if _is_known(statistics, members[0]) and foldable(graph, name, members) is not None
    ]


def _is_known(statistics: Statistics, operator: Operator) -> bool:
    return isinstance(statistics.values.get(TensorKey(operator.op, "input:0"), {}).get(CHANNELS), ChannelRangeStatistic)


def _best(group: Group) -> tuple[float, Array | None]:
    """The strength that leaves least noise, and its divisors; None where that is not little enough."""
    tried = {alpha: divisors_of(group, alpha, _SETTINGS) for alpha in _SETTINGS.alphas}
    noise = {alpha: predicted_noise(group, scales) for alpha, scales in tried.items()}
    best = min(noise, key=noise.__getitem__)
    plain = predicted_noise(group, np.ones_like(group.low))
    return best, tried[best] if noise[best] * LEAST_GAIN <= plain else None
