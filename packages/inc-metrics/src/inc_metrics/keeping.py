"""The same metric, keeping its value for every sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inc_metrics.sample_mean import SampleMean

if TYPE_CHECKING:
    from inc_metrics.protocols import Metric


def keeping_samples(metric: Metric) -> Metric | None:
    """Return a new metric of the same kind and options with ``keep_samples=True``, empty; None where it has no such option."""
    if not isinstance(metric, SampleMean):
        return None
    kind: Any = type(metric)
    try:
        made: Metric = kind(**{**metric._options(), "keep_samples": True})
    except TypeError:
        return None
    return made
