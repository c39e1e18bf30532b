"""What happens to each operator, as data: frozen, hashable, stable under JSON round trips."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from typing import Any

import attrs

from inc_config.dtypes import FP32, INT8, DType, Granularity, IntegerType, PerTensor, Scheme
from inc_config.fields import Choice
from inc_config.frozen import FrozenMap, freeze_map, thaw
from inc_config.named import Named, as_named
from inc_config.target import Target


@attrs.frozen(order=True, cache_hash=True)
class OpId:
    """An operator's name that survives every rewrite.

    ``scope`` is the module path or node name in the user's own model, ``call_index`` tells apart several calls of one module,
    ``type`` is the adaptor's operator type (``"Conv"``, ``"Linear"``).
    """

    scope: str
    call_index: int = 0
    type: str = ""

    def __str__(self) -> str:
        return self.scope if self.call_index == 0 else f"{self.scope}#{self.call_index}"


@attrs.frozen(order=True)
class TensorKey:
    """A tensor seen from its operator: ``role`` is ``"input:i"``, ``"output:i"`` or ``"weight"``."""

    op: OpId
    role: str = attrs.field(validator=attrs.validators.matches_re(r"(input|output):\d+|weight"))

    def __str__(self) -> str:
        return f"{self.op}/{self.role}"


class RangeSource(Choice):
    """When an activation's range is found: ``STATIC`` by calibration, ``DYNAMIC`` from each batch at run time."""

    STATIC = "static"
    DYNAMIC = "dynamic"


MINMAX = Named("minmax")


@attrs.frozen(kw_only=True, cache_hash=True)
class TensorPlan:
    """How one tensor is stored: type, scheme, granularity, and how its threshold is found (minmax, percentile, kl, mse)."""

    dtype: IntegerType = INT8
    scheme: Scheme = attrs.field(default=Scheme.SYMMETRIC, converter=Scheme)
    granularity: Granularity = attrs.field(factory=PerTensor)
    threshold: Named = attrs.field(default=MINMAX, converter=as_named)
    ranges: RangeSource = attrs.field(default=RangeSource.STATIC, converter=RangeSource)


def _tensors(value: Iterable[TensorPlan | None]) -> tuple[TensorPlan | None, ...]:
    return tuple(value)


@attrs.frozen(kw_only=True, cache_hash=True)
class OpPlan:
    """What happens to one operator. A missing tensor plan leaves that tensor in float; ``OpPlan()`` is plain fp32."""

    inputs: tuple[TensorPlan | None, ...] = attrs.field(default=(), converter=_tensors)
    weight: TensorPlan | None = None
    outputs: tuple[TensorPlan | None, ...] = attrs.field(default=(), converter=_tensors)
    compute_dtype: DType = FP32
    algorithm: Named | None = None

    @property
    def is_quantized(self) -> bool:
        """Whether the operator computes on integers."""
        return isinstance(self.compute_dtype, IntegerType)

    @property
    def is_dynamic(self) -> bool:
        """Whether an activation range is found at run time."""
        return any(t is not None and t.ranges is RangeSource.DYNAMIC for t in self.inputs)

    @property
    def precision(self) -> str:
        """Short label for tables: ``int8``, ``int8 dynamic``, ``bf16``, ``fp32``."""
        return f"{self.compute_dtype}{' dynamic' if self.is_dynamic else ''}"


FLOAT = OpPlan()


def _operators(value: Mapping[OpId, OpPlan]) -> FrozenMap[OpId, OpPlan]:
    return value if isinstance(value, FrozenMap) else FrozenMap(value)


@attrs.frozen(kw_only=True)
class QuantizationPlan:
    """A map from operator to what happens to it, plus model-level recipes; the digest covers all of it."""

    target: Target
    ops: FrozenMap[OpId, OpPlan] = attrs.field(factory=FrozenMap, converter=_operators)
    recipes: FrozenMap[str, Any] = attrs.field(factory=FrozenMap, converter=freeze_map)

    @property
    def quantized(self) -> tuple[OpId, ...]:
        """Operators that compute on integers, in plan order."""
        return tuple(op for op, plan in self.ops.items() if plan.is_quantized)

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the canonical JSON form; equal for equal plans whatever the order of construction."""
        operators = ",".join(sorted(_operator_text(op, plan) for op, plan in self.ops.items()))
        text = f'{{"ops":[{operators}],"recipes":{_text(thaw(self.recipes))},"target":{_text(self.target)}}}'
        return hashlib.sha256(text.encode()).hexdigest()

    def with_ops(self, changes: Mapping[OpId, OpPlan]) -> QuantizationPlan:
        """The same plan with some operators' plans replaced."""
        return attrs.evolve(self, ops=FrozenMap(dict(self.ops) | dict(changes)))

    def with_float(self, ops: Iterable[OpId]) -> QuantizationPlan:
        """The same plan with these operators back in fp32."""
        return self.with_ops(dict.fromkeys(ops, FLOAT))


@lru_cache(maxsize=1 << 16)
def _operator_text(op: OpId, plan: OpPlan) -> str:
    """One operator's part of the canonical text; kept, because a search asks for digests of many plans that differ in few operators."""
    return f"[{_text(op)},{_text(plan)}]"


def _text(value: Any) -> str:
    from inc_config.convert import unstructure  # noqa: PLC0415  (convert needs this module's classes)

    return json.dumps(_canonical(unstructure(value)), sort_keys=True, separators=(",", ":"))


def _canonical(value: Any) -> Any:
    """Spell equal numbers one way (1.0 as 1), so that equal plans have equal digests."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items()}
    return [_canonical(item) for item in value] if isinstance(value, list) else value
