"""Options that are there only for those who ask for them."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
from inc_adaptors.roles import Adaptor, Alternates
from inc_config.capabilities import Capabilities, OpCapability
from inc_config.constrain import constrain, selects
from inc_config.constraints import OpConstraint, Unfit
from inc_config.dtypes import IntegerType


def with_asked(adaptor: Adaptor, capabilities: Capabilities, constraints: Iterable[OpConstraint]) -> Capabilities:
    """The capabilities, with an adaptor's alternatives for operators whose constraints ask for what no usual option has.

    Alternatives are slower kernels (uint8 weights, int8 activations), which a search should not try unasked; constraints that do not count
    where nothing fits do not ask for them.
    """
    asking = tuple(constraint for constraint in constraints if _asks(constraint))
    if not asking or not isinstance(adaptor, Alternates):
        return capabilities
    usual = constrain(capabilities, asking)
    more = adaptor.alternatives(capabilities)

    def judged(own: OpCapability, left: OpCapability, wide: OpCapability) -> OpCapability:
        needs = own.is_quantizable and not left.is_quantizable and any(selects(constraint, own) for constraint in asking)
        return wide if needs else own

    return attrs.evolve(capabilities, ops=tuple(map(judged, capabilities.ops, usual.ops, more.ops)))


def _asks(constraint: OpConstraint) -> bool:
    """Whether a constraint insists on integer types, or on a scheme."""
    if constraint.unfit is not Unfit.FLOAT:
        return False
    tensors = (constraint.activation, constraint.weight)
    return any(tensor.schemes or any(isinstance(dtype, IntegerType) for dtype in tensor.dtypes) for tensor in tensors)
