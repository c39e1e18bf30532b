from __future__ import annotations

import sys

import inc_data
import pytest
from inc_data import build_dataset, build_transform, dataset_names, transform_names


def test_every_builtin_is_registered_under_its_own_name():
    assert {"ArrayDataset", "ImageFolder", "Synthetic"} <= set(dataset_names())
    assert {name for name in transform_names() if hasattr(inc_data, name)} == {
        "Cast", "CenterCrop", "Compose", "Normalize", "RandomCrop", "RandomHorizontalFlip",
        "Rescale", "Resize", "ResizeShortSide", "ToArray", "Transpose",
    }  # fmt: skip
    assert build_transform("Resize", size=[2, 3]) == inc_data.Resize((2, 3))
    assert len(build_dataset("Synthetic", inputs={"shape": [2]}, samples=4)) == 4


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
