"""A tensor of uint8 codes that knows its scale, handed from one quantized module to the next.

Whoever else gets hold of it sees a float32 tensor: functions that commute with quantization work on the codes, every other function gets
the real values. Hand-over is planned from a trace; where the user's control flow takes another way on another batch, results stay right and
only get slower.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.nn import functional

from inc_adaptors.torch.kernels import Window, dequantize, max_pool, quantize


class Codes(torch.Tensor):
    """``codes`` is the plain uint8 tensor, its real values are ``scale * (codes - zero_point)``."""

    codes: torch.Tensor
    scale: float
    zero_point: int

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        with torch._C.DisableTorchFunctionSubclass():
            special = _ON_CODES.get(func)
            if special is not None and isinstance(args[0], Codes):
                result = special(*args, **kwargs)
                if result is not NotImplemented:
                    return result
            return _on_values(func, args, kwargs)


def hand_over(codes: torch.Tensor, scale: float, zero_point: int) -> Codes:
    """Wrap plain uint8 codes."""
    wrapped = torch.Tensor._make_subclass(Codes, codes)
    wrapped.codes, wrapped.scale, wrapped.zero_point = codes, scale, zero_point
    return wrapped


def _on_values(func: Any, args: Any, kwargs: Mapping[str, Any]) -> Any:
    real = _real(args)
    result = func(*real, **_real(kwargs))
    name = getattr(func, "__name__", "")
    changes = name == "__setitem__" or (name.endswith("_") and not name.endswith("__")) or bool(kwargs.get("inplace"))
    if changes and isinstance(args[0], Codes):
        args[0].codes.copy_(quantize(real[0], args[0].scale, args[0].zero_point))
    return result


def _real(value: Any) -> Any:
    if isinstance(value, Codes):
        return dequantize(value.codes, value.scale, value.zero_point)
    if isinstance(value, tuple | list):
        return type(value)(_real(item) for item in value)
    if isinstance(value, dict):
        return {name: _real(item) for name, item in value.items()}
    return value


def _same(codes: Codes, made: torch.Tensor) -> Codes:
    return hand_over(made, codes.scale, codes.zero_point)


def _relu(x: Codes, inplace: bool = False) -> Codes:
    if x.zero_point == 0:
        return x
    if inplace:
        x.codes.clamp_(min=x.zero_point)
        return x
    return _same(x, x.codes.clamp(min=x.zero_point))


def _relu_in_place(x: Codes) -> Codes:
    return _relu(x, inplace=True)


def _pair(value: int | tuple[int, ...] | list[int]) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    return (value[0], value[-1])


def _max_pool(x: Codes, kernel_size: Any, *args: Any, **kwargs: Any) -> Any:
    """torch's ``max_pool2d(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)``."""
    given = {**dict(zip(("stride", "padding", "dilation", "ceil_mode", "return_indices"), args, strict=False)), **kwargs}
    if given.get("return_indices") or x.codes.ndim != 4:
        return NotImplemented
    kernel, stride = _pair(kernel_size), given.get("stride")
    window = Window(
        size=kernel,
        stride=_pair(stride) if stride else kernel,
        padding=_pair(given.get("padding", 0)),
        dilation=_pair(given.get("dilation", 1)),
        ceil=bool(given.get("ceil_mode", False)),
    )
    return _same(x, max_pool(x.codes, window))


def _view(x: Codes, *shape: Any) -> Any:
    if len(shape) == 1 and isinstance(shape[0], torch.dtype):
        return NotImplemented
    return _same(x, x.codes.contiguous().view(*shape))


def _dropout(x: Codes, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    return NotImplemented if training else x


def _moved(function: Callable[..., torch.Tensor]) -> Callable[..., Codes]:
    def on_codes(x: Codes, *args: Any, **kwargs: Any) -> Codes:
        return _same(x, function(x.codes, *args, **kwargs))

    return on_codes


def _about(function: Callable[..., Any]) -> Callable[..., Any]:
    def on_codes(x: Codes, *args: Any, **kwargs: Any) -> Any:
        return function(x.codes, *args, **kwargs)

    return on_codes


_T = torch.Tensor
_DESCRIPTORS = [vars(torch._C.TensorBase)[name].__get__ for name in ("shape", "ndim", "device", "layout", "is_cuda", "is_cpu", "is_meta")]
_ON_CODES: dict[Any, Callable[..., Any]] = {
    **dict.fromkeys((torch.relu, _T.relu, functional.relu), _relu),
    **dict.fromkeys((torch.relu_, _T.relu_), _relu_in_place),
    **dict.fromkeys((torch.max_pool2d, functional.max_pool2d), _max_pool),
    **dict.fromkeys((functional.dropout, functional.dropout2d), _dropout),
    **{function: _moved(function) for function in (torch.flatten, _T.flatten, torch.reshape, _T.reshape, _T.contiguous)},
    **{function: _about(function) for function in (_T.size, _T.dim, _T.numel, *_DESCRIPTORS)},
    _T.view: _view,
}
