"""Ranges of tensors in a file, in the JSON form of onnxruntime's calibration cache: either tool reads what the other wrote."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inc_config.errors import DataError, StoreError
from inc_config.files import atomic_write
from onnxruntime.quantization import CalibrationMethod

Range = tuple[float, float]


def read_ranges(path: Path, method: CalibrationMethod, *, smooth_quant: bool) -> dict[str, Range] | None:
    """Ranges of a cache file; None where there is none, or it was made for the model smoothed otherwise.

    Raises:
        DataError: the file is none such, or holds another method's ranges.
    """
    if not path.exists():
        return None
    try:
        data = json.loads(path.read_bytes())
        if bool(data.get("smooth_quant", False)) != smooth_quant:
            return None
        written = str(data["calibration_method"]["value"]).rpartition(".")[2]
        found = {str(name): (_number(entry["lowest"]), _number(entry["highest"])) for name, entry in data["data"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(
            f"This is no calibration cache: {error}.", where=f"calibration_cache_path, {path}", fix="delete it, or name another file"
        ) from error
    if written != method.name:
        raise DataError(
            f"The cache holds ranges of method {written}, and {method.name} is asked for.",
            where=f"calibration_cache_path, {path}",
            fix="delete it, or give the calibrate_method it was made with",
        )
    return found


def write_ranges(path: Path, method: CalibrationMethod, ranges: Mapping[str, Range], *, smooth_quant: bool) -> None:
    """Write a cache file, its folder too.

    Raises:
        StoreError: it cannot be written.
    """
    data = {
        "CLS": "TensorsData",
        "data": {
            name: {"lowest": _array(low), "highest": _array(high), "CLS": "TensorData"} for name, (low, high) in sorted(ranges.items())
        },
        "calibration_method": {"CLS": "CalibrationMethod", "value": str(method)},
        "smooth_quant": smooth_quant,
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, json.dumps(data).encode())
    except OSError as error:
        raise StoreError(
            f"The calibration cache cannot be written: {error.strerror or error}.", where=str(path), fix="give a path you may write"
        ) from error


def _array(value: float) -> dict[str, Any]:
    return {"data": value, "dtype": "float32", "CLS": "numpy.array"}


def _number(entry: Any) -> float:
    value = entry["data"] if isinstance(entry, Mapping) else entry
    while isinstance(value, list):
        (value,) = value
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is no bound")
    return number
