"""Datasets: one kind of source per module."""

from inc_data.datasets.arrays import ArrayDataset
from inc_data.datasets.cifar import CIFAR10, CIFAR100
from inc_data.datasets.coco import COCONpy, COCORaw
from inc_data.datasets.dummy import Dummy, DummyV2, SparseDummyV2
from inc_data.datasets.files import CSVFile, NumpyFile
from inc_data.datasets.glue import GLUE
from inc_data.datasets.image_folder import ImageFolder
from inc_data.datasets.image_list import ImagenetRaw
from inc_data.datasets.imagenet import imagenet
from inc_data.datasets.mnist import MNIST, FashionMNIST
from inc_data.datasets.records import COCORecord, ImageRecord, TFRecordDataset, VOCRecord
from inc_data.datasets.synthetic import ArraySpec, Synthetic
from inc_data.datasets.table import Table
from inc_data.datasets.voc import VOC

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "GLUE",
    "MNIST",
    "VOC",
    "ArrayDataset",
    "ArraySpec",
    "COCONpy",
    "COCORaw",
    "COCORecord",
    "CSVFile",
    "Dummy",
    "DummyV2",
    "FashionMNIST",
    "ImageFolder",
    "ImageRecord",
    "ImagenetRaw",
    "NumpyFile",
    "SparseDummyV2",
    "Synthetic",
    "TFRecordDataset",
    "Table",
    "VOCRecord",
    "imagenet",
]
