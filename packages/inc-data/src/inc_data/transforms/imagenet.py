"""1.x's preprocessing of ImageNet in one step each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from inc_data.detection import mirrored, seen_through
from inc_data.faults import fault, finite_number, one_of, whole_number
from inc_data.images import as_array
from inc_data.protocols import Array, Image
from inc_data.transforms.geometry import cropped, image_size, require_room
from inc_data.transforms.protocol import ImageTransform, RandomTransform
from inc_data.transforms.sampling import check_method, sampled

DataFormat = Literal["channels_first", "channels_last"]
Subpixels = Literal["RGB", "BGR"]
_AREA = 3
_OPENCV_NAMES = {0: "nearest", 1: "bilinear", 2: "bicubic", _AREA: "area"}
"""OpenCV's numbers, which 1.x takes for ``inter_pol``."""


@dataclass(frozen=True)
class BilinearImagenet(ImageTransform):
    """The preprocessing of TensorFlow's Inception family.

    Levels to 0..1, the middle ``central_fraction`` of each side, bilinear to (height, width) without antialiasing, ``(x - 0.5) * 2``,
    then ``(x - mean_value) * scale``. Gives float32 ``(height, width, C)``.
    """

    height: int
    width: int
    central_fraction: float = 0.875
    mean_value: Sequence[float] = (0.0, 0.0, 0.0)
    scale: float = 1.0

    def __post_init__(self) -> None:
        where = "BilinearImagenet"
        whole_number(self.height, minimum=1, name="height", where=where)
        whole_number(self.width, minimum=1, name="width", where=where)
        object.__setattr__(self, "mean_value", _numbers(self.mean_value, "mean_value", where))
        finite_number(self.scale, name="scale", where=where)
        if not 0 < finite_number(self.central_fraction, name="central_fraction", where=where) <= 1:
            raise ValueError(
                fault(f"central_fraction is a share, got {self.central_fraction}.", where=where, fix="pass a number above 0, up to 1")
            )

    def apply(self, image: Image) -> Image:
        """Return the preprocessed image."""
        return self.apply_pair(image, None)[0]

    def apply_pair(self, image: Image, label: Any) -> tuple[Image, Any]:
        """Return the preprocessed image, and the boxes in its middle."""
        pixels = _three_axes(image, "BilinearImagenet")
        top, left = (int((side - side * self.central_fraction) / 2) for side in pixels.shape[:2])
        middle = pixels[top : pixels.shape[0] - top, left : pixels.shape[1] - left]
        unit = _unit(sampled(middle, self.height, self.width), pixels.dtype)
        values = _shifted((unit - 0.5) * 2, self.mean_value, self.scale, "BilinearImagenet")
        return values, seen_through(label, (top, left, *middle.shape[:2]), pixels.shape[:2])


@dataclass(frozen=True)
class ResizeCropImagenet(RandomTransform):
    """The preprocessing of TensorFlow's VGG and ResNet families, and 1.x's of ONNX models.

    The short side becomes ``resize_side`` without antialiasing (the long one rounded), then a crop of (height, width).
    Without ``std_value`` the result is ``(x - mean_value) * scale`` on levels 0..255, as 1.x does for TensorFlow; with it
    ``(x / 255 - mean_value) / std_value`` with channels first, as 1.x does for ONNX Runtime.

    Args:
        height: rows of the result.
        width: columns of the result.
        random_crop: crop anywhere, else in the middle.
        slice_crop: kept from 1.x, where it names another way to the same pixels.
        resize_side: length of the short side.
        resize_method: see ``sampling.METHODS``.
        random_flip_left_right: mirror every second image at random.
        mean_value: one per channel, in the order of ``subpixels``.
        scale: factor, without ``std_value``.
        data_format: order of the axes; by default channels_last, or channels_first with ``std_value``.
        subpixels: BGR swaps red and blue before the mean is subtracted.
        std_value: one per channel.
    """

    height: int
    width: int
    random_crop: bool = False
    slice_crop: bool = False
    resize_side: int = 256
    resize_method: str = "bilinear"
    random_flip_left_right: bool = False
    mean_value: Sequence[float] = (0.0, 0.0, 0.0)
    scale: float = 1.0
    data_format: DataFormat | None = None
    subpixels: Subpixels = "RGB"
    std_value: Sequence[float] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        where = "ResizeCropImagenet"
        for name in ("height", "width", "resize_side"):
            whole_number(getattr(self, name), minimum=1, name=name, where=where)
        check_method(self.resize_method, where)
        finite_number(self.scale, name="scale", where=where)
        object.__setattr__(self, "mean_value", _numbers(self.mean_value, "mean_value", where))
        if self.std_value is not None:
            object.__setattr__(self, "std_value", _numbers(self.std_value, "std_value", where))
        if self.data_format is None:
            object.__setattr__(self, "data_format", "channels_last" if self.std_value is None else "channels_first")
        for name, known in (("data_format", get_args(DataFormat)), ("subpixels", get_args(Subpixels))):
            if getattr(self, name) not in known:
                raise ValueError(
                    fault(f"Unknown {name} {getattr(self, name)!r}.", where=where, fix=one_of(str(getattr(self, name)), known))
                )

    def apply(self, image: Image) -> Image:
        """Return the preprocessed image, float32."""
        return self.apply_pair(image, None)[0]

    def apply_pair(self, image: Image, label: Any) -> tuple[Image, Any]:
        """Return the preprocessed image, and the boxes inside the crop."""
        pixels = _three_axes(image, "ResizeCropImagenet")
        factor = self.resize_side / min(pixels.shape[:2])
        height, width = (round(side * factor) for side in pixels.shape[:2])
        part, label = self._cut(sampled(pixels, height, width, method=self.resize_method), label)
        if self.subpixels == "BGR":
            part = part[:, :, ::-1]
        if self.std_value is None:
            values = _shifted(part, self.mean_value, self.scale, "ResizeCropImagenet")
        else:
            values = _shifted(_unit(part, pixels.dtype), self.mean_value, 1.0, "ResizeCropImagenet") / np.array(self.std_value, np.float32)
        return np.ascontiguousarray(values.transpose(2, 0, 1) if self.data_format == "channels_first" else values), label

    def _cut(self, pixels: Array, label: Any) -> tuple[Array, Any]:
        rows, columns = require_room(pixels, (self.height, self.width), "ResizeCropImagenet")
        generator = self.draw() if self.random_crop or self.random_flip_left_right else None
        top, left = rows // 2, columns // 2
        if self.random_crop and generator is not None:
            top, left = int(generator.integers(rows + 1)), int(generator.integers(columns + 1))
        part = as_array(cropped(pixels, top, left, self.height, self.width))
        label = seen_through(label, (top, left, self.height, self.width), pixels.shape[:2])
        mirror = self.random_flip_left_right and generator is not None and generator.random() < 0.5
        return (part[:, ::-1], mirrored(label, axis=1)) if mirror else (part, label)


@dataclass(frozen=True)
class ResizeWithAspectRatio(ImageTransform):
    """Resize so that (height, width) is ``scale`` percent of the result on the short side; the aspect ratio stays.

    Args:
        height: rows that a crop will take afterwards.
        width: columns that a crop will take afterwards.
        scale: percent.
        inter_pol: a method's name, or OpenCV's number of it; ``area`` by default.
    """

    height: int
    width: int
    scale: float = 87.5
    inter_pol: int | str = _AREA

    def __post_init__(self) -> None:
        where = "ResizeWithAspectRatio"
        whole_number(self.height, minimum=1, name="height", where=where)
        whole_number(self.width, minimum=1, name="width", where=where)
        if finite_number(self.scale, name="scale", where=where) <= 0:
            raise ValueError(fault(f"scale is a percentage above 0, got {self.scale}.", where=where, fix="pass 87.5"))
        method = _OPENCV_NAMES.get(self.inter_pol, self.inter_pol) if isinstance(self.inter_pol, int) else self.inter_pol
        check_method(method, where)
        object.__setattr__(self, "inter_pol", method)

    def apply(self, image: Image) -> Image:
        """Return the resized image as an array of its own type, rounded where that is an integer type."""
        pixels = _three_axes(image, "ResizeWithAspectRatio")
        rows, columns = pixels.shape[:2]
        height, width = int(100 * self.height / self.scale), int(100 * self.width / self.scale)
        if rows > columns:
            height = int(height * rows / columns)
        else:
            width = int(width * columns / rows)
        values = sampled(pixels, height, width, method=str(self.inter_pol))
        if pixels.dtype.kind == "f":
            return values.astype(pixels.dtype, copy=False)
        limits = np.iinfo(pixels.dtype)
        return np.clip(np.rint(values), limits.min, limits.max).astype(pixels.dtype)


def _three_axes(image: Image, where: str) -> Array:
    image_size(image, where)
    pixels = as_array(image)
    return pixels[:, :, np.newaxis] if pixels.ndim == 2 else pixels


def _unit(pixels: Array, source: np.dtype[Any]) -> Array:
    """Bring integer levels to 0..1; floats are taken to be there already, as tf.image.convert_image_dtype does."""
    return pixels if source.kind == "f" else pixels / np.float32(np.iinfo(source).max)


def _shifted(pixels: Array, mean: Sequence[float], scale: float, where: str) -> Array:
    if len(mean) not in (1, pixels.shape[2]):
        raise ValueError(
            fault(f"{len(mean)} means do not fit an image of {pixels.shape[2]} channels.", where=where, fix="give one number per channel")
        )
    return np.asarray((pixels - np.array(mean, np.float32)) * np.float32(scale), np.float32)


def _numbers(values: Any, name: str, where: str) -> tuple[float, ...]:
    if not isinstance(values, list | tuple) or not values:
        raise TypeError(fault(f"{name} must be a list of numbers, got {values!r}.", where=where, fix=f"pass {name}=[0.0, 0.0, 0.0]"))
    return tuple(finite_number(value, name=name, where=where) for value in values)
