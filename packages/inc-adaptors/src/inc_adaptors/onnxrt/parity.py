"""How near two models' outputs are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import attrs
import numpy as np
from inc_config.errors import DataError
from numpy.typing import NDArray

Predictor = Callable[[Any], tuple[NDArray[Any], ...]]


@attrs.frozen(kw_only=True)
class OutputParity:
    """One output: signal-to-quantization-noise ratio in dB (inf for equal outputs) and the largest absolute difference."""

    name: str
    sqnr_db: float
    largest_difference: float


def output_parity(names: tuple[str, ...], reference: Predictor, other: Predictor, batches: Iterable[Any]) -> tuple[OutputParity, ...]:
    """Compare two predictors over batches of inputs.

    SQNR is ``10 log10(sum x^2 / sum (x - y)^2)`` over all values of all batches, ``x`` from ``reference``.

    Raises:
        DataError: there is not a single batch.
    """
    signal, noise, largest = (np.zeros(len(names)) for _ in range(3))
    seen = 0
    for batch in batches:
        seen += 1
        for index, (x, y) in enumerate(zip(reference(batch), other(batch), strict=True)):
            exact = np.asarray(x, np.float64)
            difference = exact - np.asarray(y, np.float64)
            signal[index] += np.square(exact).sum()
            noise[index] += np.square(difference).sum()
            largest[index] = max(largest[index], np.abs(difference).max(initial=0.0))
    if not seen:
        raise DataError("There is not a single batch to compare the models on.", where="batches", fix="give at least one batch of inputs")
    return tuple(
        OutputParity(name=name, sqnr_db=_decibels(signal[i], noise[i]), largest_difference=float(largest[i]))
        for i, name in enumerate(names)
    )


def _decibels(signal: float, noise: float) -> float:
    if noise == 0.0:
        return float("inf")
    return float(10.0 * np.log10(signal / noise)) if signal > 0.0 else float("-inf")
