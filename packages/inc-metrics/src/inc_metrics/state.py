"""Rules that every metric's state follows: no result without data, and merging only like with like."""

from __future__ import annotations

from inc_metrics.errors import MetricTypeError, MetricValueError


def no_data(metric: object, method: str) -> MetricValueError:
    """Return the error for a result that is asked for before any update."""
    where = f"{type(metric).__name__}.{method}"
    return MetricValueError("There is no result: no data was taken in", where, "call update first; is the evaluation data empty?")


def check_mergeable(metric: object, other: object, options: dict[str, object], other_options: dict[str, object]) -> None:
    """Refuse to merge two metrics that do not measure the same thing.

    Raises:
        MetricTypeError: two kinds of metric.
        MetricValueError: one kind, different options; both are shown.
    """
    where = f"{type(metric).__name__}.merge"
    if type(metric) is not type(other):
        raise MetricTypeError(f"A {type(other).__name__} cannot be merged in", where, f"merge another {type(metric).__name__}")
    if options != other_options:
        raise MetricValueError(f"The options differ: {options} and {other_options}", where, "make both metrics with the same options")


def not_kept(metric: object, method: str) -> MetricValueError:
    """Return the error for values per sample that were not kept."""
    kind = type(metric).__name__
    return MetricValueError("Values per sample were not kept", f"{kind}.{method}", f"make it with {kind}(keep_samples=True)")
