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
class Normalize(ImageTransform):
    """Compute ``(x - mean) / std`` per channel.

    Args:
        mean: one number per channel, or one for all.
        std: the same; at least 1e-6.
        channel_axis: the axis of the channels: -1 for (H, W, C), 0 for (C, H, W).
    """

    mean: float | Sequence[float]
    std: float | Sequence[float]
    channel_axis: int = -1

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", _numbers(self.mean, "mean"))
        std = _numbers(self.std, "std")
        object.__setattr__(self, "std", std)
        whole_number(self.channel_axis, minimum=-3, name="channel_axis", where="Normalize")
        if min(std) < SMALLEST_STD:
            raise ValueError(
                fault(f"std must be at least {SMALLEST_STD}, got {min(std)}.", where="Normalize", fix="take out channels that are constant")
            )

    def apply(self, image: Image) -> Image:
        """Return the normalized pixels as float32 (or the image's own float type), shape unchanged."""
        pixels = as_array(image)
        dtype = _float_type(pixels)
        normalized = np.subtract(pixels, self._along_channels(self.mean, pixels, dtype), dtype=dtype)
        normalized /= self._along_channels(self.std, pixels, dtype)
        return normalized

    def _along_channels(self, values: float | Sequence[float], pixels: Array, dtype: np.dtype[Any]) -> Array:
        row = np.atleast_1d(np.asarray(values, dtype=dtype))
        if len(row) == 1:
            return row.reshape(())
        axes = pixels.ndim
        if not -axes <= self.channel_axis < axes or pixels.shape[self.channel_axis] != len(row):
            raise ValueError(
                fault(
                    f"{len(row)} numbers do not fit an image of shape {pixels.shape} with channels on axis {self.channel_axis}.",
                    where="Normalize",
                    fix="give one number per channel, and channel_axis=0 for (C, H, W)",
                )
            )
        shape = [1] * axes
        shape[self.channel_axis] = len(row)
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
