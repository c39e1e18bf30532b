"""Reproducible draws: permutations that survive numpy upgrades, and one stream per sample for random transforms.

A random transform cannot keep its own position in a stream when several workers share it. A loader therefore announces
the sample it reads, and what is drawn depends on the loader's seed, the epoch, the sample and the transform's seed only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
from numpy.typing import NDArray

from inc_data.protocols import IndexArray


def permutation(count: int, *key: int) -> IndexArray:
    """Return the numbers 0..count-1 in an order that depends on ``key`` alone.

    Only raw words of a bit generator are used: numpy promises those for ever, its ``Generator.permutation`` not (NEP 19).
    """
    words = np.random.PCG64(np.random.SeedSequence(key)).random_raw(count)
    return np.argsort(words, kind="stable").astype(np.int64, copy=False)


def uniforms(count: int, *key: int) -> NDArray[np.float64]:
    """Return ``count`` numbers evenly spread over [0, 1) that depend on ``key`` alone; raw words again, 53 bits of each."""
    words = np.random.PCG64(np.random.SeedSequence(key)).random_raw(count)
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


class _SampleStream:
    """Seeds for the transforms that one sample passes, made when the first one asks."""

    def __init__(self, key: tuple[int, ...]) -> None:
        self._key = key
        self._drawn = 0

    def next_generator(self, seed: int) -> np.random.Generator:
        self._drawn += 1
        return np.random.default_rng((*self._key, self._drawn, seed))


_current: ContextVar[_SampleStream | None] = ContextVar("inc_data_sample", default=None)


@contextmanager
def reading_sample(*key: int) -> Iterator[None]:
    """Tie what random transforms draw inside the block to ``key`` (non-negative), for example (seed, epoch, index)."""
    token = _current.set(_SampleStream(key))
    try:
        yield
    finally:
        _current.reset(token)


def sample_generator(seed: int, own: np.random.Generator) -> np.random.Generator:
    """Return the generator for one transform call: the sample's inside ``reading_sample``, the transform's own outside."""
    stream = _current.get()
    return own if stream is None else stream.next_generator(seed)
