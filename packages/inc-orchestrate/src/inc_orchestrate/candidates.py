"""Prepare a model for tuning: what can be done with each operator under the configuration, and the one pass that any plan may need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs
from inc_adaptors.batches import batch_size
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Adaptor, Describes, Emitter, Guards, Observes, Quantizes, require
from inc_adaptors.statistics.merging import merged
from inc_adaptors.statistics.store import Statistics
from inc_config.capabilities import Capabilities, OpCapability, Reason, ReasonCode
from inc_config.constrain import constrain, threshold_for
from inc_config.errors import DataError, PlanError
from inc_config.named import Named
from inc_config.plan import FLOAT, OpPlan, QuantizationPlan, RangeSource, TensorPlan
from inc_config.quantization import Approach, QuantizeConfig

from inc_orchestrate.asked import with_asked
from inc_orchestrate.data import CalibrationData
from inc_orchestrate.precisions import FloatsOnly, nothing_to_convert, with_halves
from inc_orchestrate.progress import Progress
from inc_orchestrate.recipes import recipes_of, restrict_by_recipes, without_split
from inc_orchestrate.remote import Remote

_STEP = "quantize"
_LOOSEN = "loosen exclude, exclude_types or approach, or choose another target"

PROBE_SAMPLES = 64
"""Batches are kept until they hold so many samples: enough to rank operators by the errors they make."""


@attrs.frozen(kw_only=True, eq=False)
class Candidates:
    """What can be proposed, and what makes models of it. ``capabilities`` already obey the configuration and the statistics.

    ``kept`` are the first batches of inputs, for probes.
    """

    capabilities: Capabilities
    emitter: Emitter
    statistics: Statistics
    kept: tuple[Any, ...] = ()


def capabilities_under(
    adaptor: Adaptor, handle: ModelHandle, config: QuantizeConfig, *, batches: Iterable[Any] = (), data: Iterable[Any] | None = None
) -> Capabilities:
    """Capabilities under a configuration: target, exclusions, approach, and how activations are stored.

    ``data`` (``batches`` where there is no more) tells which operators stay within fp16.
    """
    few = tuple(batches)
    target = config.target or adaptor.target()
    found = require(adaptor, Describes, step=_STEP).capabilities(handle, target, batches=few)
    found = with_halves(adaptor, handle, config, found, batches=few if data is None else data)
    found = found.restrict(exclude=config.exclude, exclude_types=config.exclude_types)
    found = restrict_by_recipes(found, config.recipes.changed)
    found = with_asked(adaptor, found, config.constraints)
    found = constrain(found, config.constraints)
    recipes = config.recipes.changed
    return attrs.evolve(found, ops=tuple(without_split(_configured(op, config), recipes) for op in found.ops))


def candidates(
    adaptor: Adaptor,
    handle: ModelHandle,
    config: QuantizeConfig,
    *,
    example: Any,
    calibration: CalibrationData | None,
    progress: Progress,
    workers: Remote | None = None,
    earlier: Statistics | None = None,
) -> Candidates:
    """Describe, observe once for every plan that may come, and prepare emission.

    ``example`` is one batch of inputs, for frameworks that must run a model to know its operators; ``workers`` share the observing;
    ``earlier`` are statistics of other samples, which count too.

    Raises:
        PlanError: no operator can be quantized (of ``FloatsOnly``: none can be in 16 bits).
        DataError: calibration data is needed and missing, or not fit.
    """
    few = () if example is None else (example,)
    all_data = calibration.stream() if calibration is not None and isinstance(config, FloatsOnly) else None  # nothing else reads it then
    capabilities = capabilities_under(adaptor, handle, config, batches=few, data=all_data)
    _check_not_empty(capabilities, config)
    quantizes = require(adaptor, Quantizes, step=_STEP)
    kept: list[Any] = []
    statistics = _observe(
        adaptor, handle, capabilities, calibration=calibration, config=config, progress=progress, kept=kept, workers=workers
    )
    statistics = statistics if earlier is None else merged((earlier, statistics))
    capabilities = _finite_only(capabilities, statistics)
    if isinstance(adaptor, Guards):
        capabilities = adaptor.guard(handle, capabilities, statistics, batches=few)
    _check_not_empty(capabilities, config)
    emitter = quantizes.emitter(handle, statistics, capabilities)
    return Candidates(capabilities=capabilities, emitter=emitter, statistics=statistics, kept=tuple(kept) or few)


def every_option(capabilities: Capabilities, recipes: Mapping[str, Any] | None = None) -> tuple[QuantizationPlan, ...]:
    """Plans that together contain every option of every operator; all carry the recipes."""
    depth = max((len(op.options) for op in capabilities.ops), default=0)
    return tuple(
        QuantizationPlan(
            target=capabilities.target,
            ops={op.op: op.options[min(place, len(op.options) - 1)] for op in capabilities.ops},
            recipes=recipes or {},
        )
        for place in range(depth)
    )


def _check_not_empty(capabilities: Capabilities, config: QuantizeConfig) -> None:
    if isinstance(config, FloatsOnly):
        if not capabilities.lowerable:
            raise nothing_to_convert(capabilities)
    elif not capabilities.quantizable:
        raise nothing_to_quantize(capabilities)


def nothing_to_quantize(capabilities: Capabilities) -> PlanError:
    """The error for a model of which every operator stays in float."""
    reasons = (
        "\n".join(f"    {op.op} ({op.op.type}): {op.reason or 'no integer option'}" for op in capabilities.ops) or "    it has no operators"
    )
    return PlanError(
        f"Nothing can be quantized for the target {capabilities.target}:\n{reasons}",
        where="step quantize",
        fix="give the model that this one was made from" if _is_quantized(capabilities) else _LOOSEN,
    )


def _is_quantized(capabilities: Capabilities) -> bool:
    return any(op.reason is not None and op.reason.code is ReasonCode.ALREADY_QUANTIZED for op in capabilities.ops)


def _observe(
    adaptor: Adaptor,
    handle: ModelHandle,
    capabilities: Capabilities,
    *,
    calibration: CalibrationData | None,
    config: QuantizeConfig,
    progress: Progress,
    kept: list[Any],
    workers: Remote | None,
) -> Statistics:
    wanted = require(adaptor, Quantizes, step=_STEP).wanted(capabilities, every_option(capabilities, recipes_of(config)))
    if not wanted:
        return Statistics(values={}, samples=0)
    if calibration is None:
        raise DataError(
            "Static quantization needs calibration data.",
            where="Pipeline(calibrate=...)",
            fix="give calibrate=batches, or Quantize(approach='dynamic')",
        )
    with progress.bar("calibrate", config.calibration_samples) as advance:
        if workers is not None:
            batches = _keeping(calibration.stream(), kept)
            return workers.observe(batches, wanted, samples=config.calibration_samples, advance=lambda samples: advance(samples, None))
        return require(adaptor, Observes, step=_STEP).observe(
            handle, _keeping(calibration.stream(), kept), wanted, progress=lambda samples: advance(samples, None)
        )


def _keeping(batches: Iterable[Any], kept: list[Any]) -> Iterator[Any]:
    """Pass batches on and keep the first ones."""
    for batch in batches:
        if sum(batch_size(earlier) for earlier in kept) < PROBE_SAMPLES:
            kept.append(batch)
        yield batch


def _finite_only(capabilities: Capabilities, statistics: Statistics) -> Capabilities:
    """Leave operators in float whose tensors held NaN or infinite values."""
    counts: dict[Any, int] = {}
    for key, count in statistics.non_finite.items():
        if count:
            counts[key.op] = counts.get(key.op, 0) + count

    def judged(op: OpCapability) -> OpCapability:
        count = counts.get(op.op, 0)
        if not count or not op.is_quantizable:
            return op
        return _float_only(op, Reason(ReasonCode.NON_FINITE, f"{count} NaN or infinite values during calibration"))

    return attrs.evolve(capabilities, ops=tuple(judged(op) for op in capabilities.ops))


def _configured(op: OpCapability, config: QuantizeConfig) -> OpCapability:
    if not op.is_quantizable:
        return op
    floats = tuple(option for option in op.options if not option.is_quantized)
    allowed = [option for option in op.options if option.is_quantized and _fits(option, config.approach)]
    if not allowed:
        reason = Reason(ReasonCode.NO_INTEGER_KERNEL, f"none for the approach {config.approach.value}")
        return attrs.evolve(op, options=floats, reason=reason)
    preferred = [option for option in allowed if _has_scheme(option, config)] or allowed
    threshold = threshold_for(op, config.constraints, config.activation_threshold)
    return attrs.evolve(op, options=(*(_with_threshold(option, threshold) for option in preferred), *floats))


def _float_only(op: OpCapability, reason: Reason) -> OpCapability:
    return attrs.evolve(op, options=(FLOAT,), reason=reason)


def _fits(option: OpPlan, approach: Approach) -> bool:
    if approach is Approach.AUTO:
        return True
    if approach in (Approach.STATIC, Approach.DYNAMIC):
        return option.is_dynamic == (approach is Approach.DYNAMIC)
    return not any(option.inputs)


def _has_scheme(option: OpPlan, config: QuantizeConfig) -> bool:
    return all(tensor is None or tensor.scheme is config.activation_scheme for tensor in option.inputs)


def _with_threshold(option: OpPlan, threshold: Named) -> OpPlan:
    def changed(tensor: TensorPlan | None) -> TensorPlan | None:
        if tensor is None or tensor.ranges is not RangeSource.STATIC:
            return tensor
        return attrs.evolve(tensor, threshold=threshold)

    return attrs.evolve(
        option, inputs=tuple(changed(tensor) for tensor in option.inputs), outputs=tuple(changed(tensor) for tensor in option.outputs)
    )
