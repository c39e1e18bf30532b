"""Generated data of known difficulty: textured images and token sequences, of which no classifier gets everything right."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

CLASSES = 10
SIDE = 32
LENGTH = 32
TOKENS = 24
_WAVES = 6  # per class and colour
_COLOURS = 3
_PART = 250  # images made at a time
_SEED = 7  # of what the classes are, whichever samples are drawn


@attrs.frozen(eq=False)
class Labelled:
    """Inputs and their classes, one row each."""

    inputs: Array
    labels: NDArray[np.int64]


def images(count: int, *, seed: int) -> Labelled:
    """Sums of a few waves per class at a random place, mixed with those of another class, under noise; (count, 3, SIDE, SIDE) float32."""
    fixed = np.random.default_rng(_SEED)
    frequency = fixed.uniform(0.5, 4.0, (CLASSES, _COLOURS, _WAVES, 2)) * fixed.choice([-1, 1], (CLASSES, _COLOURS, _WAVES, 2))
    phase = fixed.uniform(0, 2 * np.pi, (CLASSES, _COLOURS, _WAVES))
    waves = (frequency, phase)
    rng = np.random.default_rng(seed)
    labels = rng.integers(CLASSES, size=count)
    parts = [_mixed(rng, labels[start : start + _PART], waves) for start in range(0, count, _PART)]
    return Labelled(np.concatenate(parts), labels)


def _mixed(rng: np.random.Generator, labels: Array, waves: tuple[Array, Array]) -> Array:
    count = len(labels)
    others = (labels + rng.integers(1, CLASSES, size=count)) % CLASSES
    share = rng.uniform(0.25, 0.52, (count, 1, 1, 1))
    made = (1 - share) * _drawn(rng, labels, waves) + share * _drawn(rng, others, waves)
    made += rng.normal(0, 0.2, (count, _COLOURS, SIDE, SIDE))
    return (made * rng.uniform(0.6, 2.0, (count, 1, 1, 1))).astype(np.float32)


def _drawn(rng: np.random.Generator, kinds: Array, waves: tuple[Array, Array]) -> Array:
    """The mean of each kind's waves, moved by a random way."""
    frequency, phase = (part[kinds] for part in waves)
    shift = rng.uniform(0, 1, (len(kinds), 1, 1, 2))
    axis = np.arange(SIDE) / SIDE
    rows, columns = ((axis + shift[..., i, None]) * frequency[..., i, None] * 2 * np.pi for i in (0, 1))
    return (np.exp(1j * (rows + phase[..., None]))[..., :, None] * np.exp(1j * columns)[..., None, :]).imag.mean(axis=2)


def sequences(count: int, *, seed: int) -> Labelled:
    """Walks over tokens, every class with tokens and steps it likes beside those all share; (count, LENGTH) int64."""
    fixed = np.random.default_rng(_SEED)
    liked = fixed.dirichlet(np.full(TOKENS, 0.5), (CLASSES, 1))
    own = fixed.dirichlet(np.full(TOKENS, 0.3), (CLASSES, TOKENS))
    shared = fixed.dirichlet(np.full(TOKENS, 0.5), TOKENS)
    steps = np.cumsum(0.5 * liked + 0.15 * own + 0.35 * shared, axis=2)
    rng = np.random.default_rng(seed)
    labels = rng.integers(CLASSES, size=count)
    made = np.empty((count, LENGTH), np.int64)
    made[:, 0] = rng.integers(TOKENS, size=count)
    for place in range(1, LENGTH):
        chances = steps[labels, made[:, place - 1]]
        made[:, place] = np.minimum((rng.random((count, 1)) > chances).sum(axis=1), TOKENS - 1)
    return Labelled(made, labels)
