"""Apply a user's constraints to what an adaptor can do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

import attrs

from inc_config.capabilities import Capabilities, OpCapability, Reason, ReasonCode
from inc_config.constraints import OpConstraint, TensorConstraint, Unfit
from inc_config.dtypes import Granularity, GranularityKind, IntegerType, PerChannel, PerGroup
from inc_config.named import Named
from inc_config.plan import FLOAT, OpPlan, TensorPlan

Accepts = Callable[[OpPlan], bool]


def constrain(capabilities: Capabilities, constraints: Iterable[OpConstraint]) -> Capabilities:
    """Leave every operator the options that its constraints allow.

    An operator whose constraints leave no option stays in float, with the reason; with ``Unfit.IGNORE`` a limit that no option meets
    does not count.
    """
    given = tuple(constraints)
    return attrs.evolve(capabilities, ops=tuple(_constrained(capability, given) for capability in capabilities.ops))


def threshold_for(capability: OpCapability, constraints: Iterable[OpConstraint], default: Named) -> Named:
    """How thresholds of this operator's activations are found: ``default``, or the first algorithm that its last constraint names."""
    chosen = default
    for constraint in constraints:
        algorithms = constraint.activation.algorithms
        if algorithms and chosen.name not in algorithms and selects(constraint, capability):
            chosen = Named(algorithms[0])
    return chosen


def selects(constraint: OpConstraint, capability: OpCapability) -> bool:
    """Whether a constraint is meant for an operator, by its own name or by that of a member."""
    op = capability.op
    if constraint.types and op.type.lower() not in {kind.lower() for kind in constraint.types}:
        return False
    if not constraint.names and not constraint.patterns:
        return True
    return any(
        name in constraint.names or any(re.fullmatch(pattern, name) for pattern in constraint.patterns) for name in _names(capability)
    )


def without_match(
    capabilities: Capabilities, *, exclude: Iterable[str], exclude_types: Iterable[str], constraints: Iterable[OpConstraint]
) -> tuple[str, ...]:
    """Names, patterns and types that were given and that no operator has, such as ``exclude 'cnv1'``: mostly slips of the pen."""
    scopes = [capability.op.scope for capability in capabilities.ops]
    names = {name for capability in capabilities.ops for name in _names(capability)}
    types = {capability.op.type.lower() for capability in capabilities.ops}

    def unknown() -> Iterator[tuple[str, str]]:
        yield from (("exclude", pattern) for pattern in exclude if not any(re.fullmatch(pattern, scope) for scope in scopes))
        yield from (("exclude_types", kind) for kind in exclude_types if kind.lower() not in types)
        for place, constraint in enumerate(constraints):
            yield from ((f"constraints[{place}].names", name) for name in constraint.names if name not in names)
            unmatched = (pattern for pattern in constraint.patterns if not any(re.fullmatch(pattern, name) for name in names))
            yield from ((f"constraints[{place}].patterns", pattern) for pattern in unmatched)

    return tuple(f"{field} {given!r}" for field, given in unknown())


def _names(capability: OpCapability) -> tuple[str, ...]:
    """What a constraint may call an operator."""
    return (capability.op.scope, str(capability.op), *capability.members)


def _constrained(capability: OpCapability, constraints: tuple[OpConstraint, ...]) -> OpCapability:
    for constraint in constraints:
        if capability.is_lowerable and selects(constraint, capability):
            capability = _narrowed(capability, constraint)
    return capability


def _narrowed(capability: OpCapability, constraint: OpConstraint) -> OpCapability:
    options = tuple(option for option in capability.options if option.is_quantized)
    halves = tuple(option for option in capability.options if not option.is_quantized and option != FLOAT and _allows(constraint, option))
    for limit, accepts, is_final in _limits(constraint):
        left = tuple(option for option in options if accepts(option))
        if not left and (is_final or constraint.unfit is Unfit.FLOAT):
            reason = capability.reason if halves else Reason(ReasonCode.EXCLUDED_BY_USER, f"constraint: {limit}")
            return attrs.evolve(capability, options=(*halves, FLOAT), reason=reason)
        options = left or options
    return attrs.evolve(capability, options=(*options, *halves, FLOAT))


def _allows(constraint: OpConstraint, half: OpPlan) -> bool:
    """Whether an option in 16 bits is among the types that a constraint names, if it names any."""
    return all(not tensor.dtypes or half.compute_dtype in tensor.dtypes for tensor in (constraint.activation, constraint.weight))


def _limits(constraint: OpConstraint) -> Iterator[tuple[str, Accepts, bool]]:
    """Each limit in words, what it accepts, and whether it asks for float itself."""
    yield from _tensor_limits("activation", constraint.activation, lambda option: tuple(t for t in option.inputs if t is not None))
    yield from _tensor_limits("weight", constraint.weight, lambda option: () if option.weight is None else (option.weight,))
    rounding = constraint.weight.algorithms
    if rounding:
        yield f"weight {', '.join(rounding)}", lambda option: _rounding(option) in rounding, False


def _tensor_limits(
    name: str, constraint: TensorConstraint, tensors: Callable[[OpPlan], tuple[TensorPlan, ...]]
) -> Iterator[tuple[str, Accepts, bool]]:
    def all_tensors(accepts: Callable[[TensorPlan], bool]) -> Accepts:
        return lambda option: all(accepts(tensor) for tensor in tensors(option))

    if constraint.dtypes:
        wants_float = not any(isinstance(dtype, IntegerType) for dtype in constraint.dtypes)
        yield f"{name} {', '.join(map(str, constraint.dtypes))}", all_tensors(lambda t: t.dtype in constraint.dtypes), wants_float
    if constraint.schemes:
        yield f"{name} {', '.join(s.value for s in constraint.schemes)}", all_tensors(lambda t: t.scheme in constraint.schemes), False
    if constraint.granularities:
        kinds = constraint.granularities
        yield f"{name} {', '.join(k.value for k in kinds)}", all_tensors(lambda t: _kind(t.granularity) in kinds), False
    if constraint.group_sizes:
        sizes = constraint.group_sizes
        yield f"{name} groups of {', '.join(map(str, sizes))}", all_tensors(lambda t: _group(t.granularity) in (None, *sizes)), False


def _kind(granularity: Granularity) -> GranularityKind:
    if isinstance(granularity, PerGroup):
        return GranularityKind.PER_GROUP
    return GranularityKind.PER_CHANNEL if isinstance(granularity, PerChannel) else GranularityKind.PER_TENSOR


def _group(granularity: Granularity) -> int | None:
    return granularity.size if isinstance(granularity, PerGroup) else None


def _rounding(option: OpPlan) -> str:
    return "minmax" if option.algorithm is None else option.algorithm.name
