"""Turn what any framework hands over into a numpy array, without importing the framework."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from inc_metrics.errors import MetricTypeError, MetricValueError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NUMERIC_KINDS = "biuf"
_FIX = "pass numbers: a numpy array, a list, or an object with __array__, __dlpack__, asnumpy() or numpy()"


def as_array(value: Any, *, where: str) -> NDArray[Any]:
    """Return ``value`` as a numeric numpy array, sharing memory where possible.

    Tensors that carry a gradient or live on a device are detached and copied to the host; number formats that numpy
    does not have (bfloat16, float8) become float32.

    Raises:
        MetricTypeError: not numeric, or no way to convert it.
        MetricValueError: a ragged list.
    """
    try:
        array = _convert(value)
        if array.dtype.kind == "V" and array.dtype.names is None:  # how ml_dtypes registers bfloat16 and float8
            array = array.astype(np.float32)
    except ValueError as error:
        raise MetricValueError(f"{_describe(value)} does not form an array: {error}", where, "make all rows equally long") from error
    except (TypeError, RuntimeError, BufferError) as error:
        raise MetricTypeError(f"{_describe(value)} cannot be read as an array: {error}", where, _FIX) from error
    if array.dtype.kind not in _NUMERIC_KINDS:
        raise MetricTypeError(f"{_describe(value)} holds {array.dtype.name}, not real numbers", where, _FIX)
    return array


def as_score(value: Any, *, where: str) -> float:
    """Return one real number given as a Python number, a zero-dimensional tensor or an array of one element.

    Raises:
        MetricTypeError: not one real number.
        MetricValueError: NaN.
    """
    fix = "return one real number, for instance float(score)"
    array = as_array(value, where=where)
    if array.size != 1 or array.dtype.kind == "b":
        shown = "a bool" if array.size == 1 else f"an array of shape {array.shape}"
        raise MetricTypeError(f"The score is {shown}", where, fix)
    score = float(array.reshape(-1)[0])
    if np.isnan(score):
        raise MetricValueError("The score is NaN", where, fix)
    return score


def _convert(value: Any) -> NDArray[Any]:
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError("a masked array would lose its mask; compress it first")
    if isinstance(value, (np.ndarray, np.generic, bool, int, float)):
        return np.asarray(value)
    if isinstance(value, (list, tuple)):
        return np.asarray([_convert(item) if _is_tensor(item) or isinstance(item, (list, tuple)) else item for item in value])
    if not _is_tensor(value):
        raise TypeError("it has no conversion to numpy")
    return _convert_tensor(value)


def _is_tensor(value: Any) -> bool:
    return any(hasattr(value, way) for way in ("__array__", "__dlpack__", "asnumpy", "numpy"))


def _convert_tensor(value: Any) -> NDArray[Any]:
    for step in ("detach", "cpu"):  # torch's: the first drops the gradient, the second copies from the device
        if callable(getattr(value, step, None)):
            value = getattr(value, step)()
    if str(getattr(value, "dtype", "")) == "torch.bfloat16":  # numpy() of such a tensor raises
        value = value.float()
    if hasattr(value, "asnumpy"):
        return np.asarray(value.asnumpy())
    if hasattr(value, "__array__"):
        return np.asarray(value)
    if hasattr(value, "__dlpack__"):
        return np.from_dlpack(value)
    return np.asarray(value.numpy())


def _describe(value: Any) -> str:
    return f"An object of type {type(value).__module__}.{type(value).__qualname__}"
