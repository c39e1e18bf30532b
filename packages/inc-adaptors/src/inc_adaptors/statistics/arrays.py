"""Arrays on their way into statistics, and the checks of arrays read back from files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from inc_config.errors import CalibrationError
from numpy.typing import DTypeLike, NDArray

from inc_adaptors.kernels.extent import MASK_MAGNITUDE

DAMAGED = "calibrate again; the stored statistics are damaged"


def as_float32(values: NDArray[Any], *, keep_order: bool = False) -> NDArray[np.float32]:
    """Contiguous float32 array of the same values; flat, in whatever order costs no copy, unless ``keep_order``.

    A float64 beyond the float32 range becomes infinite, and is then counted as such.
    """
    with np.errstate(over="ignore"):
        single = np.asarray(values).astype(np.float32, copy=False)
    return np.ascontiguousarray(single) if keep_order else np.ascontiguousarray(single.ravel(order="K"))


def read_array(arrays: Mapping[str, NDArray[Any]], name: str, dtype: DTypeLike, shape: tuple[int | None, ...]) -> NDArray[Any]:
    """One stored array of the expected type and shape (None is any length) without NaN; raises CalibrationError otherwise."""
    array = arrays.get(name)
    fits = (
        array is not None
        and array.dtype == np.dtype(dtype)
        and len(array.shape) == len(shape)
        and all(wanted in (None, size) for wanted, size in zip(shape, array.shape, strict=True))
        and not (array.dtype.kind == "f" and np.isnan(array).any())
    )
    if array is None or not fits:
        found = "nothing" if array is None else f"{array.dtype} of shape {array.shape}"
        raise CalibrationError(
            f"Stored statistic: expected {name!r} as {np.dtype(dtype)} of shape {shape} without NaN, found {found}.",
            where=f"array {name}",
            fix=DAMAGED,
        )
    return array.copy()


def read_counter(arrays: Mapping[str, NDArray[Any]], name: str, size: int) -> tuple[int, ...]:
    """Stored counts, none negative; raises CalibrationError otherwise."""
    counts = read_array(arrays, name, np.int64, (size,))
    if (counts < 0).any():
        raise CalibrationError(
            f"Stored statistic: negative count in {name!r}: {counts.tolist()}.",
            where=f"array {name}",
            fix=DAMAGED,
        )
    return tuple(int(count) for count in counts)


def check_bounds(minimum: NDArray[np.float32], maximum: NDArray[np.float32]) -> None:
    """Refuse stored bounds that are neither an ordinary range nor the empty one (+inf, -inf) with CalibrationError."""
    limit = np.float32(MASK_MAGNITUDE)
    ordinary = (minimum <= maximum) & (-limit <= minimum) & (maximum <= limit)
    empty = (minimum == np.inf) & (maximum == -np.inf)
    if not (ordinary | empty).all():
        raise CalibrationError(f"Stored statistic: no range: minimum {minimum}, maximum {maximum}.", where="stored range", fix=DAMAGED)
