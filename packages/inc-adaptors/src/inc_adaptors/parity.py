"""How near two models' outputs are, and where they part."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import attrs
import numpy as np
from inc_config.errors import DataError
from numpy.typing import NDArray

Array = NDArray[Any]
Predictor = Callable[[Any], tuple[Array, ...]]

LEAST_DB = 10.0
"""An output below this SQNR has more than a tenth of its power wrong: worth asking where it begins."""


@attrs.frozen(kw_only=True)
class OutputParity:
    """One output.

    ``sqnr_db`` is the signal-to-quantization-noise ratio in dB (inf for equal outputs), ``largest_difference`` the largest absolute one,
    ``agreement`` the fraction of rows along the last axis whose largest value stands in the same place (None: no rows to compare).
    """

    name: str
    sqnr_db: float
    largest_difference: float
    agreement: float | None = None

    def __str__(self) -> str:
        agreed = "" if self.agreement is None else f", the largest value agrees in {self.agreement:.2%} of rows"
        return f"{self.name}: {self.sqnr_db:.1f} dB{agreed}"


@attrs.frozen(kw_only=True)
class Divergence:
    """The first tensor, in execution order, whose SQNR is below a threshold, and the operator that makes it.

    ``before`` is the last tensor found above it (empty: none was), with its own SQNR.
    """

    tensor: str
    operator: str
    type: str
    sqnr_db: float
    before: str = ""
    before_db: float = float("inf")

    def __str__(self) -> str:
        last = f"; {self.before} still has {self.before_db:.1f} dB" if self.before else ""
        return f"first diverging tensor: {self.tensor} of {self.operator} ({self.type}), {self.sqnr_db:.1f} dB{last}"


@attrs.frozen(kw_only=True)
class ParityReport:
    """Two models on the same samples: every output, and where they part if one fell below ``LEAST_DB``."""

    outputs: tuple[OutputParity, ...]
    samples: int
    divergence: Divergence | None = None

    def lines(self) -> tuple[str, ...]:
        """One sentence per finding."""
        head = tuple(f"parity over {self.samples} samples: {output}" for output in self.outputs)
        return head if self.divergence is None else (*head, str(self.divergence))


def output_parity(names: tuple[str, ...], reference: Predictor, other: Predictor, batches: Iterable[Any]) -> tuple[OutputParity, ...]:
    """Compare two predictors over batches of inputs.

    SQNR is ``10 log10(sum x^2 / sum (x - y)^2)`` over all values of all batches, ``x`` from ``reference``.

    Raises:
        DataError: there is not a single batch.
    """
    sums = [_Sums() for _ in names]
    seen = 0
    for batch in batches:
        seen += 1
        for gathered, x, y in zip(sums, reference(batch), other(batch), strict=True):
            gathered.update(np.asarray(x), np.asarray(y))
    if not seen:
        raise DataError("There is not a single batch to compare the models on.", where="batches", fix="give at least one batch of inputs")
    return tuple(gathered.result(name) for name, gathered in zip(names, sums, strict=True))


def sqnr_db(reference: Array, other: Array) -> float:
    """SQNR of one array in dB; minus infinity for another shape, or for values that are not finite where the reference's are."""
    if reference.shape != other.shape:
        return float("-inf")
    gathered = _Sums()
    gathered.update(reference, other)
    return decibels(gathered.signal, gathered.noise)


def decibels(signal: float, noise: float) -> float:
    """``10 log10(signal / noise)`` with the limits of both ends."""
    if noise == 0.0:
        return float("inf")
    return float(10.0 * np.log10(signal / noise)) if signal > 0.0 and np.isfinite(noise) else float("-inf")


class _Sums:
    """Of one output over all batches."""

    def __init__(self) -> None:
        self.signal = self.noise = self.largest = 0.0
        self.rows = self.agreed = 0

    def update(self, x: Array, y: Array) -> None:
        """Take in one batch."""
        exact, other = np.asarray(x, np.float64), np.asarray(y, np.float64)
        with np.errstate(invalid="ignore"):
            difference = np.where(exact == other, 0.0, exact - other)  # masks at minus infinity are equal, not unknown
        ordinary = np.isfinite(exact)
        self.signal += float(np.square(exact[ordinary]).sum())
        self.noise += float(np.nan_to_num(np.square(difference), nan=np.inf).sum())
        self.largest = max(self.largest, float(np.abs(difference).max(initial=0.0)))
        if exact.ndim > 1 and exact.shape[-1] > 1:
            same = exact.argmax(axis=-1) == other.argmax(axis=-1)
            self.rows += same.size
            self.agreed += int(same.sum())

    def result(self, name: str) -> OutputParity:
        """What the sums say."""
        return OutputParity(
            name=name,
            sqnr_db=decibels(self.signal, self.noise),
            largest_difference=self.largest,
            agreement=self.agreed / self.rows if self.rows else None,
        )
