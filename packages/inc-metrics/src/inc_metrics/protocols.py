"""What a metric is, for everything that takes one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@runtime_checkable
class Metric(Protocol):
    """Gathers evidence batch by batch and turns it into one number.

    The parameters of ``update`` are positional, so that a metric may name them after what they are: predictions and
    targets, candidate and reference, texts and references.
    """

    @property
    def name(self) -> str:
        """Short lower-case name, as shown in tables and given to :func:`inc_metrics.build`."""
        ...

    @property
    def higher_is_better(self) -> bool:
        """Direction of improvement."""
        ...

    def update(self, predictions: Any, targets: Any, /) -> None:
        """Take in one batch, or one sample; on an error nothing was taken in."""
        ...

    def result(self) -> float:
        """Return the value over everything taken in since the last reset; nothing taken in is an error, never 0."""
        ...

    def reset(self) -> None:
        """Forget everything taken in, but no option."""
        ...


@runtime_checkable
class Mergeable(Metric, Protocol):
    """A metric that can be computed in parts, by several workers."""

    def merge(self, other: Self, /) -> None:
        """Take in everything that ``other`` has, as if this metric had seen it after its own; ``other`` is unchanged."""
        ...


@runtime_checkable
class SampleWise(Metric, Protocol):
    """A metric that gives every sample a value of its own, which is what paired comparison of two models needs."""

    def samples(self) -> NDArray[Any]:
        """Return one float64 value per sample in the order of arrival, shape ``(N,)``; needs ``keep_samples=True``."""
        ...


@runtime_checkable
class Resamplable(Metric, Protocol):
    """A corpus metric that can be computed anew over any choice of its units, which is what a paired bootstrap needs.

    A unit is what was drawn independently: an image for detection, a sentence for translation. Two models that are
    compared have seen the same units in the same order.
    """

    def units(self) -> int:
        """Return how many units were taken in."""
        ...

    def resampled(self, indices: NDArray[np.int64], /) -> float:
        """Return the result over the units ``indices``, shape ``(units,)``, repetitions counted; the metric stays as it is."""
        ...
