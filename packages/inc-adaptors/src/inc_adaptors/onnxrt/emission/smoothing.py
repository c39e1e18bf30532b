"""SmoothQuant on an ONNX graph: outlier channels of activations are divided down, and their weights multiplied up.

Source:
    Xiao et al., arXiv:2211.10438, section 4. Choosing alpha by predicted noise, from ranges alone, is ours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from statistics import fmean
from typing import Any

import attrs
import numpy as np
from inc_config.errors import CalibrationError, PlanError
from inc_config.plan import OpId, OpPlan, QuantizationPlan, TensorKey, TensorPlan
from numpy.typing import NDArray
from onnx import NodeProto, helper

from inc_adaptors.onnxrt.graph import Graph, attribute
from inc_adaptors.onnxrt.operators import Operator
from inc_adaptors.onnxrt.tensors import float_tensor, unique
from inc_adaptors.statistics.protocol import StatisticSpec
from inc_adaptors.statistics.ranges import ChannelRangeStatistic, RangeStatistic
from inc_adaptors.statistics.store import Statistics

Array = NDArray[np.float64]

RECIPE = "smooth_quant"
CHANNELS = StatisticSpec("channel_range", {"axis": -1})
"""What smoothing needs of the inputs of matrix products."""

TYPES = ("MatMul", "Gemm")
_JOINED: Mapping[str, Callable[[Sequence[float]], float]] = {"min": min, "mean": fmean, "max": max}
_MOST_ALPHAS = 1000
_SMALLEST = 1e-5  # of a maximum, so that dead channels give no infinite scale
_FAR = 8.0  # standard deviations beyond which nothing is left
_SIGMAS = 3.0  # a range is taken to reach so many standard deviations, where a power is needed


@attrs.frozen(kw_only=True)
class Settings:
    """The recipe as plans carry it: ``alphas`` to choose from, for the whole model or (``per_layer``) for each input by itself.

    ``clip_weights`` keeps the weights' maxima off zero; ``joined`` makes one number of the errors of products that share an input;
    ``without_effect`` are notes on what was asked for and is not done.
    """

    alphas: tuple[float, ...]
    per_layer: bool
    folding: bool
    scales_per_op: bool
    op_types: tuple[str, ...]
    clip_weights: bool = True
    joined: Callable[[Sequence[float]], float] = sum
    without_effect: tuple[str, ...] = ()


@attrs.frozen(kw_only=True, eq=False)
class Smoothed:
    """The graph with the same operators under the same names, and its statistics.

    ``alphas`` by smoothed tensor, ``divisors`` of input channels by operator.
    """

    graph: Graph
    statistics: Statistics
    alphas: Mapping[str, float]
    divisors: Mapping[OpId, Array]


@attrs.frozen(kw_only=True, eq=False)
class Group:
    """Operators that share one scale; weights are seen as (inside, outside), and ranges are those of ``rows`` values per channel."""

    tensor: str
    members: tuple[Operator, ...]
    weights: tuple[Array, ...]
    low: Array
    high: Array
    rows: int


def settings_of(plan: QuantizationPlan) -> Settings | None:
    """The recipe of a plan; None where it has none.

    Raises:
        PlanError: an option that nothing here carries out.
    """
    given = plan.recipes.get(RECIPE)
    if not given:
        return None
    unknown = [kind for kind in given.get("op_types", ()) if kind not in TYPES]
    if given.get("percentile") is not None or unknown:
        what = f"operators of type {', '.join(unknown)}" if unknown else "a percentile of the activations"
        raise PlanError(
            f"SmoothQuant is not offered with {what}.", where=f"recipe {RECIPE}", fix=f"leave it out; {' and '.join(TYPES)} are smoothed"
        )
    search = given.get("search")
    alphas = tuple(float(alpha) for alpha in given.get("alphas", (0.5,)))
    if search is not None:
        alphas = _searched(search)
    return Settings(
        alphas=alphas,
        per_layer=search is not None,
        folding=bool(given.get("folding", True)),
        scales_per_op=bool(given.get("scales_per_op", True)),
        op_types=tuple(given.get("op_types", ())) or TYPES,
        clip_weights=bool(given.get("clip_weights", True)),
        joined=sum if search is None else _JOINED[str(search.get("shared", "mean"))],
        without_effect=("SmoothQuant: search.blockwise has no effect, alpha is chosen by the error of each input's own products",)
        if search is not None and search.get("blockwise")
        else (),
    )


def check_threshold(op: OpId, tensor: TensorPlan | None) -> None:
    """Refuse thresholds of a smoothed input that the ranges of its channels do not give.

    Raises:
        PlanError: any but min-max: a histogram of the smoothed input would need another pass.
    """
    if tensor is not None and tensor.threshold.name != "minmax":
        raise PlanError(
            f"SmoothQuant changes the input of {op}, whose threshold {tensor.threshold.name!r} would need another pass.",
            where=f"recipe {RECIPE}",
            fix="use the threshold minmax with it",
        )


def _searched(search: Mapping[str, Any]) -> tuple[float, ...]:
    low, high, step = (float(search.get(name, default)) for name, default in (("minimum", 0.0), ("maximum", 1.0), ("step", 0.1)))
    if not 0.0 <= (high - low) / step < _MOST_ALPHAS:
        raise PlanError(
            f"SmoothQuant cannot search alpha from {low:g} to {high:g} in steps of {step:g}.",
            where=f"recipe {RECIPE}",
            fix=f"give a minimum below the maximum, and a step that makes at most {_MOST_ALPHAS} values",
        )
    return tuple(low + index * step for index in range(round((high - low) / step) + 1))


def smooth(graph: Graph, operators: Sequence[Operator], statistics: Statistics, plan: QuantizationPlan, settings: Settings) -> Smoothed:
    """Smooth the inputs of every matrix product that ``plan`` quantizes statically.

    Raises:
        CalibrationError: ranges per channel were not gathered.
        PlanError: the plan asks for other thresholds than min-max there: a histogram of the smoothed input would need another pass.
    """
    made = attrs.evolve(graph, nodes=[copied(node) for node in graph.nodes], initializers=dict(graph.initializers))
    groups = _groups(graph, operators, statistics, plan, settings)

    def noise(group: Group, alpha: float) -> float:
        return predicted_noise(group, divisors_of(group, alpha, settings), settings.joined)

    model_wide = settings.alphas[0]
    if len(settings.alphas) > 1 and not settings.per_layer:
        model_wide = min(settings.alphas, key=lambda alpha: sum(noise(group, alpha) for group in groups))
    values = dict(statistics.values)
    before: dict[int, list[NodeProto]] = {}
    alphas: dict[str, float] = {}
    divisors: dict[OpId, Array] = {}
    taken = graph.names() | {node.name for node in graph.nodes}
    for group in groups:
        alpha = min(settings.alphas, key=partial(noise, group)) if settings.per_layer else model_wide
        scales = divisors_of(group, alpha, settings)
        alphas[group.tensor] = alpha
        multiply_weights(made, group, scales, taken)
        if not (settings.folding and fold(made, group, scales, taken)):
            insert(made, group, scales, taken, before)
        found = RangeStatistic()
        found.update(np.array([(group.low / scales).min(), (group.high / scales).max()], np.float32))
        for operator in group.members:
            values[TensorKey(operator.op, "input:0")] = {StatisticSpec("range"): found}
            divisors[operator.op] = scales
    made.nodes = [node for index, old in enumerate(made.nodes) for node in (*before.get(index, ()), old)]
    return Smoothed(graph=made, statistics=attrs.evolve(statistics, values=values), alphas=alphas, divisors=divisors)


def smoothable(op: OpId, plan: OpPlan, op_types: Iterable[str] = TYPES) -> bool:
    """Whether an operator's input is smoothed: that of a product with a weight."""
    return op.type in op_types and plan.weight is not None


def _groups(graph: Graph, operators: Sequence[Operator], statistics: Statistics, plan: QuantizationPlan, settings: Settings) -> list[Group]:
    by_tensor: dict[str, list[Operator]] = {}
    for operator in operators:
        op_plan = plan.ops.get(operator.op)
        if op_plan is None or op_plan.is_dynamic or not smoothable(operator.op, op_plan, settings.op_types):
            continue
        check_threshold(operator.op, op_plan.inputs[0])
        by_tensor.setdefault(operator.inputs[0], []).append(operator)
    groups = []
    for name, members in by_tensor.items():
        shared = settings.folding and foldable(graph, name, members) is not None
        parts = [members] if shared or not settings.scales_per_op else [[member] for member in members]
        groups += [group_of(graph, name, part, statistics) for part in parts]
    return groups


def group_of(graph: Graph, name: str, members: list[Operator], statistics: Statistics) -> Group:
    """Operators that read ``name``, with its range per channel.

    Raises:
        CalibrationError: that range was not gathered.
    """
    found = statistics.values.get(TensorKey(members[0].op, "input:0"), {}).get(CHANNELS)
    if not isinstance(found, ChannelRangeStatistic):
        raise CalibrationError(
            "SmoothQuant needs the range of every input channel, which was not gathered.",
            where=f"{members[0].op}/input:0",
            fix="calibrate again with this plan among those given to wanted()",
        )
    weights = tuple(_matrix(graph, member) for member in members)
    low, high = (np.where(np.isfinite(bound), bound, 0.0).astype(np.float64) for bound in (found.minimum, found.maximum))
    rows = found.count // max(1, low.size)
    return Group(tensor=name, members=tuple(members), weights=weights, low=np.minimum(low, 0.0), high=np.maximum(high, 0.0), rows=rows)


def _matrix(graph: Graph, operator: Operator) -> Array:
    weight = np.asarray(graph.constant(operator.weight or ""), np.float64)
    return weight.T if operator.channel_axis == 0 else weight


def divisors_of(group: Group, alpha: float, settings: Settings) -> Array:
    """One divisor per input channel; 1 for channels that are zero on either side."""
    activation = np.maximum(-group.low, group.high)
    weight = np.max([np.abs(matrix).max(axis=1) for matrix in group.weights], axis=0)
    alive = (activation > 0.0) & (weight > 0.0)
    activation = np.maximum(activation, _SMALLEST * activation.max(initial=0.0))
    if settings.clip_weights:
        weight = np.maximum(weight, _SMALLEST * weight.max(initial=0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        scales = activation**alpha / weight ** (1.0 - alpha)
    return np.where(alive & np.isfinite(scales) & (scales > 0.0), scales, 1.0).astype(np.float32).astype(np.float64)


def predicted_noise(group: Group, scales: Array, joined: Callable[[Sequence[float]], float] = sum) -> float:
    """Predicted noise in the products' outputs, as twelve times its power.

    It comes from the rounding of activations (8 bits per tensor) and of weights (8 bits per channel), and from what later samples lose
    beyond the range: where every channel is stretched to the limit by a few values, the next sample reaches out of it.
    """
    low, high = (group.low / scales).min(), (group.high / scales).max()
    step = (high - low) / 255.0
    beyond = 12.0 * (_beyond(-group.low / scales, -low, group.rows) + _beyond(group.high / scales, high, group.rows))
    power = np.square(np.maximum(-group.low, group.high) / scales / _SIGMAS).sum()
    each = []
    for matrix in group.weights:
        scaled = matrix * scales[:, None]
        each.append(
            float((np.square(scaled).sum(axis=1) * (step**2 + beyond)).sum() + np.square(np.abs(scaled).max(axis=0) / 127.0).sum() * power)
        )
    return joined(each)


def _beyond(reach: Array, limit: float, rows: int) -> Array:
    """Power that normally distributed channels have beyond a limit on one side, where ``rows`` values reached as far as ``reach``.

    That many values of unit variance are expected to reach sqrt(2 ln rows); beyond t they have (1 + t^2) Q(t) - t phi(t).
    """
    sigmas = math.sqrt(2.0 * math.log(max(rows, 2)))
    with np.errstate(divide="ignore"):
        t = np.minimum(np.where(reach > 0.0, sigmas * limit / reach, np.inf), _FAR)
    tail = np.array([math.erfc(value / math.sqrt(2.0)) / 2.0 for value in t])
    power = (1.0 + t * t) * tail - t * np.exp(-t * t / 2.0) / math.sqrt(2.0 * math.pi)
    return np.asarray(np.square(reach / sigmas) * np.maximum(power, 0.0))


def multiply_weights(graph: Graph, group: Group, scales: Array, taken: set[str]) -> None:
    """Give every product of a group its weight with the rows multiplied."""
    for operator, matrix in zip(group.members, group.weights, strict=True):
        scaled = (matrix * scales[:, None]).astype(np.float32)
        name = unique(f"{operator.weight}_smoothed", taken)
        graph.initializers[name] = float_tensor(name, scaled.T if operator.channel_axis == 0 else scaled)
        graph.nodes[operator.node].input[1] = name


def foldable(graph: Graph, tensor: str, members: Sequence[Operator]) -> int | None:
    """The LayerNormalization that alone makes a tensor which nobody but ``members`` reads."""
    maker = graph.producers().get(tensor)
    readers = {index for index, _ in graph.consumers().get(tensor, ())}
    if maker is None or tensor in graph.pinned or readers != {member.node for member in members}:
        return None
    node = graph.nodes[maker]
    is_last = attribute(node, "axis", -1) == -1
    constant = all(name in graph.initializers for name in node.input[1:] if name)
    return maker if node.op_type == "LayerNormalization" and is_last and constant and not any(node.output[1:]) else None


def fold(graph: Graph, group: Group, scales: Array, taken: set[str]) -> bool:
    """Divide the scale and bias of the LayerNormalization before; its output gets a new name. False where there is none."""
    maker = foldable(graph, group.tensor, group.members)
    if maker is None:
        return False
    node = graph.nodes[maker]
    for position in range(1, len(node.input)):
        if node.input[position]:
            values = np.asarray(graph.constant(node.input[position]), np.float64) / scales
            name = unique(f"{node.input[position]}_smoothed", taken)
            graph.initializers[name] = float_tensor(name, values.astype(np.float32))
            node.input[position] = name
    node.output[0] = unique(f"{group.tensor}_smoothed", taken)
    for member in group.members:
        graph.nodes[member.node].input[0] = node.output[0]
    return True


def insert(graph: Graph, group: Group, scales: Array, taken: set[str], before: dict[int, list[NodeProto]]) -> None:
    """Multiply the tensor by the inverse scales in front of its first reader."""
    factor, result, label = (unique(f"{group.tensor}_{suffix}", taken) for suffix in ("smoothing", "smoothed", "smooth"))
    graph.initializers[factor] = float_tensor(factor, (1.0 / scales).astype(np.float32))
    before.setdefault(min(member.node for member in group.members), []).append(
        helper.make_node("Mul", [group.tensor, factor], [result], name=label)
    )
    for member in group.members:
        graph.nodes[member.node].input[0] = result


def copied(node: NodeProto) -> NodeProto:
    """A node of its own."""
    made = NodeProto()
    made.CopyFrom(node)
    return made


def described(alphas: Mapping[str, float]) -> str:
    """One line for the result's notes."""
    shown: dict[float, int] = {}
    for alpha in alphas.values():
        shown[alpha] = shown.get(alpha, 0) + 1
    return "SmoothQuant: " + ", ".join(f"alpha {alpha:g} on {count} inputs" for alpha, count in sorted(shown.items()))
