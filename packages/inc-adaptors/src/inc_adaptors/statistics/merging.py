"""Statistics of parts of the data as those of the whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

import attrs
from inc_config.errors import CalibrationError
from inc_config.plan import TensorKey

from inc_adaptors.statistics.protocol import Statistic, StatisticSpec
from inc_adaptors.statistics.store import Statistics


def merged(parts: Sequence[Statistics]) -> Statistics:
    """Bit-identical to one pass over all parts, in any order. Its data fingerprint is empty: that of a whole is not made of its parts'.

    Raises:
        CalibrationError: there is no part, or two are of different models or gathered different statistics.
    """
    if not parts:
        raise CalibrationError("There are no statistics to merge.", where="merged([])", fix="give at least one part")
    return attrs.evolve(reduce(_pair, parts), data_fingerprint="")


def _pair(left: Statistics, right: Statistics) -> Statistics:
    fault = None
    if left.model_fingerprint != right.model_fingerprint:
        fault = "are of different models"
    elif _asked(left) != _asked(right) or left.constant != right.constant:
        fault = "do not hold the same tensors and statistics"
    if fault is not None:
        raise CalibrationError(f"Two parts of a calibration {fault}.", where="merged(...)", fix="observe every part alike")
    values = {
        key: found if key in left.constant else {spec: statistic.merge(right.values[key][spec]) for spec, statistic in found.items()}
        for key, found in left.values.items()
    }
    non_finite = {key: _non_finite(found) for key, found in values.items()}
    return attrs.evolve(
        left,
        values=values,
        samples=left.samples + right.samples,
        non_finite={key: count for key, count in non_finite.items() if count},
    )


def _asked(statistics: Statistics) -> dict[TensorKey, frozenset[StatisticSpec]]:
    return {key: frozenset(found) for key, found in statistics.values.items()}


def _non_finite(found: Mapping[StatisticSpec, Statistic]) -> int:
    return max((getattr(statistic, "non_finite", 0) for statistic in found.values()), default=0)
