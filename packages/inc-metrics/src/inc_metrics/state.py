"""Rules that every metric's state follows: no result without data, and merging only like with like."""

from __future__ import annotations

from typing import Protocol

from inc_metrics.errors import MetricTypeError, MetricValueError


class HasOptions(Protocol):
    """A metric that tells what it was made with."""

    def _options(self) -> dict[str, object]: ...


def no_data(metric: object, method: str) -> MetricValueError:
    """Return the error for a result that is asked for before any update."""
    where = f"{type(metric).__name__}.{method}"
    return MetricValueError("There is no result: no data was taken in", where, "call update first; is the evaluation data empty?")


def check_mergeable(metric: HasOptions, other: HasOptions) -> None:
    """Refuse to merge two metrics that do not measure the same thing.

    Raises:
        MetricTypeError: two kinds of metric.
        MetricValueError: one kind, different options; those that differ are shown.
    """
    where = f"{type(metric).__name__}.merge"
    if type(metric) is not type(other):
        raise MetricTypeError(f"A {type(other).__name__} cannot be merged in", where, f"merge another {type(metric).__name__}")
    check_same_options(metric, other, where=where)


def check_same_options(metric: HasOptions, other: HasOptions, *, where: str) -> None:
    """Refuse two metrics of one kind that were made differently; raises MetricValueError with the options that differ."""
    mine, others = metric._options(), other._options()
    differing = [key for key in mine if mine[key] != others[key]]
    if differing:
        shown = " and ".join(str({key: options[key] for key in differing}) for options in (mine, others))
        raise MetricValueError(f"The options differ: {shown}", where, "make both metrics with the same options")


def not_kept(metric: object, method: str) -> MetricValueError:
    """Return the error for values per sample that were not kept."""
    kind = type(metric).__name__
    return MetricValueError("Values per sample were not kept", f"{kind}.{method}", f"make it with {kind}(keep_samples=True)")
