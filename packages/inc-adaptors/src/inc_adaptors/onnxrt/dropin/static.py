"""``quantize_static`` with the signature of ``onnxruntime.quantization``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
from inc_config.errors import DataError, PlanError
from inc_config.plan import QuantizationPlan
from inc_config.quantization import GraphFormat
from onnx import ModelProto
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType

from inc_adaptors.batches import as_batches
from inc_adaptors.onnxrt.dropin.arguments import Options, names_of, read_options
from inc_adaptors.onnxrt.dropin.cache import read_ranges, write_ranges
from inc_adaptors.onnxrt.dropin.floats import read_floats
from inc_adaptors.onnxrt.dropin.overrides import Override, read_overrides
from inc_adaptors.onnxrt.dropin.planning import Planner
from inc_adaptors.onnxrt.dropin.ranges import Calibration, Range, with_unit_ranges
from inc_adaptors.onnxrt.dropin.smoothed import smoothed
from inc_adaptors.onnxrt.dropin.source import TARGET, Source, nothing_left
from inc_adaptors.onnxrt.dropin.tensors import Formats
from inc_adaptors.onnxrt.dropin.types import integer_type
from inc_adaptors.onnxrt.dropin.walk import INTEGER_TYPES, PAIR_TYPES, Walk, Walker, selector
from inc_adaptors.onnxrt.dropin.writing import write_model
from inc_adaptors.onnxrt.emission.manner import BIAS_ROOM, CONTRIB_PAIRS, FLOAT_BIAS, LITERAL, PACKED_WEIGHTS
from inc_adaptors.onnxrt.operator import Operator
from inc_adaptors.onnxrt.tensors import opset_of

_BYTE = 8
_LOG = logging.getLogger(__name__)


def quantize_static(  # noqa: PLR0917  (the signature is onnxruntime's)
    model_input: str | Path | ModelProto,
    model_output: str | Path,
    calibration_data_reader: CalibrationDataReader | None = None,
    quant_format: QuantFormat = QuantFormat.QDQ,
    op_types_to_quantize: Sequence[str] | None = None,
    per_channel: bool = False,
    reduce_range: bool = False,
    activation_type: QuantType = QuantType.QInt8,
    weight_type: QuantType = QuantType.QInt8,
    nodes_to_quantize: Sequence[str] | None = None,
    nodes_to_exclude: Sequence[str] | None = None,
    use_external_data_format: bool = False,
    calibrate_method: CalibrationMethod = CalibrationMethod.MinMax,
    calibration_providers: Sequence[Any] | None = None,
    extra_options: Mapping[str, Any] | None = None,
    calibration_cache_path: str | Path | None = None,
) -> None:
    """Quantize with ranges from calibration; arguments as onnxruntime documents them, the README's table says where this differs.

    Raises:
        PlanError: an argument that is refused, with the reason; or nothing is left to quantize.
        DataError: no reader, data that do not fit the model, or a calibration cache that is none.
        ModelError: the model cannot be read or run.
        CalibrationError: a tensor without a range, or a weight that is not finite.
        StoreError: the result cannot be written.
    """
    options = read_options(extra_options)
    _check_types(quant_format, activation_type, weight_type, options)
    _check_processor(calibration_providers)
    if not isinstance(calibrate_method, CalibrationMethod):
        raise PlanError(f"calibrate_method={calibrate_method!r} is none.", where="calibrate_method", fix="give a CalibrationMethod")
    cache = None if calibration_cache_path is None else _Cache(Path(calibration_cache_path), calibrate_method, options.smooth_quant)
    held = None if cache is None else cache.read()
    if calibration_data_reader is None and (held is None or options.smooth_quant):
        raise DataError("Static quantization needs calibration data.", where="calibration_data_reader", fix="give a CalibrationDataReader")

    nodes, excluded = names_of(nodes_to_quantize, "nodes_to_quantize"), names_of(nodes_to_exclude, "nodes_to_exclude")
    types = names_of(op_types_to_quantize, "op_types_to_quantize") or (PAIR_TYPES if quant_format is QuantFormat.QDQ else INTEGER_TYPES)
    source = Source.of(model_input)
    source.check_nodes(nodes | excluded)
    own = frozenset(name for operator in source.operators for name in operator.member_names)  # not what SmoothQuant inserts
    is_selected = selector(types=types, nodes=nodes, excluded=excluded, present=own)
    batches: Any = None if calibration_data_reader is None else as_batches(calibration_data_reader)
    if options.smooth_quant:
        batches = list(batches)  # read twice
        source = smoothed(source, batches, is_selected, options)
    fused = len(source.operators)
    source = source.unfused(is_selected)
    strips = len(source.operators) == fused and not options.keep_activations  # onnxruntime fuses a left activation when it loads the model
    walker = Walker(
        graph=source.graph,
        types=source.types,
        is_selected=is_selected,
        force=options.force,
        float_outputs=frozenset(options.float_outputs),
        constant_weights_only=options.constant_weights_only,
        drops_activations=not (options.activation_symmetric or options.keep_activations),
        integer_operators=quant_format is QuantFormat.QOperator,
        opset=opset_of(source.handle.native),
    )
    walk = _walked(walker, source)
    formats = Formats(
        activation=integer_type(activation_type, "activation_type"),
        weight=integer_type(weight_type, "weight_type"),
        options=options,
        overrides=_overrides(source, walk, options, activation_type, quant_format),
        per_channel=per_channel,
        reduced=reduce_range,
        constants_like_weights=quant_format is QuantFormat.QOperator,
    )
    needed = _needed(walk, formats)
    if held is None or not needed <= set(held):
        every = frozenset() if cache is None else _beside(source, types)
        held = _calibrated(source, calibrate_method, formats, needed | every, batches)
        if cache is not None:
            cache.write(held)
        walk = _without_unfit(walker, walk, source, formats, held)
    planner = Planner(graph=source.graph, operators=source.operators, walk=walk, formats=formats, ranges=with_unit_ranges(held, walk.unit))
    plans, operators = planner.plans()
    plan = QuantizationPlan(target=TARGET, ops=plans, recipes=_recipes(quant_format, options))
    made = source.emit(plan, operators, final=strips)
    if quant_format is QuantFormat.QOperator:
        read_floats(made.native, {name for step in walk.steps for name in step.operator.member_names})
    write_model(made.native, Path(model_output), beside=use_external_data_format)


def _walked(walker: Walker, source: Source, unfit: frozenset[str] = frozenset()) -> Walk:
    walk = walker.walk(source.operators)
    if not walk.steps:
        raise nothing_left(source, unfit)
    return walk


def _without_unfit(walker: Walker, walk: Walk, source: Source, formats: Formats, ranges: Mapping[str, Range]) -> Walk:
    """The walk again, until it needs no tensor without a range: operators that touch one stay in float."""
    unfit: frozenset[str] = frozenset()
    while missing := _needed(walk, formats) - set(ranges):
        unfit |= missing
        walk = _walked(attrs.evolve(walker, is_selected=_beyond(walker, unfit)), source, unfit)
    if unfit:
        names = ", ".join(sorted(unfit)[:8])
        _LOG.warning("In float because calibration saw NaN, infinity or magnitudes beyond 1e30: what reads or writes %s.", names)
    return walk


def _beyond(walker: Walker, unfit: frozenset[str]) -> Callable[[Operator], bool]:
    """Selects what the walker does, but for operators that read or write one of these tensors."""

    def fits(operator: Operator) -> bool:
        node = walker.graph.nodes[operator.node]
        return walker.is_selected(operator) and not unfit.intersection((*node.input, *node.output, *operator.outputs))

    return fits


@attrs.frozen
class _Cache:
    """The file of a calibration, of one method."""

    path: Path
    method: CalibrationMethod
    smooth_quant: bool

    def read(self) -> dict[str, Range] | None:
        return read_ranges(self.path, self.method, smooth_quant=self.smooth_quant)

    def write(self, ranges: Mapping[str, Range]) -> None:
        write_ranges(self.path, self.method, ranges, smooth_quant=self.smooth_quant)


def _check_types(quant_format: QuantFormat, activation: QuantType, weight: QuantType, options: Options) -> None:
    types = [integer_type(value, where) for value, where in ((activation, "activation_type"), (weight, "weight_type"))]
    if not isinstance(quant_format, QuantFormat):
        raise PlanError(
            f"quant_format={quant_format!r} is none.", where="quant_format", fix="give QuantFormat.QDQ or QuantFormat.QOperator"
        )
    if activation in (QuantType.QInt4, QuantType.QUInt4):
        raise PlanError("Activations of 4 bits cannot be quantized at run time.", where="activation_type", fix="give 8 or 16 bits")
    if activation is QuantType.QInt8 and weight is QuantType.QUInt8:
        raise PlanError(
            "onnxruntime has no kernels for uint8 weights beside int8 activations.", where="weight_type", fix="give QInt8, or QUInt8 twice"
        )
    if quant_format is QuantFormat.QOperator and any(dtype.bits != _BYTE for dtype in types):
        raise PlanError("Integer operators have 8 bits.", where="quant_format", fix="give QuantFormat.QDQ for other types")
    if options.subgraphs:
        raise PlanError(
            "EnableSubgraph=True is not offered: onnxruntime's tool quantizes subgraphs in dynamic mode only.",
            where="extra_options['EnableSubgraph']",
            fix="leave it out",
        )


def _check_processor(providers: Sequence[Any] | None) -> None:
    """Calibration runs on the processor; the CPU provider may be named alone, with options, or as the fallback of none other."""
    given = [providers] if isinstance(providers, str) else list(providers or ())
    names = [entry[0] if isinstance(entry, tuple | list) and entry else entry for entry in given]
    if any(name != "CPUExecutionProvider" for name in names):
        raise PlanError(
            f"calibration_providers={providers!r} is not offered: calibration runs on the processor.",
            where="calibration_providers",
            fix="leave it out, or give ['CPUExecutionProvider']",
        )


def _overrides(source: Source, walk: Walk, options: Options, activation: QuantType, quant_format: QuantFormat) -> dict[str, Override]:
    """The user's overrides, and what integer operators and NNAPI want for outputs of Softmax and Sigmoid: steps of 1/256."""
    fixed = Override(scale=1.0 / 256.0, zero_point=-128.0 if activation is QuantType.QInt8 else 0.0)
    types = ({"Sigmoid"} if options.nnapi_sigmoid else set()) | ({"Softmax"} if quant_format is QuantFormat.QOperator else set())
    outputs = {step.operator.outputs[0] for step in walk.steps if step.operator.op.type in types}
    return {**dict.fromkeys(outputs, fixed), **read_overrides(options.overrides, *source.float_tensors())}


def _needed(walk: Walk, formats: Formats) -> frozenset[str]:
    """Tensors whose range must be found."""
    own = {walk.aliases.get(name, name) for name, mark in walk.marks.items() if mark is None}
    converted = {name for name in walk.marks if (o := formats.overrides.get(name)) is not None and o.convert is not None}
    return frozenset(name for name in own | converted if name not in walk.unit and not formats.fixed(name))


def _beside(source: Source, types: frozenset[str]) -> frozenset[str]:
    """What the tool's own cache holds: all that operators of the types read and write. It asks for more than it uses."""
    activations, _ = source.float_tensors()
    nodes = [node for node in source.graph.nodes if node.op_type in types]
    return frozenset(name for node in nodes for name in (*node.input, *node.output) if name in activations)


def _calibrated(source: Source, method: CalibrationMethod, formats: Formats, needed: frozenset[str], batches: Any) -> dict[str, Range]:
    if batches is None:
        raise DataError(
            "The calibration cache lacks tensors of this model, and there are no data to find their ranges from.",
            where="calibration_cache_path",
            fix="give a CalibrationDataReader, or delete the file",
        )
    calibration = Calibration(
        graph=source.graph, signature=source.handle.signature, method=method, options=formats.options, dtype=formats.activation
    )
    return calibration.ranges(needed, batches) if needed else {}


def _recipes(quant_format: QuantFormat, options: Options) -> dict[str, Any]:
    """Options of the whole model as a plan carries them."""
    wishes = {
        FLOAT_BIAS: not options.integer_bias and quant_format is QuantFormat.QDQ,  # integer operators have integer biases
        CONTRIB_PAIRS: options.contrib_pairs,
        "dedicated_qdq_pair": options.dedicated_pairs,
        "weight_qdq_pair": options.weight_pairs,
    }
    recipes: dict[str, Any] = {LITERAL: True, PACKED_WEIGHTS: True, **{name: True for name, wish in wishes.items() if wish}}
    if options.no_bias_room:
        recipes[BIAS_ROOM] = False
    if quant_format is QuantFormat.QOperator:
        recipes["graph_format"] = GraphFormat.QOPERATOR.value
    return recipes
