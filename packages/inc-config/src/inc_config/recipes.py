"""Model-level options of quantization, typed: an option that does not exist is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from inc_config.fields import Choice, FieldError, as_float, each, flag, number, one_of, optional, strings, texts
from inc_config.frozen import FrozenMap, freeze


class GraphLevel(Choice):
    """How far a graph is optimized before it is quantized."""

    OFF = "off"
    BASIC = "basic"
    EXTENDED = "extended"
    ALL = "all"


class SharedCriterion(Choice):
    """How the errors of layers that share one input are joined when alpha is searched."""

    MINIMUM = "min"
    MEAN = "mean"
    MAXIMUM = "max"


@attrs.frozen(kw_only=True)
class AlphaSearch:
    """Search SmoothQuant's alpha per layer between ``minimum`` and ``maximum``; ``blockwise`` judges the error behind a whole block."""

    minimum: float = attrs.field(default=0.0, converter=as_float, validator=number(minimum=0.0))
    maximum: float = attrs.field(default=1.0, converter=as_float, validator=number(minimum=0.0))
    step: float = attrs.field(default=0.1, converter=as_float, validator=number(above=0.0))
    shared: SharedCriterion = attrs.field(default=SharedCriterion.MEAN, converter=SharedCriterion)
    blockwise: bool = attrs.field(default=False, validator=flag)


def _made(kind: type[Any], value: Any) -> Any:
    """An object of a class from itself, from None, or from the class's fields as a mapping."""
    if value is None or isinstance(value, kind):
        return value
    if not isinstance(value, Mapping):
        raise FieldError(f"{value!r:.200} is not a mapping.", fix=f"give the fields of {kind.__name__}")
    known = [field.name for field in attrs.fields(kind)]
    unknown = [key for key in value if key not in known]
    if unknown:
        raise FieldError(f"{kind.__name__} has no field {unknown[0]!r:.100}.", fix=one_of(unknown[0], known))
    return kind(**value)


def _search(value: AlphaSearch | Mapping[str, Any] | None) -> AlphaSearch | None:
    made: AlphaSearch | None = _made(AlphaSearch, value)
    return made


def _floats(value: float | tuple[float, ...] | list[float]) -> tuple[float, ...]:
    return tuple(as_float(item) for item in value) if isinstance(value, tuple | list) else (as_float(value),)


@attrs.frozen(kw_only=True)
class SmoothQuant:
    """Move outliers of activations into weights: per input channel s = max|x|^alpha / max|w|^(1 - alpha).

    Of several ``alphas`` the one with the least predicted error is taken for the whole model; ``search`` chooses per layer. ``folding``
    writes 1/s into the operator before. ``clip_weights`` keeps max|w| off zero, ``scales_per_op`` gives operators that share an input
    scales of their own, and ``op_types`` names the operators (none: all that can be smoothed).

    Source:
        Xiao et al., arXiv:2211.10438, section 4.
    """

    alphas: tuple[float, ...] = attrs.field(default=(0.5,), converter=_floats, validator=each(number(minimum=0.0)))
    search: AlphaSearch | None = attrs.field(default=None, converter=_search)
    folding: bool = attrs.field(default=True, validator=flag)
    clip_weights: bool = attrs.field(default=True, validator=flag)
    op_types: tuple[str, ...] = attrs.field(default=(), converter=strings, validator=texts)
    percentile: float | None = attrs.field(
        default=None, converter=attrs.converters.optional(as_float), validator=optional(number(above=0.0))
    )
    scales_per_op: bool = attrs.field(default=True, validator=flag)


def _smooth(value: SmoothQuant | Mapping[str, Any] | None) -> SmoothQuant | None:
    made: SmoothQuant | None = _made(SmoothQuant, value)
    return made


@attrs.frozen(kw_only=True)
class Recipes:
    """Options of the whole model.

    ``first_conv_or_matmul`` False keeps the first Conv or MatMul in float, ``last_conv_or_matmul`` the last, ``pre_post_process`` whatever
    lies before the first or behind the last. ``fast_bias_correction`` adds to biases what rounding the weights takes from mean outputs,
    ``weight_correction`` keeps the spread of weights, ``layer_wise`` reads one layer's weights at a time. ``gemm_to_matmul`` lets Gemm be
    written as MatMul and Add where kernels want that. ``graph_level`` is how far the runtime optimizes the float graph first (None: not).
    ``weight_qdq_pair`` keeps weights in float behind a Q/DQ pair, ``dedicated_qdq_pair`` gives each reader a pair of its own.
    ``float_outputs`` lists operator types whose outputs stay in float. ``literal`` quantizes exactly the tensors that plans name, whether
    it pays or not. ``float_bias`` leaves biases in float; ``bias_room`` False keeps weight scales as they are where a bias does not
    fit int32; ``packed_weights`` stores two codes of up to 4 bits in a byte; ``contrib_pairs`` writes pairs of the runtime's own operator
    set.
    """

    first_conv_or_matmul: bool = attrs.field(default=True, validator=flag)
    last_conv_or_matmul: bool = attrs.field(default=True, validator=flag)
    pre_post_process: bool = attrs.field(default=True, validator=flag)
    smooth_quant: SmoothQuant | None = attrs.field(default=None, converter=_smooth)
    fast_bias_correction: bool = attrs.field(default=False, validator=flag)
    weight_correction: bool = attrs.field(default=False, validator=flag)
    layer_wise: bool = attrs.field(default=False, validator=flag)
    gemm_to_matmul: bool = attrs.field(default=True, validator=flag)
    graph_level: GraphLevel | None = attrs.field(default=None, converter=attrs.converters.optional(GraphLevel))
    scale_propagation_max_pooling: bool = attrs.field(default=True, validator=flag)
    scale_propagation_concat: bool = attrs.field(default=True, validator=flag)
    weight_qdq_pair: bool = attrs.field(default=False, validator=flag)
    dedicated_qdq_pair: bool = attrs.field(default=False, validator=flag)
    float_outputs: tuple[str, ...] = attrs.field(default=(), converter=strings, validator=texts)
    literal: bool = attrs.field(default=False, validator=flag)
    float_bias: bool = attrs.field(default=False, validator=flag)
    bias_room: bool = attrs.field(default=True, validator=flag)
    packed_weights: bool = attrs.field(default=False, validator=flag)
    contrib_pairs: bool = attrs.field(default=False, validator=flag)

    @property
    def changed(self) -> FrozenMap[str, Any]:
        """The recipes that differ from their defaults, as plain data: what a plan records."""
        default = Recipes()
        names = [field.name for field in attrs.fields(Recipes) if getattr(self, field.name) != getattr(default, field.name)]
        return FrozenMap({name: _plain(getattr(self, name)) for name in names})


def _plain(value: Any) -> Any:
    """JSON data of a recipe's value."""
    if isinstance(value, Choice):
        return value.value
    return freeze(attrs.asdict(value, value_serializer=lambda _, __, item: _plain(item))) if attrs.has(type(value)) else value


def as_recipes(value: Recipes | Mapping[str, Any]) -> Recipes:
    """Accept a ``Recipes`` or its fields as a mapping (an attrs converter).

    Raises:
        FieldError: an unknown recipe.
    """
    if isinstance(value, Recipes):
        return value
    if not isinstance(value, Mapping):
        raise FieldError(f"{value!r:.200} is not a mapping.", fix="give names of recipes and their values", field="recipes")
    known = [field.name for field in attrs.fields(Recipes)]
    unknown = [key for key in value if key not in known]
    if unknown:
        raise FieldError(f"Unknown recipe {unknown[0]!r:.100}.", fix=one_of(unknown[0], known), field="recipes")
    return Recipes(**value)
