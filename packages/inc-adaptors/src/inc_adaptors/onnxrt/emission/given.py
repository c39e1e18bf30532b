"""Scales that a plan carries itself, so that no statistic is needed: thresholds ``given`` and ``spread``.

``given(scale=, zero_point=)`` is the map itself, one number each or one per channel. ``spread(qmin=, qmax=, minimum=, maximum=, least=)``
spreads a real range, which includes 0, over the codes ``qmin`` to ``qmax``: a symmetric scheme puts 0 on the middle of them. The range is
the values' own where ``minimum`` and ``maximum`` are left out (weights only), and at least ``least`` wide.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from inc_config.dtypes import PerChannel, Scheme
from inc_config.errors import PlanError
from inc_config.plan import TensorPlan
from numpy.typing import NDArray

from inc_adaptors.qparams import SMALLEST_SCALE, QParams

GIVEN = "given"
SPREAD = "spread"
_ARGUMENTS = {GIVEN: {"scale", "zero_point"}, SPREAD: {"qmin", "qmax", "minimum", "maximum", "least"}}
_REQUIRED = {GIVEN: {"scale", "zero_point"}, SPREAD: {"qmin", "qmax"}}
_INT32_MAX = 2.0**31 - 1.0
_MARGIN = 1.0 + 2.0**-20  # scales and their products are rounded to float32

Reals = NDArray[np.float64]


def needs_no_statistic(plan: TensorPlan) -> bool:
    """Whether the plan of an activation says its range itself."""
    return plan.threshold.name == GIVEN or (plan.threshold.name == SPREAD and "minimum" in plan.threshold.args)


def is_explicit(plan: TensorPlan) -> bool:
    """Whether this module finds the plan's scales."""
    return plan.threshold.name in _ARGUMENTS


def explicit_qparams(
    plan: TensorPlan, values: NDArray[np.float32] | None, *, floor: float | Reals = 0.0, where: str = "a tensor plan"
) -> QParams:
    """Scale and zero point of a plan with one of this module's thresholds.

    Args:
        plan: of a tensor; per tensor, or per channel where ``values`` are given.
        values: a weight or constant; None for an activation.
        floor: smallest scale allowed, one number or one per channel.
        where: name of the tensor, used in error messages only.

    Raises:
        PlanError: arguments are missing or unknown, numbers that make no scale, or an activation without a range.
    """
    arguments = _arguments(plan, where)
    channels = _channels(plan, values)
    if plan.threshold.name == GIVEN:
        scale, zero_point = (np.broadcast_to(np.asarray(arguments[name], np.float64), channels) for name in ("scale", "zero_point"))
        return _checked(scale, zero_point, plan, where)
    low, high = _range(plan, arguments, values, channels, where)
    low, high = np.minimum(low, 0.0), np.maximum(high, 0.0)
    high = np.maximum(high, low + float(arguments.get("least") or 0.0))
    qmin, qmax = float(arguments["qmin"]), float(arguments["qmax"])
    if plan.scheme is Scheme.SYMMETRIC:
        high = np.maximum(-low, high)
        low = -high
    exact = (high - low) / (qmax - qmin)
    empty = exact < SMALLEST_SCALE
    scale = np.maximum(np.where(empty, 1.0, exact), floor)
    with np.errstate(over="ignore"):
        zero_point = np.rint((qmin + qmax) / 2.0) if plan.scheme is Scheme.SYMMETRIC else np.rint(qmin - low / scale)
    zero_point = np.where(empty, np.clip(0.0, qmin, qmax), np.clip(zero_point, qmin, qmax))
    return _checked(scale, zero_point, plan, where)


def bias_floor(bias: NDArray[np.float32], input_scale: NDArray[np.float32], plan: TensorPlan) -> float | Reals:
    """Smallest weight scales at which the bias fits int32: one number, or one per channel."""
    magnitude = np.abs(np.asarray(bias, np.float64).reshape(-1))
    limit = magnitude if isinstance(plan.granularity, PerChannel) else magnitude.max(initial=0.0)
    return np.asarray(limit * _MARGIN / (_INT32_MAX * float(input_scale)), np.float64)


def _arguments(plan: TensorPlan, where: str) -> dict[str, Any]:
    name, arguments = plan.threshold.name, dict(plan.threshold.args)
    wrong = sorted((set(arguments) - _ARGUMENTS[name]) | (_REQUIRED[name] - set(arguments)))
    if wrong or ("minimum" in arguments) != ("maximum" in arguments):
        raise PlanError(
            f"Threshold {name!r} does not take these arguments: {', '.join(sorted(arguments)) or 'none'}.",
            where=where,
            fix=f"give {', '.join(sorted(_REQUIRED[name]))}; it knows {', '.join(sorted(_ARGUMENTS[name]))}",
        )
    return arguments


def _channels(plan: TensorPlan, values: NDArray[np.float32] | None) -> tuple[int, ...]:
    """Shape of the scales."""
    if isinstance(plan.granularity, PerChannel) and values is not None:
        return (values.shape[plan.granularity.axis],)
    return ()


def _range(
    plan: TensorPlan, arguments: dict[str, Any], values: NDArray[np.float32] | None, channels: tuple[int, ...], where: str
) -> tuple[Reals, Reals]:
    if "minimum" in arguments:
        low, high = (np.broadcast_to(np.asarray(arguments[name], np.float64), channels) for name in ("minimum", "maximum"))
        return low, high
    if values is None:
        raise PlanError("An activation's plan spreads no range.", where=where, fix="give minimum and maximum")
    if not channels:
        return np.float64(values.min(initial=0.0)), np.float64(values.max(initial=0.0))  # type: ignore[return-value]  # numpy scalars are arrays here
    axis = plan.granularity.axis if isinstance(plan.granularity, PerChannel) else 0
    rows = np.moveaxis(values, axis, 0).reshape(channels[0], -1).astype(np.float64)
    return rows.min(axis=1, initial=0.0), rows.max(axis=1, initial=0.0)


def _checked(scale: Reals, zero_point: Reals, plan: TensorPlan, where: str) -> QParams:
    usable = np.isfinite(scale) & (scale >= SMALLEST_SCALE) & (scale <= np.finfo(np.float32).max)
    fits = (zero_point >= plan.dtype.qmin) & (zero_point <= plan.dtype.qmax) & (zero_point == np.rint(zero_point))
    if not (usable & fits).all():
        raise PlanError(
            f"No map to {plan.dtype}: scale {scale}, zero point {zero_point}.",
            where=where,
            fix=f"give a positive, finite scale and a whole zero point from {plan.dtype.qmin} to {plan.dtype.qmax}",
        )
    return QParams(scale=scale, zero_point=zero_point)
