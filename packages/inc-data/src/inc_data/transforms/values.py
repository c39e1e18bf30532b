"""Transforms of pixel values: they take arrays, and turn a pillow image into one first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inc_data.faults import fault, finite_number, whole_number
from inc_data.images import as_array
from inc_data.protocols import Array, Image
from inc_data.transforms.protocol import ImageTransform

SMALLEST_STD = 1e-6
"""A smaller divisor would turn rounding noise into signal; the bound of 1.x."""


@dataclass(frozen=True)
class Rescale(ImageTransform):
    """Compute ``x / divisor + offset``: by default levels 0..255 become 0..1; (127.5, -1) gives -1..1.

    The result is float32, or the image's own float type.
    """

    divisor: float = 255.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        finite_number(self.offset, name="offset", where="Rescale")
        if finite_number(self.divisor, name="divisor", where="Rescale") == 0:
            raise ValueError(
                fault(
                    "divisor must not be 0.",
                    where="Rescale",
                    fix="pass the number that becomes 1, for example Rescale(divisor=255.0)",
                )
            )

    def apply(self, image: Image) -> Image:
        """Return the rescaled pixels, shape unchanged."""
        pixels = as_array(image)
        dtype = _float_type(pixels)
        scaled: Array = np.divide(pixels, dtype.type(self.divisor), dtype=dtype)
        if self.offset:
            scaled += dtype.type(self.offset)
        return scaled


@dataclass(frozen=True)
class KerasRescale(ImageTransform):
    """Compute ``x / a - b`` for ``rescale=[a, b]``; without it the image passes unchanged."""

    rescale: Sequence[float] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "rescale", _rescale(self.rescale, "KerasRescale"))

    def apply(self, image: Image) -> Image:
        """Return the rescaled pixels as float32 (or the image's own float type)."""
        return image if self.rescale is None else Rescale(self.rescale[0], -self.rescale[1]).apply(image)


@dataclass(frozen=True)
class Normalize(ImageTransform):
    """Compute ``(x - mean) / std`` per channel, then ``x / a - b`` where ``rescale=[a, b]`` is given.

    Args:
        mean: one number per channel, or one for all.
        std: the same; at least 1e-6.
        channel_axis: the axis of the channels: -1 for (H, W, C), 0 for (C, H, W). By default the last axis, or the first where only that
            has as many channels as there are numbers.
        rescale: two numbers, or None.
    """

    mean: float | Sequence[float] = 0.0
    std: float | Sequence[float] = 1.0
    channel_axis: int | None = None
    rescale: Sequence[float] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", _numbers(self.mean, "mean"))
        std = _numbers(self.std, "std")
        object.__setattr__(self, "std", std)
        object.__setattr__(self, "rescale", _rescale(self.rescale, "Normalize"))
        if self.channel_axis is not None:
            whole_number(self.channel_axis, minimum=-3, name="channel_axis", where="Normalize")
        if min(std) < SMALLEST_STD:
            raise ValueError(
                fault(f"std must be at least {SMALLEST_STD}, got {min(std)}.", where="Normalize", fix="take out channels that are constant")
            )

    def apply(self, image: Image) -> Image:
        """Return the normalized pixels as float32 (or the image's own float type), shape unchanged."""
        pixels = as_array(image)
        dtype = _float_type(pixels)
        mean, std = (self._along_channels(values, pixels, dtype) for values in (self.mean, self.std))
        flat = _one_row_per_line(pixels, mean, std)
        normalized = np.subtract(flat[0], flat[1], dtype=dtype)
        normalized /= flat[2]
        normalized = normalized.reshape(pixels.shape)
        return normalized if self.rescale is None else Rescale(self.rescale[0], -self.rescale[1]).apply(normalized)

    def _along_channels(self, values: float | Sequence[float], pixels: Array, dtype: np.dtype[Any]) -> Array:
        row = np.atleast_1d(np.asarray(values, dtype=dtype))
        if len(row) == 1:
            return row.reshape(())
        axes = pixels.ndim
        axis = self.channel_axis
        if axis is None:
            axis = 0 if axes and pixels.shape[-1] != len(row) and pixels.shape[0] == len(row) else -1
        if not -axes <= axis < axes or pixels.shape[axis] != len(row):
            raise ValueError(
                fault(
                    f"{len(row)} numbers do not fit an image of shape {pixels.shape} with channels on axis {axis}.",
                    where="Normalize",
                    fix="give one number per channel, and channel_axis=0 for (C, H, W)",
                )
            )
        shape = [1] * axes
        shape[axis] = len(row)
        return row.reshape(shape)


@dataclass(frozen=True)
class Cast(ImageTransform):
    """Change the type of the pixels by numpy's name; a fraction is cut off, a value that an integer type cannot hold is an error."""

    dtype: str = "float32"

    def __post_init__(self) -> None:
        try:
            known = np.dtype(self.dtype)
        except TypeError as error:
            raise _unknown_dtype(self.dtype) from error
        if known.kind not in "biuf":
            raise _unknown_dtype(self.dtype)
        object.__setattr__(self, "dtype", known.name)

    def apply(self, image: Image) -> Image:
        """Return the pixels as ``dtype``, shape unchanged."""
        pixels = as_array(image)
        wanted = np.dtype(self.dtype)
        if wanted.kind in "iu" and pixels.size:
            limits = np.iinfo(wanted)
            smallest, largest = pixels.min().item(), pixels.max().item()
            if not (limits.min <= smallest and largest <= limits.max):
                raise ValueError(
                    fault(
                        f"Pixels from {smallest} to {largest} do not fit {wanted} ({limits.min} to {limits.max}).",
                        where="Cast",
                        fix="put Rescale before, or cast to a wider type",
                    )
                )
        return pixels.astype(wanted)


@dataclass(frozen=True)
class QuantizedInput(ImageTransform):
    """Turn floats into a quantized model's input: ``x * scale``, plus 128 for uint8, with the fraction cut off as in 1.x.

    Values beyond the type's range are held at its ends (in 1.x they wrap around).

    Args:
        dtype: int8 or uint8.
        scale: factor above 0; None leaves the image as it is.
    """

    dtype: str = "int8"
    scale: float | None = None

    def __post_init__(self) -> None:
        if self.dtype not in ("int8", "uint8"):
            raise ValueError(fault(f"Unknown dtype {self.dtype!r}.", where="QuantizedInput", fix="'int8' or 'uint8'"))
        if self.scale is not None and finite_number(self.scale, name="scale", where="QuantizedInput") <= 0:
            raise ValueError(fault(f"scale must be above 0, got {self.scale}.", where="QuantizedInput", fix="pass 127 / the largest input"))

    def apply(self, image: Image) -> Image:
        """Return the codes, or the image without a scale."""
        if self.scale is None:
            return image
        pixels = as_array(image)
        limits = np.iinfo(self.dtype)
        values: Array = pixels * _float_type(pixels).type(self.scale) + (128 if self.dtype == "uint8" else 0)
        codes: Array = np.clip(np.trunc(values), limits.min, limits.max).astype(self.dtype)
        return codes


def _rescale(values: Any, where: str) -> tuple[float, float] | None:
    if values is None:
        return None
    numbers = tuple(values) if isinstance(values, list | tuple) else ()
    if len(numbers) != 2 or finite_number(numbers[0], name="rescale", where=where) == 0:
        raise ValueError(
            fault(
                f"rescale must be two numbers [a, b], a not 0, got {values!r}.",
                where=where,
                fix="rescale=[127.5, 1.0] computes x / 127.5 - 1",
            )
        )
    return float(numbers[0]), finite_number(numbers[1], name="rescale", where=where)


def _one_row_per_line(pixels: Array, mean: Array, std: Array) -> tuple[Array, Array, Array]:
    """Lay (H, W, C) out as (H, W * C), with the channels' numbers repeated along a line: numpy is many times slower on short last axes."""
    if pixels.ndim != 3 or not pixels.flags.c_contiguous or not any(values.shape[-1:] == pixels.shape[2:] for values in (mean, std)):
        return pixels, mean, std
    mean, std = (np.broadcast_to(values.reshape(-1), pixels.shape[1:]).reshape(-1) for values in (mean, std))
    return pixels.reshape(pixels.shape[0], -1), mean, std


def _float_type(pixels: Array) -> np.dtype[Any]:
    return pixels.dtype if pixels.dtype.kind == "f" else np.dtype(np.float32)


def _numbers(values: Any, name: str) -> tuple[float, ...]:
    sequence = tuple(values) if isinstance(values, list | tuple | np.ndarray) else (values,)
    if not sequence:
        raise ValueError(
            fault(f"{name} holds no number.", where="Normalize", fix=f"pass one per channel, for example {name}=(0.5, 0.5, 0.5)")
        )
    return tuple(finite_number(value, name=name, where="Normalize") for value in sequence)


def _unknown_dtype(dtype: object) -> ValueError:
    return ValueError(fault(f"Unknown dtype {dtype!r} for pixels.", where="Cast", fix="a numpy name such as 'float32', 'uint8', 'int64'"))
