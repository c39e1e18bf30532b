"""A clock that calls move on, in the place of the machine's: what is computed from times can then be stated exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain, repeat

import attrs


@attrs.define
class Clock:
    """Stands in for the module ``time`` where ``inc_bench.timing`` reads it."""

    wall_s: float = 0.0
    cpu_s: float = 0.0

    def perf_counter(self) -> float:
        return self.wall_s

    def process_time(self) -> float:
        return self.cpu_s

    def call(self, wall_s: float, *, share: float = 1.0, first: Iterable[float] = ()) -> Callable[[], None]:
        """A call of so many seconds, of which the processor works a share; the ``first`` ones take other times."""
        durations = chain(first, repeat(wall_s))

        def run() -> None:
            seconds = next(durations)
            self.wall_s += seconds
            self.cpu_s += share * seconds

        return run
