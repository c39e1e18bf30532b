"""Weights of which no two neighbours leave 16 bits: the threshold ``pairs`` of a weight's plan.

Processors without VNNI multiply bytes with an instruction that adds two neighbouring products into an int16 and clips. With codes up to
255 nothing is clipped while weights of like sign add up to 128 at most. Seven bits see to that by halving every weight; here each channel's
scale grows only as far as its own largest pair asks, by a factor between 1 and 2, so that it is never coarser than 7 bits and mostly a
quarter coarser than 8.
"""

from __future__ import annotations

import attrs
import numpy as np
from inc_config.dtypes import PerTensor
from inc_config.named import Named
from inc_config.plan import TensorPlan
from numpy.typing import NDArray

from inc_adaptors.qparams import QParams

PAIRS = Named("pairs")

_LARGEST_SUM = 128.0  # 255 * 128 fits into 16 bits, 255 * 129 does not; below 128 before rounding, two codes add up to 128 at most
_MARGIN = 1.0 + 2.0**-20  # scales are rounded to float32

Floats = NDArray[np.float32]


def ranged_alone(plan: TensorPlan) -> TensorPlan:
    """How the scale is found before it grows: by the largest weight."""
    return attrs.evolve(plan, threshold=TensorPlan().threshold) if plan.threshold == PAIRS else plan


def widened(qparams: QParams, plan: TensorPlan, sums: Floats) -> QParams:
    """Scales that keep the largest sums of neighbours in 16 bits; ``sums`` has one per output channel."""
    if plan.threshold != PAIRS:
        return qparams
    least = np.asarray(sums, np.float64) * (_MARGIN / _LARGEST_SUM)
    if isinstance(plan.granularity, PerTensor):
        least = np.asarray(least.max(initial=0.0))
    return QParams(scale=np.maximum(qparams.scale, least), zero_point=qparams.zero_point)


def sums_of_rows(rows: Floats, inside: int) -> Floats:
    """Largest sum of two neighbouring weights of like sign per row.

    Args:
        rows: (channels, taps * inside): each output channel's weights in the order in which kernels read its inputs.
        inside: channels of one tap. Where they are odd, some kernels fill up each tap with a zero and others read on into the next tap: the
            larger sum counts.
    """
    found = _largest(rows)
    if inside % 2 and inside < rows.shape[1]:
        padded = np.pad(rows.reshape(len(rows), -1, inside), [(0, 0), (0, 0), (0, 1)])
        found = np.maximum(found, _largest(padded.reshape(len(rows), -1)))
    return found


def _largest(rows: Floats) -> Floats:
    even = np.pad(rows, [(0, 0), (0, rows.shape[1] % 2)])
    signed = (np.maximum(side[:, 0::2], 0.0) + np.maximum(side[:, 1::2], 0.0) for side in (even, -even))
    return np.asarray(np.maximum(*signed).max(axis=1, initial=0.0), np.float32)
