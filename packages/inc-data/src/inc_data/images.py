"""Decode image files that others made, and view images as arrays."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image as pillow

from inc_data.faults import fault
from inc_data.protocols import Array, Image

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
"""What pillow may decode: formats whose decoders call no other program (EPS would start Ghostscript)."""

SUFFIXES = frozenset({".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"})

# What pillow's decoders raise on damaged files; UnidentifiedImageError is an OSError. They warn of some damage, which the caller may have
# made an error.
_DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    struct.error,
    zlib.error,
    OverflowError,
    MemoryError,
    UserWarning,
)


def open_image(source: Path | IO[bytes], *, mode: str = "RGB", where: str | None = None) -> pillow.Image:
    """Decode an image file completely.

    The orientation tag of cameras is not applied, as in torchvision's ``ImageFolder``; an animation gives its first frame.

    Args:
        source: the file.
        mode: pillow mode of the result, ``RGB`` or ``L`` for example. ``P`` of a palette image keeps its indices.
        where: names the file in messages; by default its path.

    Raises:
        ValueError: the file cannot be decoded, has more pixels than ``PIL.Image.MAX_IMAGE_PIXELS``, or holds more than
            8 bits per channel, which pillow would clip.
    """
    path = where or str(source)
    try:
        with pillow.open(source, formats=FORMATS) as image:
            _refuse_bomb(image.size, path)
            _refuse_deep(image.mode, mode, path)
            if image.mode == mode:
                return image.copy()
            if image.mode == "P" and "transparency" in image.info:
                return image.convert("RGBA").convert(mode)
            return image.convert(mode)
    except (pillow.DecompressionBombError, pillow.DecompressionBombWarning) as error:
        raise ValueError(_bomb(str(error), path)) from error
    except _ImageRefused as refused:
        raise ValueError(str(refused)) from None
    except _DAMAGED as error:
        reason = str(error).strip() or type(error).__name__
        raise ValueError(
            fault(f"The image cannot be decoded: {reason}.", where=path, fix="replace the file or take it out of the folder")
        ) from error


class _ImageRefused(Exception):
    """Carries our own message past the handler for pillow's errors."""


def _bomb(what: str, path: str) -> str:
    return fault(
        f"The image is too large: {what.rstrip('.')}.",
        where=path,
        fix="scale the file down, or raise PIL.Image.MAX_IMAGE_PIXELS when you trust it",
    )


def _refuse_bomb(size: tuple[int, int], path: str) -> None:
    # pillow itself only warns up to twice its limit.
    limit = pillow.MAX_IMAGE_PIXELS
    pixels = size[0] * size[1]
    if limit is not None and pixels > limit:
        raise _ImageRefused(_bomb(f"{size[0]}x{size[1]} = {pixels} pixels, the limit is {limit}", path))


def _refuse_deep(found: str, wanted: str, path: str) -> None:
    if found != wanted and found[0] in "IF":
        raise _ImageRefused(
            fault(
                f"The image has more than 8 bits per channel (mode {found}); converting it to {wanted} would clip it.",
                where=path,
                fix=f"convert the file to 8 bits, or read it as it is with mode={found!r}",
            )
        )


def as_array(image: Image) -> Array:
    """View an image as an array; a pillow image becomes ``(H, W, C)``, with C = 1 for a grey one, arrays pass unchanged.

    Raises:
        TypeError: neither a pillow image nor an array.
    """
    if isinstance(image, np.ndarray):
        return image
    if isinstance(image, pillow.Image):
        array = np.array(image)
        return array[:, :, np.newaxis] if array.ndim == 2 else array
    raise TypeError(
        fault(
            f"Expected an image, got {type(image).__name__}.",
            where="the input of a transform",
            fix="pass a pillow image or a numpy array; a pair is a tuple (image, label)",
        )
    )
