from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
from inc_data import Compose, DataLoader, ImageFolder, ToArray, fingerprint, split


@pytest.fixture
def folder(tmp_path, save_image):
    root = tmp_path / "root"
    save_image(root / "dog" / "2.PNG", level=3)
    save_image(root / "dog" / "deep" / "1.jpeg", level=2)
    save_image(root / "cat" / "b.png", level=1)
    save_image(root / "cat" / "a.png", level=0)
    save_image(root / "cat" / ".hidden.png")
    (root / "cat" / "readme.txt").write_text("no image")
    (root / ".git").mkdir()
    return root


def test_classes_are_sorted_folders_and_images_are_sorted_within(folder):
    dataset = ImageFolder(folder)
    assert dataset.classes == ("cat", "dog")
    assert [path.relative_to(folder).as_posix() for path in dataset.paths] == ["cat/a.png", "cat/b.png", "dog/2.PNG", "dog/deep/1.jpeg"]
    assert dataset.labels.tolist() == [0, 0, 1, 1]
    assert [(image.getpixel((0, 0)), label) for image, label in dataset] == [((0, 0, 0), 0), ((1, 0, 0), 0), ((3, 0, 0), 1), ((2, 0, 0), 1)]


def test_a_flat_folder_gives_images_without_labels(folder):
    dataset = ImageFolder(folder / "cat", transform=ToArray())
    assert dataset.classes == ()
    assert dataset.labels is None
    assert dataset[1].shape == (3, 4, 3)
    assert next(iter(DataLoader(dataset, 2))).shape == (2, 3, 4, 3)


def test_a_transform_that_knows_pairs_sees_the_label_and_a_plain_function_the_image(folder):
    class Relabel:
        def apply_pair(self, image, label):
            return image, label + 10

        def __call__(self, item):
            raise AssertionError("a dataset with labels passes pairs")

    seen = []
    dataset = ImageFolder(folder, Compose([seen.append, lambda _: "image", Relabel()]))
    assert dataset[2] == ("image", 11)
    assert seen[0].size == (4, 3)


def test_images_are_read_in_the_mode_asked_for(folder):
    images, labels = next(iter(DataLoader(ImageFolder(folder, mode="L"), 4)))
    assert images.shape == (4, 3, 4, 1)
    assert labels.tolist() == [0, 0, 1, 1]


def test_a_fingerprint_survives_copying_and_touching_and_sees_a_changed_pixel(folder, tmp_path, save_image):
    before = fingerprint(ImageFolder(folder))
    shutil.copytree(folder, tmp_path / "copy")
    os.utime(folder / "cat" / "a.png", (0, 0))
    assert fingerprint(ImageFolder(folder)) == fingerprint(ImageFolder(str(tmp_path / "copy"))) == before
    assert fingerprint(ImageFolder(folder, ToArray())) != before
    assert fingerprint(ImageFolder(folder, mode="L")) != before
    save_image(folder / "cat" / "a.png", level=9)
    assert fingerprint(ImageFolder(folder)) != before
    parts = split(ImageFolder(folder), calibration=2, evaluation=2)
    assert parts.calibration.labels.tolist() != [0, 0]
    assert parts.calibration.fingerprint != parts.evaluation.fingerprint


def test_a_folder_without_images_is_refused_with_what_is_missing(tmp_path, folder):
    with pytest.raises(ValueError, match=r"no such folder(?s:.*)nowhere"):
        ImageFolder(tmp_path / "nowhere")
    with pytest.raises(TypeError, match="Expected a path, got None"):
        ImageFolder(None)
    with pytest.raises(ValueError, match="Unknown mode 'RGBY'"):
        ImageFolder(folder, mode="RGBY")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"No images in the folder(?s:.*)empty(?s:.*)\.jpg"):
        ImageFolder(tmp_path / "empty")
    (folder / "bird").mkdir()
    with pytest.raises(ValueError, match=r"No images in class bird(?s:.*)remove the empty class folder"):
        ImageFolder(folder)


def test_images_beside_class_folders_are_refused(folder, save_image):
    save_image(folder / "stray.png")
    with pytest.raises(ValueError, match=r"stray\.png, \.\.\.\) beside folders of images \(cat"):
        ImageFolder(folder)


def test_what_is_no_regular_file_is_no_image(folder):
    os.mkfifo(folder / "cat" / "pipe.png")
    assert len(ImageFolder(folder)) == 4


def test_a_corrupt_image_names_its_file_and_its_number(folder):
    (folder / "dog" / "2.PNG").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"cannot be decoded(?s:.*)2\.PNG") as caught:
        list(DataLoader(ImageFolder(folder), 2))
    assert caught.value.__notes__ == ["while reading item 2 of ImageFolder"]


def test_labels_are_python_integers_that_collate_to_int64(folder):
    assert type(ImageFolder(folder)[0][1]) is int
    assert next(iter(DataLoader(ImageFolder(folder), 4)))[1].dtype == np.int64
