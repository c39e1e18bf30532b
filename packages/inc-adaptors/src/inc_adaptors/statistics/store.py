"""All statistics of one calibration, with the fingerprints that tell when they are stale."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from inc_config.plan import TensorKey

from inc_adaptors.statistics.protocol import Statistic, StatisticSpec


@attrs.frozen(kw_only=True, eq=False)
class Statistics:
    """Statistics by tensor and spec.

    ``samples`` is how many samples were read; ``non_finite`` counts NaN and infinite values seen per intermediate tensor.
    """

    values: Mapping[TensorKey, Mapping[StatisticSpec, Statistic]]
    samples: int
    non_finite: Mapping[TensorKey, int] = attrs.field(factory=dict)
    model_fingerprint: str = ""
    data_fingerprint: str = ""
