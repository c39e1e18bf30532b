"""Transforms over pillow and numpy: one family per module."""

from inc_data.transforms.compose import Compose
from inc_data.transforms.crop import CenterCrop, RandomCrop
from inc_data.transforms.flip import RandomHorizontalFlip
from inc_data.transforms.layout import ToArray, Transpose
from inc_data.transforms.protocol import ImageTransform, RandomTransform
from inc_data.transforms.resize import Resize, ResizeShortSide
from inc_data.transforms.values import Cast, Normalize, Rescale

__all__ = [
    "Cast",
    "CenterCrop",
    "Compose",
    "ImageTransform",
    "Normalize",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomTransform",
    "Rescale",
    "Resize",
    "ResizeShortSide",
    "ToArray",
    "Transpose",
]
