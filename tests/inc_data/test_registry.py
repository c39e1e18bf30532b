from __future__ import annotations

import sys

import inc_data
import pytest
from inc_data import build_dataset, build_transform, dataset_names, transform_names

DATASETS_OF_1X = {
    "CIFAR10", "CIFAR100", "COCONpy", "COCORaw", "COCORecord", "FashionMNIST", "GLUE", "ImageFolder", "ImageRecord", "Imagenet",
    "ImagenetRaw", "MNIST", "TFRecordDataset", "VOCRecord", "bert", "dummy", "dummy_v2", "mzbert", "sparse_dummy_v2", "style_transfer",
}  # fmt: skip
TRANSFORMS_OF_1X = {
    "AlignImageChannel": {"dim": 3},
    "BilinearImagenet": {"height": 2, "width": 2, "central_fraction": 0.8, "mean_value": [0.0], "scale": 1.0},
    "Cast": {"dtype": "float32"},
    "CenterCrop": {"size": [2]},
    "Collect": {"length": 3},
    "ColorJitter": {},
    "Compose": {"transform_list": []},
    "CropResize": {"x": 0, "y": 0, "width": 1, "height": 1, "size": [1, 1], "interpolation": "nearest"},
    "CropToBoundingBox": {"offset_height": 0, "offset_width": 0, "target_height": 1, "target_width": 1},
    "DecodeImage": {},
    "EncodeJpeg": {},
    "KerasRescale": {"rescale": [1.0, 0.0]},
    "LabelShift": {"label_shift": 1},
    "ModelZooCollect": {"length": 10833},
    "Normalize": {"mean": [0.0], "std": [1.0], "rescale": [1.0, 0.0]},
    "Pad": {"padding": 1},
    "PaddedCenterCrop": {"size": 4, "crop_padding": 1},
    "ParseDecodeCoco": {},
    "ParseDecodeImagenet": {},
    "ParseDecodeVoc": {},
    "QuantizedInput": {"dtype": "int8", "scale": 0.5},
    "RandomCrop": {"size": 2},
    "RandomHorizontalFlip": {},
    "RandomResizedCrop": {"size": [2], "scale": [0.1, 1.0], "ratio": [0.5, 1.5], "interpolation": "bilinear"},
    "RandomVerticalFlip": {},
    "Rescale": {},
    "Resize": {"size": [2], "interpolation": "bicubic"},
    "ResizeCropImagenet": {
        **{"height": 2, "width": 2, "random_crop": False, "slice_crop": False, "resize_side": 4, "resize_method": "area"},
        **{"random_flip_left_right": False, "data_format": "channels_last", "subpixels": "BGR", "mean_value": [0.0], "scale": 1.0},
    },
    "ResizeWithAspectRatio": {"height": 2, "width": 2},
    "ResizeWithRatio": {"min_dim": 2, "max_dim": 3, "padding": True, "constant_value": 0},
    "ShiftRescale": {},
    "ToArray": {},
    "ToNDArray": {},
    "ToPILImage": {},
    "ToTensor": {},
    "Transpose": {"perm": [0, 1]},
    "TransposeLastChannel": {},
}


def test_every_builtin_class_is_registered_under_its_own_name():
    made = {name: value for name, value in vars(inc_data).items() if isinstance(value, type)}
    transforms = {name for name, value in made.items() if issubclass(value, inc_data.ImageTransform)}
    assert transforms - {"ImageTransform", "RandomTransform", "Recipe"} <= set(transform_names())
    assert {"ArrayDataset", "CSVFile", "NumpyFile", "Synthetic", "Table", "VOC"} <= set(dataset_names())
    assert build_transform("Resize", size=[2, 3]) == inc_data.Resize((2, 3))
    assert len(build_dataset("Synthetic", inputs={"shape": [2]}, samples=4)) == 4


def test_every_name_of_1x_resolves():
    assert set(dataset_names()) >= DATASETS_OF_1X
    assert {"SquadV1", "SquadV1ModelZoo", *TRANSFORMS_OF_1X} <= set(transform_names())


@pytest.mark.parametrize("name", TRANSFORMS_OF_1X)
def test_transforms_take_their_arguments_of_1x(name):
    assert callable(build_transform(name, **TRANSFORMS_OF_1X[name]))


def test_an_unknown_name_suggests_the_closest_and_case_counts():
    with pytest.raises(
        ValueError, match=r"Unknown dataset 'imagefolder'\.\n  where: .*inc\.datasets\n  fix:   .*did you mean ImageFolder\?"
    ):
        build_dataset("imagefolder", root=".")
    with pytest.raises(ValueError, match=r"did you mean CenterCrop\?"):
        build_transform("CentreCrop", size=1)


def test_arguments_that_do_not_fit_are_an_error_that_lists_those_that_do():
    with pytest.raises(TypeError, match=r"Resize has no argument 'sise'(?s:.*)fix:   use one of interpolation, size; did you mean size\?"):
        build_transform("Resize", sise=3)
    with pytest.raises(
        TypeError, match=r"missing a required argument: 'root'(?s:.*)call ImageFolder\(root, transform=None, \*, mode='RGB'\)"
    ):
        build_dataset("ImageFolder")


def install(folder, package, entries):
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entries)


def test_a_third_party_plugin_is_found_once_it_is_installed(tmp_path, monkeypatch):
    install(tmp_path, "others", "[inc.datasets]\nCounter = others_data:Counter\n")
    (tmp_path / "others_data.py").write_text("class Counter(list):\n    def __init__(self, count): super().__init__(range(count))\n")
    assert "Counter" not in dataset_names()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "others_data", raising=False)
    assert build_dataset("Counter", count=3) == [0, 1, 2]


def test_a_name_that_two_packages_offer_is_refused_with_both(tmp_path, monkeypatch):
    install(tmp_path, "rival", "[inc.transforms]\nResize = rival_data:Resize\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ValueError, match=r"Two packages offer transform 'Resize'(?s:.*)inc-data(?s:.*)rival"):
        build_transform("Resize", size=3)


def test_a_plugin_that_cannot_be_imported_is_named(tmp_path, monkeypatch):
    install(tmp_path, "gone", "[inc.transforms]\nGone = no_such_module_here:Gone\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ValueError, match=r"Transform 'Gone' cannot be loaded(?s:.*)\(gone\)"):
        build_transform("Gone")
