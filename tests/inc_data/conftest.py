from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def save_image() -> Callable[..., Path]:
    """Write a small lossless image whose first pixel is (level, 0, 0)."""

    def save(path: Path, level: int = 0, size: tuple[int, int] = (4, 3)) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.zeros((size[1], size[0], 3), np.uint8)
        pixels[0, 0, 0] = level
        Image.fromarray(pixels).save(path, format="PNG")
        return path

    return save
