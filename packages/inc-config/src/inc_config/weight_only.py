"""Weights in few bits while activations stay in float."""

from __future__ import annotations

import attrs

from inc_config.dtypes import IntegerType, Scheme, StorageType, parse_storage
from inc_config.fields import FieldError, flag
from inc_config.named import Named, as_named


def _group(_: object, attribute: attrs.Attribute[int], value: object) -> None:
    if type(value) is not int or value < -1 or value == 0:
        fix = "give a whole number above 0, or -1 for one scale per output channel"
        raise FieldError(f"{attribute.name} cannot be {value!r}.", field=attribute.name, fix=fix)


@attrs.frozen(kw_only=True)
class WeightOnlyConfig:
    """How weights are rounded: ``algorithm`` (rtn, gptq, awq, teq, autoround, with their arguments), type and group.

    One scale serves ``group_size`` consecutive inputs (-1: all inputs of an output channel). ``lm_head`` False leaves the last layer.
    """

    algorithm: Named = attrs.field(default=Named("rtn"), converter=as_named)
    dtype: StorageType = attrs.field(default=IntegerType(4, signed=True), converter=parse_storage)
    scheme: Scheme = attrs.field(default=Scheme.ASYMMETRIC, converter=Scheme)
    group_size: int = attrs.field(default=32, validator=_group)
    lm_head: bool = attrs.field(default=False, validator=flag)
