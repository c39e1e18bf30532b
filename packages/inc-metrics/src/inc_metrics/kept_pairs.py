"""Both sides of every sample, kept for metrics that are computed from all of them at once or computed anew over a choice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from inc_metrics.errors import MetricValueError

if TYPE_CHECKING:
    from numpy.typing import NDArray


class KeptPairs:
    """Two arrays per batch with one row per sample on either side.

    Args:
        owner: name of the metric, used in error messages only.
    """

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._left: list[NDArray[Any]] = []
        self._right: list[NDArray[Any]] = []

    def __len__(self) -> int:
        return sum(map(len, self._left))

    def add(self, left: NDArray[Any], right: NDArray[Any]) -> None:
        """Keep a copy of one batch.

        Raises:
            MetricValueError: its samples are shaped otherwise than those before.
        """
        self._check_shapes(left, right, where=f"{self._owner}.update")
        self._left.append(left.copy())
        self._right.append(right.copy())

    def join(self, other: KeptPairs) -> None:
        """Append everything that ``other`` keeps.

        Raises:
            MetricValueError: its samples are shaped otherwise.
        """
        if other._left:
            self._check_shapes(other._left[0], other._right[0], where=f"{self._owner}.merge")
        self._left = [*self._left, *other._left]
        self._right = [*self._right, *other._right]

    def arrays(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return both sides of everything kept; at least one batch must have been added."""
        if len(self._left) > 1:  # later calls find one piece
            self._left, self._right = [np.concatenate(self._left)], [np.concatenate(self._right)]
        return self._left[0], self._right[0]

    def _check_shapes(self, left: NDArray[Any], right: NDArray[Any], *, where: str) -> None:
        for new, old in ((left, self._left), (right, self._right)):
            if old and new.shape[1:] != old[0].shape[1:]:
                raise MetricValueError(
                    f"Samples have shape {new.shape[1:]}, the ones before {old[0].shape[1:]}", where, "give all samples in one shape"
                )
