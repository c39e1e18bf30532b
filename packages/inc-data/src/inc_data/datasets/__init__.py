"""Datasets: one kind of source per module."""

from inc_data.datasets.arrays import ArrayDataset
from inc_data.datasets.bert import BertRecords, BertTensors, SquadArticles, bert
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
from inc_data.datasets.squad import SQuAD
from inc_data.datasets.style_transfer import StyleTransfer
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
    "BertRecords",
    "BertTensors",
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
    "SQuAD",
    "SparseDummyV2",
    "SquadArticles",
    "StyleTransfer",
    "Synthetic",
    "TFRecordDataset",
    "Table",
    "VOCRecord",
    "bert",
    "imagenet",
]
