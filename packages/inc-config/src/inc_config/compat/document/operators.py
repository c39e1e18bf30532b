"""What operators may do."""

# ruff: noqa: RUF009  # key() is attrs.field() with a schema

from __future__ import annotations

import attrs

from inc_config.compat.context import Context
from inc_config.compat.nodes import Mapping, Node
from inc_config.compat.shapes import Each, Flavoured, Section, Shape, Value, key
from inc_config.compat.values import choice, decimal, each
from inc_config.frozen import FrozenMap

_GRANULARITY = choice("per_channel", "per_tensor")
_WEIGHT_SCHEME = choice("asym", "sym", "asym_float")
_SCHEME = choice("asym", "sym")
_DTYPE = choice("int8", "uint8", "fp32", "bf16", "fp16")
_WEIGHT_ALGORITHM = choice("minmax")
_LPOT_ALGORITHM = choice("minmax", "kl")
_ALGORITHM = choice("minmax", "kl", "placeholder")
_COMPUTE = choice("int8", "uint8", "fp32", "bf16", "None")
_BITS = decimal(above=0.0, most=7.0)
Texts = tuple[str, ...] | None


@attrs.frozen(kw_only=True)
class V1Weight:
    """Options for weights of all operators; one or several values each."""

    granularity: Texts = key(each(_GRANULARITY, least=1))
    scheme: Texts = key(each(_WEIGHT_SCHEME, least=1))
    dtype: Texts = key(each(_DTYPE, least=1))
    algorithm: Texts = key(Flavoured(Value(each(_WEIGHT_ALGORITHM, least=1)), Value(each(_LPOT_ALGORITHM, least=1))))
    bit: tuple[float, ...] | None = key(each(_BITS, least=1))


@attrs.frozen(kw_only=True)
class V1Activation:
    """Options for activations of all operators."""

    granularity: Texts = key(each(_GRANULARITY, least=1))
    scheme: Texts = key(each(_SCHEME, least=1))
    dtype: Texts = key(each(_DTYPE, least=1))
    compute_dtype: Texts = key(each(_COMPUTE, least=1))
    algorithm: Texts = key(each(_ALGORITHM, least=1))


@attrs.frozen(kw_only=True)
class V1ListedWeight(V1Weight):
    """Options for weights of named operators or types: lists in the file."""

    granularity: Texts = key(each(_GRANULARITY, listed=True, least=1))
    scheme: Texts = key(each(_WEIGHT_SCHEME, listed=True, least=1))
    dtype: Texts = key(each(_DTYPE, listed=True, least=1))
    algorithm: Texts = key(
        Flavoured(Value(each(_WEIGHT_ALGORITHM, listed=True, least=1)), Value(each(_LPOT_ALGORITHM, listed=True, least=1)))
    )
    bit: tuple[float, ...] | None = key(each(_BITS, listed=True, least=1))


@attrs.frozen(kw_only=True)
class V1ListedActivation(V1Activation):
    """Options for activations of named operators or types: lists in the file."""

    granularity: Texts = key(each(_GRANULARITY, listed=True, least=1))
    scheme: Texts = key(each(_SCHEME, listed=True, least=1))
    dtype: Texts = key(each(_DTYPE, listed=True, least=1))
    compute_dtype: Texts = key(each(_COMPUTE, listed=True, least=1))
    algorithm: Texts = key(each(_ALGORITHM, listed=True, least=1))


@attrs.frozen(kw_only=True)
class V1OpOptions:
    """Options for both kinds of tensors."""

    weight: V1Weight | None = key(Section(V1Weight))
    activation: V1Activation | None = key(Section(V1Activation))


@attrs.frozen(kw_only=True)
class V1ListedOptions(V1OpOptions):
    """Options for both kinds of tensors of named operators or types."""

    weight: V1ListedWeight | None = key(Section(V1ListedWeight))
    activation: V1ListedActivation | None = key(Section(V1ListedActivation))


MODEL_WISE = Section(V1OpOptions)
OP_WISE = Each(Section(V1ListedOptions))

_FLOAT = choice("fp32", "bf16", "fp16")


@attrs.frozen(kw_only=True)
class V1Precision:
    """The data types of one kind of tensor."""

    dtype: Texts = key(each(_FLOAT, least=1))


@attrs.frozen(kw_only=True)
class V1OpPrecision:
    """The data types of both kinds of tensors."""

    weight: V1Precision | None = key(Section(V1Precision))
    activation: V1Precision | None = key(Section(V1Precision))


OP_PRECISION = Section(V1OpPrecision)


class _Precisions:
    """The 1.x schema has no operator names here, its templates have: both are read."""

    hungry = True
    _named = Each(OP_PRECISION)

    @property
    def others(self) -> Shape:
        """The shape of an operator."""
        return OP_PRECISION

    def child(self, key: str) -> Shape | None:
        """The shape of ``weight`` or ``activation``."""
        return OP_PRECISION.child(key)

    def read(self, node: Node, path: str, context: Context) -> V1OpPrecision | FrozenMap[str, V1OpPrecision] | None:
        """Data types of all operators, or by operator."""
        is_plain = isinstance(node, Mapping) and any(entry.key in OP_PRECISION.keys for entry in node.entries)
        made: V1OpPrecision | FrozenMap[str, V1OpPrecision] | None = (OP_PRECISION if is_plain else self._named).read(node, path, context)
        return made


OP_PRECISIONS = _Precisions()
