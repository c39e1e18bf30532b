"""Which 16-bit types a step may use, and mixed precision as a search without integers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Adaptor, MixesPrecision, require
from inc_config.capabilities import Capabilities, OpCapability, ReasonCode
from inc_config.dtypes import BF16, FP16, FloatType
from inc_config.errors import PlanError
from inc_config.named import Named
from inc_config.plan import FLOAT
from inc_config.quantization import MixedPrecisionConfig, QuantizeConfig, TunedPrecision
from inc_config.tuning import ObjectiveKind, TuningConfig

STEP = "mixed-precision"
STRATEGY = "automixedprecision"

_HALVES = (BF16, FP16)


@attrs.frozen(kw_only=True)
class FloatsOnly(QuantizeConfig):
    """A search over 16-bit types alone: the tuner's form of a ``MixedPrecisionConfig``."""


def floats_only(config: MixedPrecisionConfig) -> FloatsOnly:
    """The search that a step asks for; its strategy is always ``automixedprecision``."""
    shared = {field.name: getattr(config, field.name) for field in attrs.fields(TunedPrecision)}
    unused = (dtype for dtype in _HALVES if dtype not in wanted_precisions(config))
    return FloatsOnly(**shared | {
        "excluded_precisions": tuple(dict.fromkeys((*config.excluded_precisions, *unused))),
        "tuning": attrs.evolve(config.tuning, strategy=Named(STRATEGY)),
    })  # fmt: skip


def wanted_precisions(config: MixedPrecisionConfig) -> tuple[FloatType, ...]:
    """The 16-bit types that were asked for and not excluded."""
    return tuple(dtype for dtype in config.precisions if dtype in _HALVES and dtype not in config.excluded_precisions)


def other_strategy(config: MixedPrecisionConfig) -> str | None:
    """A strategy that was asked for and is not the one that searches 16-bit types."""
    name = config.tuning.strategy.name
    return None if name in (TuningConfig().strategy.name, STRATEGY) else name


def with_halves(
    adaptor: Adaptor, handle: ModelHandle, config: QuantizeConfig, found: Capabilities, *, batches: Iterable[Any]
) -> Capabilities:
    """Capabilities with the 16-bit options that the configuration allows and the adaptor knows; without integers for ``FloatsOnly``.

    Models on integers run in the adaptor's own runtime whatever their target. Those in 16 bits may not: for another target only types
    that a constraint names are used beside integers.

    Raises:
        MissingRoleError: only 16-bit types are asked for, and the adaptor does not know them.
    """
    allowed = tuple(dtype for dtype in _HALVES if dtype not in config.excluded_precisions)
    smaller = any(objective.kind is ObjectiveKind.SIZE for objective in config.tuning.objectives)
    if isinstance(config, FloatsOnly):
        role = require(adaptor, MixesPrecision, step=STEP)
        return role.half(handle, _without_integers(found), allowed, batches=batches, smaller=smaller)
    if found.target.runtime is not adaptor.target().runtime:
        allowed = tuple(dtype for dtype in allowed if dtype in _named(config))
    if not allowed or not isinstance(adaptor, MixesPrecision) or not adaptor.mixes_with_integers:
        return found
    return adaptor.half(handle, found, allowed, batches=batches, smaller=smaller)


def nothing_to_convert(capabilities: Capabilities) -> PlanError:
    """The error for a model of which no operator can be in 16 bits, with a reason per operator type."""
    reasons: dict[str, list[str]] = {}
    for op in capabilities.ops:
        reasons.setdefault(op.op.type, []).append(str(op.reason or "no 16-bit option"))
    lines = [f"    {len(found)} x {kind}: {found[0]}" for kind, found in reasons.items()] or ["    it has no operators"]
    return PlanError(
        "\n".join((f"There is nothing to convert for the target {capabilities.target}:", *lines)),
        where=f"step {STEP}",
        fix="choose a target that computes in 16 bits (openvino on a processor with bf16), or leave the step out",
    )


def is_undecided(capabilities: Capabilities) -> bool:
    """Whether an operator's options depend on what a batch would tell."""
    return any(op.reason is not None and op.reason.code is ReasonCode.NOT_EXECUTED for op in capabilities.ops)


def _named(config: QuantizeConfig) -> set[Any]:
    """Types that the constraints name."""
    return {dtype for constraint in config.constraints for tensor in (constraint.activation, constraint.weight) for dtype in tensor.dtypes}


def _without_integers(capabilities: Capabilities) -> Capabilities:
    """The same operators with neither integer options nor the reasons for having none; what is left alone stays so."""
    kept = (ReasonCode.IN_SUBGRAPH, ReasonCode.UNKNOWN_DOMAIN, ReasonCode.ALREADY_QUANTIZED)

    def plain(op: OpCapability) -> OpCapability:
        reason = op.reason if op.reason is not None and op.reason.code in kept else None
        return attrs.evolve(op, options=(FLOAT,), reason=reason)

    return attrs.evolve(capabilities, ops=tuple(plain(op) for op in capabilities.ops))
