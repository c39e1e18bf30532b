"""Transforms over pillow and numpy: one family per module."""

from inc_data.transforms.codec import DecodeImage, EncodeJpeg, ToPILImage
from inc_data.transforms.color import ColorJitter
from inc_data.transforms.compose import Compose, compose
from inc_data.transforms.crop import CenterCrop, CropResize, CropToBoundingBox, PaddedCenterCrop, RandomCrop, RandomResizedCrop
from inc_data.transforms.flip import RandomHorizontalFlip, RandomVerticalFlip
from inc_data.transforms.imagenet import BilinearImagenet, ResizeCropImagenet, ResizeWithAspectRatio
from inc_data.transforms.labels import Collect, LabelShift, ShiftRescale
from inc_data.transforms.layout import AlignImageChannel, ToArray, ToTensor, Transpose, TransposeLastChannel
from inc_data.transforms.pad import Pad, ResizeWithRatio
from inc_data.transforms.parse import ParseDecodeCoco, ParseDecodeImagenet, ParseDecodeVoc
from inc_data.transforms.protocol import ImageTransform, RandomTransform
from inc_data.transforms.resize import Resize, ResizeShortSide
from inc_data.transforms.squad import SquadV1
from inc_data.transforms.text import TextToIds
from inc_data.transforms.values import Cast, KerasRescale, Normalize, QuantizedInput, Rescale

__all__ = [
    "AlignImageChannel",
    "BilinearImagenet",
    "Cast",
    "CenterCrop",
    "Collect",
    "ColorJitter",
    "Compose",
    "CropResize",
    "CropToBoundingBox",
    "DecodeImage",
    "EncodeJpeg",
    "ImageTransform",
    "KerasRescale",
    "LabelShift",
    "Normalize",
    "Pad",
    "PaddedCenterCrop",
    "ParseDecodeCoco",
    "ParseDecodeImagenet",
    "ParseDecodeVoc",
    "QuantizedInput",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomResizedCrop",
    "RandomTransform",
    "RandomVerticalFlip",
    "Rescale",
    "Resize",
    "ResizeCropImagenet",
    "ResizeShortSide",
    "ResizeWithAspectRatio",
    "ResizeWithRatio",
    "ShiftRescale",
    "SquadV1",
    "TextToIds",
    "ToArray",
    "ToPILImage",
    "ToTensor",
    "Transpose",
    "TransposeLastChannel",
    "compose",
]
