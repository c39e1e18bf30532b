"""The extra options of onnxruntime's tool: each is taken, or refused with the reason, before any data is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

import attrs
from inc_config.errors import PlanError

_FLAGS = {
    "ActivationSymmetric": "activation_symmetric",
    "ActivationRestrictedAsymmetric": "restricted_asymmetric",
    "ForceQuantizeNoInputCheck": "force",
    "AddQDQPairToWeight": "weight_pairs",
    "DedicatedQDQPair": "dedicated_pairs",
    "UseQDQContribOps": "contrib_pairs",
    "QDQKeepRemovableActivations": "keep_activations",
    "QDQDisableWeightAdjustForInt32Bias": "no_bias_room",
    "CalibMovingAverage": "moving_average",
    "SmoothQuant": "smooth_quant",
    "SmoothQuantFolding": "smooth_folding",
    "QuantizeBias": "integer_bias",
    "extra.Sigmoid.nnapi": "nnapi_sigmoid",
    "MatMulConstBOnly": "constant_weights_only",
    "EnableSubgraph": "subgraphs",
}
_OPTIONAL_FLAGS = {"WeightSymmetric": "weight_symmetric", "CalibTensorRangeSymmetric": "range_symmetric"}
_NUMBERS = {
    "CalibMovingAverageConstant": ("averaging_constant", 0.0, 1.0),
    "CalibPercentile": ("percentile", 0.0, 100.0),
    "SmoothQuantAlpha": ("smooth_alpha", 0.0, 1.0),
    "MinimumRealRange": ("minimum_range", 0.0, 3.4e38),
}
_COUNTS = {"CalibStridedMinMax": "stride", "CalibMaxIntermediateOutputs": "most_outputs"}
_OTHERS = frozenset({"OpTypesToExcludeOutputQuantization", "QDQOpTypePerChannelSupportToAxis", "TensorQuantOverrides", "DefaultTensorType"})
_REFUSED = {"BlockSize": "a weight in blocks is weight-only quantization, which is a plan of its own (inc_config's WeightOnly)"}
_DYNAMIC = frozenset(
    {
        "ActivationRestrictedAsymmetric", "ActivationSymmetric", "DefaultTensorType", "EnableSubgraph", "MatMulConstBOnly",
        "MinimumRealRange", "TensorQuantOverrides", "WeightSymmetric", "extra.Sigmoid.nnapi",
    }
)  # fmt: skip
_MOVING = "an operator that only moves data gains nothing from codes whose range each batch finds anew"
KNOWN = frozenset({*_FLAGS, *_OPTIONAL_FLAGS, *_NUMBERS, *_COUNTS, *_OTHERS})


@attrs.frozen(kw_only=True)
class Options:
    """``extra_options``, typed. ``most_outputs`` and ``DefaultTensorType`` change nothing here: memory is flat, and types are inferred."""

    activation_symmetric: bool = False
    restricted_asymmetric: bool = False
    weight_symmetric: bool | None = None
    range_symmetric: bool | None = None
    force: bool = False
    weight_pairs: bool = False
    dedicated_pairs: bool = False
    contrib_pairs: bool = False
    keep_activations: bool = False
    no_bias_room: bool = False
    integer_bias: bool = True
    moving_average: bool = False
    averaging_constant: float = 0.01
    stride: int | None = None
    most_outputs: int | None = None
    percentile: float = 99.999
    smooth_quant: bool = False
    smooth_alpha: float = 0.5
    smooth_folding: bool = True
    minimum_range: float | None = None
    nnapi_sigmoid: bool = False
    constant_weights_only: bool = False
    subgraphs: bool = False
    float_outputs: tuple[str, ...] = ()
    channel_axes: Mapping[str, int] = attrs.field(factory=dict)
    overrides: Mapping[str, Any] = attrs.field(factory=dict)


def read_options(given: Mapping[str, Any] | None, *, dynamic: bool = False) -> Options:
    """Check every option.

    Raises:
        PlanError: an unknown option, or a value that is none of its kind; all faults together.
    """
    if given is not None and not isinstance(given, Mapping):
        raise PlanError(f"{given!r:.80} is no mapping.", where="extra_options", fix="give names of options and their values")
    fields: dict[str, Any] = {"constant_weights_only": dynamic}
    faults: list[str] = []
    for name, value in (given or {}).items():
        if dynamic and name in KNOWN - _DYNAMIC and value:
            reason = _MOVING if name == "ForceQuantizeNoInputCheck" else "nothing is calibrated in dynamic quantization"
            faults.append(f"{name}={value!r:.80} is not offered: {reason}.")
        try:
            fields |= _field(name, value)
        except ValueError as error:
            faults.append(str(error))
    if faults:
        raise PlanError(" ".join(faults), where="extra_options", fix="leave it out, or give what onnxruntime.quantization documents")
    return Options(**fields)


def _field(name: str, value: Any) -> dict[str, Any]:
    """The field that one option sets; raises ValueError with a sentence."""
    if name in _REFUSED and value:
        raise ValueError(f"{name}={value!r} is not offered: {_REFUSED[name]}.")
    if name not in KNOWN and name not in _REFUSED:
        close = get_close_matches(str(name), KNOWN, n=1)
        raise ValueError(f"Unknown option {name!r}{f'; did you mean {close[0]!r}?' if close else '.'}")
    if name in _FLAGS or name in _OPTIONAL_FLAGS:
        return _flag(name, value)
    if name in _NUMBERS:
        return _number(name, value)
    if name in _COUNTS:
        return _count(name, value)
    return _mapping_or_list(name, value)


def _flag(name: str, value: Any) -> dict[str, Any]:
    if name in _OPTIONAL_FLAGS and value is None:
        return {}
    if value not in (True, False):
        raise ValueError(f"{name}={value!r:.80} is neither True nor False.")
    return {(_FLAGS | _OPTIONAL_FLAGS)[name]: bool(value)}


def _number(name: str, value: Any) -> dict[str, Any]:
    field, low, high = _NUMBERS[name]
    if value is None and name == "MinimumRealRange":
        return {}
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"{name}={value!r:.80} is no number from {low:g} to {high:g}.")
    return {field: float(value)}


def _count(name: str, value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if type(value) is not int or value < 1:
        raise ValueError(f"{name}={value!r:.80} is no positive whole number.")
    return {_COUNTS[name]: value}


def _mapping_or_list(name: str, value: Any) -> dict[str, Any]:
    if name == "OpTypesToExcludeOutputQuantization":
        if isinstance(value, str) or not all(isinstance(item, str) for item in value or ()):
            raise ValueError(f"{name}={value!r:.80} is no list of operator types.")
        return {"float_outputs": tuple(value or ())}
    if name == "QDQOpTypePerChannelSupportToAxis":
        if not isinstance(value, Mapping) or not all(isinstance(key, str) and type(axis) is int for key, axis in value.items()):
            raise ValueError(f"{name}={value!r:.80} does not map operator types to axes.")
        return {"channel_axes": dict(value)}
    if name == "TensorQuantOverrides":
        if value is not None and not isinstance(value, Mapping):
            raise ValueError(f"{name} does not map tensor names to lists of overrides.")
        return {"overrides": dict(value or {})}
    return {}


def names_of(given: Iterable[str] | None, where: str) -> frozenset[str]:
    """The names of a list.

    Raises:
        PlanError: one string, or what is no list of strings.
    """
    found: tuple[object, ...] = (
        () if given is None else (given,) if isinstance(given, str) or not isinstance(given, Iterable) else tuple(given)
    )
    if isinstance(given, str) or not all(isinstance(name, str) for name in found):
        raise PlanError(f"{given!r:.80} is no list of names.", where=where, fix="give a list of strings")
    return frozenset(str(name) for name in found)
