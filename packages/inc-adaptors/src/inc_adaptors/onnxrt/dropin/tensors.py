"""From what the user asked for to the plan of each tensor, with the tool's way of spreading a range over codes."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
from inc_config.dtypes import UINT8, IntegerType, PerChannel, PerTensor, Scheme
from inc_config.named import Named
from inc_config.plan import TensorPlan
from numpy.typing import NDArray

from inc_adaptors.onnxrt.dropin.arguments import Options
from inc_adaptors.onnxrt.dropin.overrides import NONE, Override
from inc_adaptors.onnxrt.dropin.types import code_range
from inc_adaptors.onnxrt.emission.given import GIVEN, SPREAD, explicit_qparams

Range = tuple[float, float]


@attrs.frozen(kw_only=True, eq=False)
class Formats:
    """Types of activations and weights, and what is fixed for single tensors; ``reduced`` takes a bit off constants."""

    activation: IntegerType
    weight: IntegerType
    options: Options
    overrides: Mapping[str, Override]
    per_channel: bool = False
    reduced: bool = False
    offsets_per_channel: bool = False
    """Whether channels may have zero points of their own: products with a dynamic activation take them."""

    constants_like_weights: bool = False
    """Whether a constant that is no weight, of the weights' type, takes ``WeightSymmetric`` and no ``reduce_range``: in QOperator form."""

    def fixed(self, tensor: str) -> bool:
        """Whether the user gave a tensor's range or scale, so that none need be found."""
        override = self.overrides.get(tensor, NONE)
        return override.scale is not None or (override.minimum is not None and override.maximum is not None)

    def activation_plan(self, tensor: str, found: Range | None, *, reader: str | None = None) -> TensorPlan:
        """Plan of an activation as written, or as ``reader`` takes it; ``found`` is its range, which an override may stand for."""
        override = self.overrides.get(tensor, NONE)
        convert = override.convert
        if reader is not None and convert is not None and (override.receivers is None or reader in override.receivers):
            override = convert
        dtype = override.dtype or self.activation
        symmetric = self.options.activation_symmetric if override.symmetric is None else override.symmetric
        low, high = found or (0.0, 0.0)
        low = low if override.minimum is None else override.minimum
        high = high if override.maximum is None else override.maximum
        if override.scale is None and self.options.restricted_asymmetric and dtype == UINT8 and not symmetric:
            override = self._restricted(low, high)
        threshold = _given(override) or self._spread(dtype, symmetric=symmetric, reduced=False, found=(low, high))
        return TensorPlan(dtype=dtype, scheme=_scheme(symmetric=symmetric), threshold=threshold)

    def constant_plan(self, tensor: str, *, is_weight: bool, axis: int | None) -> TensorPlan:
        """Plan of a constant; ``axis`` is that of its channels, which an override may change."""
        override = self.overrides.get(tensor)
        if override is None:
            override, axis = NONE, axis if self.per_channel else None
        else:
            axis = override.axis
        dtype = override.dtype or (self.weight if is_weight else self.activation)
        symmetric = override.symmetric
        if symmetric is None:
            symmetric = (axis is not None and not self.offsets_per_channel) or (
                self._weight_symmetric(dtype)
                if is_weight or (self.constants_like_weights and dtype == self.weight)
                else self.options.activation_symmetric
            )
        reduced = self.reduced and (is_weight or not self.constants_like_weights) if override.reduced is None else override.reduced
        found = None if override.minimum is None else (override.minimum, override.maximum)
        threshold = _given(override) or self._spread(dtype, symmetric=symmetric, reduced=reduced, found=found)
        granularity = PerTensor() if axis is None else PerChannel(axis)
        return TensorPlan(dtype=dtype, scheme=_scheme(symmetric=symmetric), granularity=granularity, threshold=threshold)

    def _weight_symmetric(self, dtype: IntegerType) -> bool:
        return dtype.signed if self.options.weight_symmetric is None else self.options.weight_symmetric

    def _spread(self, dtype: IntegerType, *, symmetric: bool, reduced: bool, found: Range | None) -> Named:
        qmin, qmax = code_range(dtype, symmetric=symmetric, reduced=reduced)
        arguments: dict[str, float | None] = {"qmin": qmin, "qmax": qmax}
        if found is not None:
            arguments |= {"minimum": found[0], "maximum": found[1]}
        if self.options.minimum_range:
            arguments["least"] = self.options.minimum_range
        return Named(SPREAD, arguments)

    def _restricted(self, low: float, high: float) -> Override:
        """Zero on the lowest code where nothing is negative, else on the middle one."""
        low, high = min(low, 0.0), max(high, 0.0)
        high = max(high, low + (self.options.minimum_range or 0.0))
        if low == high:
            return Override(scale=1.0, zero_point=0.0)
        if low >= 0.0:
            return Override(scale=high / UINT8.qmax, zero_point=0.0)
        middle = (UINT8.qmax + 1) // 2
        return Override(scale=max(-low / middle, high / (UINT8.qmax - middle)), zero_point=float(middle))


def spelled_out(plan: TensorPlan, values: NDArray[np.float32], where: str) -> TensorPlan:
    """The plan of a constant with its scale written down, so that what is taken from the constant can have the same."""
    found = explicit_qparams(plan, values, where=where)
    threshold = Named(GIVEN, {"scale": float(found.scale), "zero_point": int(found.zero_point)})
    return attrs.evolve(plan, threshold=threshold)


def _given(override: Override) -> Named | None:
    if override.scale is None:
        return None
    return Named(GIVEN, {"scale": override.scale, "zero_point": override.zero_point})


def _scheme(*, symmetric: bool) -> Scheme:
    return Scheme.SYMMETRIC if symmetric else Scheme.ASYMMETRIC
