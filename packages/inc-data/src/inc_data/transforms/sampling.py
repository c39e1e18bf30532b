"""Resizing without antialiasing: each new pixel is a weighted sum of the few old pixels around its centre.

This is what TensorFlow 2's ``tf.image.resize`` and, for bilinear and area, OpenCV's ``resize`` compute, and what models that came with
1.x's ImageNet preprocessing were measured with. ``Resize`` itself is pillow's, which averages over all old pixels when it shrinks.

Source:
    Keys, IEEE ASSP 1981 (cubic, a = -1/2); Mitchell and Netravali, SIGGRAPH 1988 (B = C = 1/3); Turkowski 1990 (Lanczos, Gaussian).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from inc_data.faults import fault, one_of
from inc_data.protocols import Array

Floats = NDArray[np.float64]


def _triangle(x: Floats) -> Floats:
    return np.maximum(0.0, 1.0 - np.abs(x))


def _keys(x: Floats) -> Floats:
    x = np.abs(x)
    return np.where(x < 1, (1.5 * x - 2.5) * x * x + 1, np.where(x < 2, ((-0.5 * x + 2.5) * x - 4) * x + 2, 0.0))


def _mitchell(x: Floats) -> Floats:
    x = np.abs(x)
    near = (7 * x - 12) * x * x + 16 / 3
    far = ((-7 / 3 * x + 12) * x - 20) * x + 32 / 3
    return np.where(x < 1, near, np.where(x < 2, far, 0.0)) / 6


def _lanczos(radius: int) -> Callable[[Floats], Floats]:
    return lambda x: np.where(np.abs(x) < radius, np.sinc(x) * np.sinc(x / radius), 0.0)


def _gaussian(x: Floats) -> Floats:
    # Standard deviation 1/2, cut at three of them.
    return np.where(np.abs(x) < 1.5, np.exp(-2 * x * x), 0.0)


_KERNELS: dict[str, tuple[Callable[[Floats], Floats], float]] = {
    "bilinear": (_triangle, 1.0),
    "bicubic": (_keys, 2.0),
    "mitchellcubic": (_mitchell, 2.0),
    "lanczos3": (_lanczos(3), 3.0),
    "lanczos5": (_lanczos(5), 5.0),
    "gaussian": (_gaussian, 1.5),
}
METHODS = ("nearest", "area", *_KERNELS)


def check_method(name: object, where: str) -> None:
    """Raise ValueError for a name that is none of ``METHODS``."""
    if name not in METHODS:
        raise ValueError(fault(f"Unknown method {name!r}.", where=where, fix=one_of(str(name), METHODS)))


def sampled(pixels: Array, height: int, width: int, *, method: str = "bilinear") -> NDArray[np.float32]:
    """Resize an array ``(H, W, C)`` without antialiasing; centres of pixels are at halves, weights beyond the edge are left out.

    Args:
        pixels: numbers of any type.
        height: new number of rows.
        width: new number of columns.
        method: one of ``METHODS``; ``area`` is the mean over the old area that a new pixel covers.

    Returns:
        float32 of shape ``(height, width, C)``, not rounded.
    """
    rows = _along_rows(pixels.astype(np.float32, copy=False), height, method)
    return np.ascontiguousarray(_along_rows(rows.swapaxes(0, 1), width, method).swapaxes(0, 1))


def _along_rows(pixels: Array, count: int, method: str) -> Array:
    places, weights = _taps(pixels.shape[0], count, method)
    total = pixels[places[:, 0]] * weights[:, 0, np.newaxis, np.newaxis]
    for tap in range(1, places.shape[1]):
        total += pixels[places[:, tap]] * weights[:, tap, np.newaxis, np.newaxis]
    return total


@lru_cache(maxsize=256)
def _taps(old: int, new: int, method: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the old rows that each new row reads, and their weights, both of shape ``(new, taps)``."""
    step = old / new
    numbers = np.arange(new)
    if method == "nearest":
        nearest = np.minimum(np.floor((numbers + 0.5) * step), old - 1).astype(np.int64)
        return nearest[:, np.newaxis], np.ones((new, 1), np.float32)
    if method == "area":
        first = np.floor(numbers * step)
        places = first[:, np.newaxis] + np.arange(int(np.ceil(step)) + 1)
        ends = (numbers + 1) * step
        weights = np.minimum(places + 1, ends[:, np.newaxis]) - np.maximum(places, (numbers * step)[:, np.newaxis])
        weights = np.maximum(weights, 0.0)
    else:
        kernel, radius = _KERNELS[method]
        centres = (numbers + 0.5) * step - 0.5
        places = np.ceil(centres - radius)[:, np.newaxis] + np.arange(int(np.ceil(2 * radius)) + 1)
        weights = kernel(places - centres[:, np.newaxis])
    weights = np.where((places >= 0) & (places < old), weights, 0.0)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.clip(places, 0, old - 1).astype(np.int64), weights.astype(np.float32)
