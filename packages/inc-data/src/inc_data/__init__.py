"""Datasets, transforms and loaders: numpy in, numpy out."""

from inc_data.datasets import ArrayDataset, ArraySpec, ImageFolder, Synthetic
from inc_data.fingerprint import fingerprint
from inc_data.loader import DataLoader
from inc_data.preprocessing import Recipe, Step, preprocessing, recipe_names
from inc_data.registry import build_dataset, build_transform, dataset_names, transform_names
from inc_data.split import Split, Subset, split
from inc_data.structure import collate
from inc_data.transforms import (
    Cast,
    CenterCrop,
    Compose,
    ImageTransform,
    Normalize,
    RandomCrop,
    RandomHorizontalFlip,
    RandomTransform,
    Rescale,
    Resize,
    ResizeShortSide,
    ToArray,
    Transpose,
)

__all__ = [
    "ArrayDataset",
    "ArraySpec",
    "Cast",
    "CenterCrop",
    "Compose",
    "DataLoader",
    "ImageFolder",
    "ImageTransform",
    "Normalize",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomTransform",
    "Recipe",
    "Rescale",
    "Resize",
    "ResizeShortSide",
    "Split",
    "Step",
    "Subset",
    "Synthetic",
    "ToArray",
    "Transpose",
    "build_dataset",
    "build_transform",
    "collate",
    "dataset_names",
    "fingerprint",
    "preprocessing",
    "recipe_names",
    "split",
    "transform_names",
]
