"""Modules that compute on int8 weights through oneDNN, in the place of ``Conv1d``, ``Conv2d`` and ``Linear``."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

import attrs
import torch
from inc_config.errors import StepError
from torch import nn
from torch.nn import functional

from inc_adaptors.torch.codes import Codes, hand_over
from inc_adaptors.torch.kernels import quantize

_PREPACKED_SHAPES = 4  # layouts kept per module: the usual batch and a short last one, with room for another pair


class Mode(enum.Enum):
    """How one call of a module computes: with a calibrated input range, with each batch's own range, or in fp32."""

    STATIC = "static"
    DYNAMIC = "dynamic"
    FLOAT = "float"


@attrs.frozen(kw_only=True)
class CallPlan:
    """What one call of a module does.

    ``hands_over`` gives uint8 codes to the next module; ``free_layout`` leaves float outputs of convolutions channels-last, which saves a
    copy.
    """

    mode: Mode = attrs.field(converter=Mode)
    hands_over: bool = False
    free_layout: bool = False


@attrs.frozen(kw_only=True)
class Geometry:
    """The fixed numbers of a convolution, one per spatial axis."""

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int


@attrs.frozen
class _Ranges:
    """Buffers as Python numbers, per call: reading them from tensors would cost more than the quantization."""

    input: tuple[tuple[float, int], ...]
    output: tuple[tuple[float, int], ...]


class Int8Operator(nn.Module):
    """int8 weights with uint8 activations.

    Buffers: ``weight_codes`` int8 in the layer's own shape, ``weight_scale`` (out,), ``bias_values`` (out,) or None, and ``input_scale``,
    ``input_zero_point``, ``output_scale``, ``output_zero_point``, one entry per call. Weights prepared for a kernel are kept beside them
    and never saved.
    ``weight`` and ``bias`` read as float tensors for code that looks at them.
    """

    weight_codes: torch.Tensor
    weight_scale: torch.Tensor
    bias_values: torch.Tensor | None
    input_scale: torch.Tensor
    input_zero_point: torch.Tensor
    output_scale: torch.Tensor
    output_zero_point: torch.Tensor
    _ranges: _Ranges | None

    def __init__(
        self, shape: tuple[int, ...], *, bias: bool, activation: str, calls: tuple[CallPlan, ...], original: nn.Module | None
    ) -> None:
        super().__init__()
        out = shape[0]
        self.calls = calls
        self.activation = activation
        self.original = original
        self.register_buffer("weight_codes", torch.zeros(shape, dtype=torch.int8))
        self.register_buffer("weight_scale", torch.ones(out))
        self.register_buffer("bias_values", torch.zeros(out) if bias else None)
        for side in ("input", "output"):
            self.register_buffer(f"{side}_scale", torch.ones(len(calls)))
            self.register_buffer(f"{side}_zero_point", torch.zeros(len(calls), dtype=torch.int32))
        self._weight_zeros = torch.zeros(out, dtype=torch.int32)
        self._next_call = 0
        self._forget()

    @property
    def weight(self) -> torch.Tensor:
        """The weight as float, shape as the layer's own."""
        return self.weight_codes * self.weight_scale.view(-1, *[1] * (self.weight_codes.ndim - 1))

    @property
    def bias(self) -> torch.Tensor | None:
        """The bias, shape (out,)."""
        return self.bias_values

    def restart_calls(self) -> None:
        """Begin a new pass: the next call is the first."""
        self._next_call = 0

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Compute the layer as this call's plan says."""
        index = self._next_call
        if len(self.calls) > 1:
            self._next_call += 1
        plan = self.calls[index] if index < len(self.calls) else None
        if plan is None or plan.mode is Mode.FLOAT or not input.is_cpu:
            return self._float(input)
        ranges = self._ranges or self._read_ranges()
        if type(input) is Codes:
            return self._integer(input.codes, input.scale, input.zero_point, plan, ranges.output[index])
        if plan.mode is Mode.STATIC:
            scale, zero_point = ranges.input[index]
        else:
            found = _batch_range(input)
            if found is None:
                return self._float(input)
            scale, zero_point = found
        return self._integer(quantize(input, scale, zero_point), scale, zero_point, plan, ranges.output[index])

    def _float(self, x: torch.Tensor) -> torch.Tensor:
        if self.original is not None:
            made: torch.Tensor = self.original(x)
            return made
        return _ACTIVATIONS[self.activation](self._float_layer(x if x.is_floating_point() else x.float()))

    def _float_layer(self, x: torch.Tensor) -> torch.Tensor:
        raise TypeError(f"{type(self).__name__} does not say how it computes in float")

    def _integer(self, codes: torch.Tensor, scale: float, zero_point: int, plan: CallPlan, output: tuple[float, int]) -> torch.Tensor:
        raise TypeError(f"{type(self).__name__} does not say how it computes on integers")

    def _packed(self, key: Any) -> torch.Tensor:
        found = self._packs.get(key)
        if found is None:
            if len(self._packs) >= _PREPACKED_SHAPES:
                self._packs.pop(next(iter(self._packs)))
            found = self._packs[key] = self._prepack(*key)
        return found

    def _prepack(self, *key: Any) -> torch.Tensor:
        raise TypeError(f"{type(self).__name__} does not say how its weight is prepared for {key}")

    def _read_ranges(self) -> _Ranges:
        found = self._ranges = _Ranges(
            input=tuple(zip(self.input_scale.tolist(), self.input_zero_point.tolist(), strict=True)),
            output=tuple(zip(self.output_scale.tolist(), self.output_zero_point.tolist(), strict=True)),
        )
        return found

    def _forget(self) -> None:
        self._packs: dict[Any, torch.Tensor] = {}
        self._ranges = None

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        self._forget()

    def _apply(self, *args: Any, **kwargs: Any) -> Any:
        self._forget()
        return super()._apply(*args, **kwargs)  # type: ignore[no-untyped-call]  # torch's own method has no types

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_packs": {}, "_ranges": None}

    def extra_repr(self) -> str:
        """Shape and calls for ``print(model)``."""
        calls = ", ".join(call.mode.value + (" -> uint8" if call.hands_over else "") for call in self.calls)
        return f"{tuple(self.weight_codes.shape)}, activation={self.activation}, {calls}"


def check_trainable(model: nn.Module) -> None:
    """Refuse a model with operators in integers: nothing flows back through them.

    Raises:
        StepError: it has some, and which.
    """
    found = [path for path, module in model.named_modules() if isinstance(module, Int8Operator)]
    if found:
        shown = ", ".join(found[:5]) + (", ..." if len(found) > len(found[:5]) else "")
        raise StepError(
            f"A quantized model cannot be trained: {shown} {'computes' if len(found) == 1 else 'compute'} on integers.",
            where="the model",
            fix="train (prune, distil) the model that it was made from, then quantize",
        )


class Int8Conv(Int8Operator):
    """A convolution over one or two spatial axes with its activation (none, relu, relu6), in channels-last memory."""

    def __init__(
        self,
        shape: tuple[int, ...],
        geometry: Geometry,
        *,
        bias: bool,
        activation: str,
        calls: tuple[CallPlan, ...],
        original: nn.Module | None = None,
    ) -> None:
        super().__init__(shape, bias=bias, activation=activation, calls=calls, original=original)
        self.stride, self.padding, self.dilation, self.groups = geometry.stride, geometry.padding, geometry.dilation, geometry.groups
        self.out_channels, self.in_channels, self.kernel_size = shape[0], shape[1] * geometry.groups, shape[2:]

    def _integer(self, codes: torch.Tensor, scale: float, zero_point: int, plan: CallPlan, output: tuple[float, int]) -> torch.Tensor:
        spatial = len(self.stride)
        batched = codes.ndim == spatial + 2
        x = codes if batched else codes.unsqueeze(0)
        if spatial == 2:
            x = x.contiguous(memory_format=torch.channels_last)
        packed = self._packed((tuple(x.shape), scale, zero_point))
        result: torch.Tensor = torch.ops.onednn.qconv_pointwise.default(
            x, scale, zero_point, packed, self.weight_scale, self._weight_zeros, self.bias_values,
            self.stride, self.padding, self.dilation, self.groups, *_output(plan, output), *_POST_OPS[self.activation], "",
        )  # fmt: skip
        result = result if batched else result.squeeze(0)
        if plan.hands_over:
            return hand_over(result, *output)
        return result if plan.free_layout else result.contiguous()

    def _prepack(self, *key: Any) -> torch.Tensor:
        shape, scale, zero_point = key
        packed: torch.Tensor = torch.ops.onednn.qconv_prepack(
            self.weight_codes, self.weight_scale, scale, zero_point, self.stride, self.padding, self.dilation, self.groups, shape
        )
        return packed

    def _float_layer(self, x: torch.Tensor) -> torch.Tensor:
        convolve = functional.conv1d if len(self.stride) == 1 else functional.conv2d
        return convolve(x, self.weight, self.bias_values, self.stride, self.padding, self.dilation, self.groups)


class Int8Linear(Int8Operator):
    """A fully connected layer with its activation (none, relu)."""

    def __init__(
        self, shape: tuple[int, ...], *, bias: bool, activation: str, calls: tuple[CallPlan, ...], original: nn.Module | None = None
    ) -> None:
        super().__init__(shape, bias=bias, activation=activation, calls=calls, original=original)
        self.out_features, self.in_features = shape

    def _integer(self, codes: torch.Tensor, scale: float, zero_point: int, plan: CallPlan, output: tuple[float, int]) -> torch.Tensor:
        rows = codes.reshape(-1, self.in_features).contiguous()
        packed = self._packed((tuple(rows.shape),))
        result: torch.Tensor = torch.ops.onednn.qlinear_pointwise.default(
            rows, scale, zero_point, packed, self.weight_scale, self._weight_zeros, self.bias_values,
            *_output(plan, output), *_POST_OPS[self.activation], "",
        )  # fmt: skip
        result = result.view(*codes.shape[:-1], self.out_features)
        return hand_over(result, *output) if plan.hands_over else result

    def _prepack(self, *key: Any) -> torch.Tensor:
        packed: torch.Tensor = torch.ops.onednn.qlinear_prepack(self.weight_codes, key[0])
        return packed

    def _float_layer(self, x: torch.Tensor) -> torch.Tensor:
        return functional.linear(x, self.weight, self.bias_values)


def _output(plan: CallPlan, output: tuple[float, int]) -> tuple[float, int, torch.dtype]:
    """Scale, zero point and type of a kernel's result."""
    return (*output, torch.uint8) if plan.hands_over else (1.0, 0, torch.float32)


def _batch_range(x: torch.Tensor) -> tuple[float, int] | None:
    """Scale and zero point of one batch, real zero included; None where it has no finite range."""
    if x.numel() == 0:
        return None
    low, high = (float(bound) for bound in torch.aminmax(x.detach()))
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / 255.0
    if not _SMALLEST_SCALE < scale < _LARGEST_SCALE:
        return None
    return scale, round(-low / scale)


_SMALLEST_SCALE, _LARGEST_SCALE = 1e-30, 1e30  # beyond these a scale or its inverse leaves float32, or the batch is not finite
# By activation: oneDNN's name and arguments.
_POST_OPS: dict[str, tuple[str, list[float]]] = {"none": ("none", []), "relu": ("relu", []), "relu6": ("hardtanh", [0.0, 6.0])}
_ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {"none": lambda x: x, "relu": functional.relu, "relu6": functional.relu6}
ACTIVATIONS = tuple(_ACTIVATIONS)
