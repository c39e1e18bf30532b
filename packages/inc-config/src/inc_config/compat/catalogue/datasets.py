"""Datasets and filters."""

from __future__ import annotations

from inc_config.compat.named_shapes import Arguments, Names
from inc_config.compat.values import at_least_one, choice, either, flag, floats_by_blanks, number, shape, text, whole
from inc_config.compat.values import each as several

_sizes = several(at_least_one)
_files = either(text, several(text))  # v1.2 took a list of files
_floats = either(floats_by_blanks, several(number))
_words = several(text)
_ROOT = {"root": text}
_CLASSES = Arguments({**_ROOT, "train": flag, "download": flag}, required=["root"])
_FOLDER = Arguments(_ROOT, required=["root"])
_COCO = {"img_dir": text, "anno_dir": text, "num_cores": whole(minimum=1)}
_TEXTS = Arguments(
    {**_ROOT, "label_file": text, "task": choice("classifier", "squad"), "model_type": choice("bert", "xlnet", "xlm")},
    required=["root", "label_file"],
)

DATASETS = Names(
    {
        "CIFAR10": _CLASSES,
        "CIFAR100": _CLASSES,
        "MNIST": _CLASSES,
        "FashionMNIST": _CLASSES,
        "ImageFolder": _FOLDER,
        "TFRecordDataset": _FOLDER,
        "ImageRecord": _FOLDER,
        "VOCRecord": _FOLDER,
        "Imagenet": _FOLDER,
        "dummy": Arguments({"shape": shape, "low": _floats, "high": _floats, "dtype": _words, "label": flag}, required=["shape"]),
        "dummy_v2": Arguments(
            {"input_shape": shape, "label_shape": shape, "low": _floats, "high": _floats, "dtype": _words}, required=["input_shape"]
        ),
        "sparse_dummy_v2": Arguments(
            {"dense_shape": shape, "label_shape": shape, "sparse_ratio": _floats, "low": _floats, "high": _floats, "dtype": _words},
            required=["dense_shape"],
        ),
        "bert": _TEXTS,
        "mzbert": _TEXTS,
        "COCORecord": Arguments({**_ROOT, "num_cores": whole(minimum=1)}, required=["root"]),
        "COCORaw": Arguments({**_ROOT, **_COCO}, required=["root"]),
        "COCONpy": Arguments({**_ROOT, "npy_dir": text, **_COCO}, required=["root", "npy_dir"]),
        "ImagenetRaw": Arguments({"data_path": text, "image_list": _files}, required=["data_path"]),
        "style_transfer": Arguments(
            {"content_folder": text, "style_folder": text, "crop_ratio": number, "resize_shape": _sizes, "image_format": text},
            required=["content_folder", "style_folder"],
        ),
        "GLUE": Arguments(
            {
                "data_dir": text,
                "model_name_or_path": text,
                "max_seq_length": at_least_one,
                "do_lower_case": flag,
                "task": text,
                "model_type": text,
                "dynamic_length": flag,
                "evaluate": flag,
            },
            required=["data_dir", "model_name_or_path"],
        ),
    },
    "dataset",
)

FILTERS = Names({"LabelBalance": Arguments({"size": whole(minimum=1)}, required=["size"])}, "filter", least=0, most=1)
