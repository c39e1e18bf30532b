"""Time calls in turns within one process. Needs numpy only, so that it also runs in peers' interpreters.

What else the machine does disturbs neighbouring calls alike: ratios taken call by call, in a random order each turn, on one core, are told
within a few per cent on a busy machine too, where rounds of seconds one after the other are not. Where a session's weights happen to lie
in memory makes the same model up to 4 % faster or slower for as long as the session lives, which no number of turns tells: so every
session lives several times.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SHORTEST_S = 0.01

Call = Callable[[], Any]


def in_turns(makers: Sequence[Callable[[], Call]], *, lives: int, turns: int) -> NDArray[np.float64]:
    """CPU seconds per call, shape (lives, turns, makers): in every life all calls are made anew, in a random order, and live together."""
    rng = np.random.default_rng(0)
    return np.stack([_life(makers, turns, rng) for _ in range(lives)])


def _life(makers: Sequence[Callable[[], Call]], turns: int, rng: np.random.Generator) -> NDArray[np.float64]:
    calls = {index: makers[index]() for index in rng.permutation(len(makers))}
    repeats = {index: _repeats(call) for index, call in calls.items()}
    spent = np.empty((turns, len(makers)))
    for turn in range(turns):
        for index in rng.permutation(len(makers)):
            start = time.process_time()
            for _ in range(repeats[index]):
                calls[index]()
            spent[turn, index] = (time.process_time() - start) / repeats[index]
    return spent


def _repeats(call: Call) -> int:
    """How often a call that is too short to time is repeated; the first call of all warms up."""
    call()
    start = time.process_time()
    call()
    return max(1, round(_SHORTEST_S / max(time.process_time() - start, 1e-6)))


def on_one_core() -> None:
    """Keep this process, and what it starts, on the last core that it may use."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
