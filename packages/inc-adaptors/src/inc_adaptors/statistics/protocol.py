"""What a statistic is: an open protocol, found through the entry-point group ``inc.observers``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, Self, runtime_checkable

import attrs
import numpy as np
from inc_config.frozen import FrozenMap, freeze_map
from numpy.typing import NDArray


@attrs.frozen
class StatisticSpec:
    """A statistic's name in ``inc.observers`` and its arguments: ``StatisticSpec("histogram", {"bins": 2048})``."""

    name: str
    args: FrozenMap[str, Any] = attrs.field(factory=FrozenMap, converter=freeze_map)


@runtime_checkable
class Statistic(Protocol):
    """Something gathered from a stream of arrays whose merge in any order equals one pass over all of them."""

    def update(self, values: NDArray[np.float32]) -> None:
        """Take in one array (any shape)."""

    def merge(self, other: Self) -> Self:
        """A new statistic equal to one pass over both streams."""

    def to_arrays(self) -> Mapping[str, NDArray[Any]]:
        """Everything needed to rebuild it, as arrays."""

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Rebuild from ``to_arrays``."""
