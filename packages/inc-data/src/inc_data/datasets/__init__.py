"""Datasets: one kind of source per module."""

from inc_data.datasets.arrays import ArrayDataset
from inc_data.datasets.image_folder import ImageFolder
from inc_data.datasets.synthetic import ArraySpec, Synthetic

__all__ = ["ArrayDataset", "ArraySpec", "ImageFolder", "Synthetic"]
