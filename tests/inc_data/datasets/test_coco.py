from __future__ import annotations

import json

import numpy as np
import pytest
from inc_data import COCONpy, COCORaw, DetectionLabel, LabelBalance, build_dataset, fingerprint

CATEGORIES = [{"id": 3, "name": "car"}, {"id": 18, "name": "dog"}]


def annotation(image, box, category=3, crowd=0):
    return {"id": 1, "image_id": image, "bbox": box, "category_id": category, "iscrowd": crowd, "area": 1.0}


def write(root, annotations, images=None, **changes):
    images = images or [{"id": n, "file_name": f"{n}.jpg", "height": 20, "width": 40} for n in (7, 8, 9)]
    document = {"images": images, "annotations": annotations, "categories": CATEGORIES, **changes}
    (root / "annotations").mkdir(exist_ok=True)
    (root / "annotations" / "instances_val2017.json").write_text(json.dumps(document))


@pytest.fixture
def root(tmp_path, save_image):
    write(tmp_path, [annotation(8, [10, 5, 20, 10]), annotation(9, [0, 0, 40, 20], 18), annotation(8, [0, 0, 4, 2], 18, 1)])
    for number in (7, 8, 9):
        save_image(tmp_path / "val2017" / f"{number}.jpg", level=number, size=(40, 20))
    return tmp_path


def test_boxes_are_shares_top_first_and_images_without_boxes_are_left_out(root):
    data = build_dataset("COCORaw", root=str(root))
    assert len(data) == 2
    image, label = data[0]
    assert image.getpixel((0, 0)) == (8, 0, 0)
    assert isinstance(label, DetectionLabel)
    # [left 10, top 5, width 20, height 10] of 40 x 20 pixels: top 5/20, left 10/40, bottom 15/20, right 30/40.
    np.testing.assert_allclose(label.boxes, [[0.25, 0.25, 0.75, 0.75], [0, 0, 0.1, 0.1]], rtol=1e-6)
    assert label[1:] == (("car", "dog"), pytest.approx([3, 18]), "8.jpg", pytest.approx([False, True]))
    assert label.target()["iscrowd"].tolist() == [0, 1]
    assert data.categories == {3: "car", 18: "dog"}


def test_crowds_can_be_dropped(root):
    assert COCORaw(root, crowd="drop")[0][1].names == ("car",)
    with pytest.raises(ValueError, match="one of drop, keep"):
        COCORaw(root, crowd="ignore")


def test_a_filter_keeps_images_with_that_many_boxes(root):
    assert [label.image_id for label in COCORaw(root, filter=LabelBalance(2)).labels] == ["8.jpg"]
    assert [label.image_id for label in COCORaw(root, filter=lambda image, label: image.getpixel((0, 0))[0] == 9).labels] == ["9.jpg"]
    with pytest.raises(ValueError, match=r"LabelBalance\(size=5\) keeps no item"):
        COCORaw(root, filter=LabelBalance(5))


def test_a_transform_sees_image_and_label(root):
    class Shape:
        def apply_pair(self, image, label):
            return image.size, len(label.boxes)

    assert COCORaw(root, transform=Shape())[0] == ((40, 20), 2)
    assert COCORaw(root, transform=lambda image: image.size)[0][0] == (40, 20)


def test_arrays_in_place_of_images_keep_the_boxes_of_the_file(root):
    for number in (8, 9):
        np.save(root / "val2017" / f"{number}.jpg.npy", np.full((2, 2), number))
    array, label = COCONpy(root)[0]
    assert array.tolist() == [[8, 8], [8, 8]]
    assert label == [(3, (10.0, 5.0, 20.0, 10.0)), (18, (0.0, 0.0, 4.0, 2.0))]
    np.save(root / "val2017" / "9.jpg.npy", np.array([{}], dtype=object))
    with pytest.raises(ValueError, match=r"cannot be read(?s:.*)9\.jpg\.npy"):
        COCONpy(root)[1]


def test_the_fingerprint_follows_pixels_and_boxes(root, save_image):
    before = fingerprint(COCORaw(root))
    assert fingerprint(COCORaw(root)) == before
    save_image(root / "val2017" / "7.jpg", level=1, size=(40, 20))  # has no box: not part of the data
    assert fingerprint(COCORaw(root)) == before
    save_image(root / "val2017" / "8.jpg", level=1, size=(40, 20))
    changed = fingerprint(COCORaw(root))
    write(root, [annotation(8, [10, 5, 20, 11]), annotation(9, [0, 0, 40, 20], 18), annotation(8, [0, 0, 4, 2], 18, 1)])
    assert len({before, changed, fingerprint(COCORaw(root))}) == 3


def test_an_annotation_of_a_missing_image_is_an_error_that_names_it(root):
    (root / "val2017" / "9.jpg").unlink()
    with pytest.raises(ValueError, match=r"1 of 2 annotated images are missing, the first is .*9\.jpg(?s:.*)instances_val2017\.json"):
        COCORaw(root)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"annotations": [annotation(8, [1, 2, 3])]}, r"no box(?s:.*)\$\.annotations\[0\]"),
        ({"annotations": [annotation(8, [1, 2, -3, 4])]}, "no box"),
        ({"annotations": [annotation(8, [1, 2, "3", 4])]}, "no box"),
        ({"annotations": [annotation(8, [0, 0, 10**400, 1])]}, "no box"),
        ({"annotations": [annotation(8, [0, 0, 1, 1], 10**40)]}, "category_id does not fit 64 bits"),
        ({"images": [{"id": 1, "file_name": "x.jpg", "height": 10**400, "width": 1}]}, "height does not fit 64 bits"),
        ({"annotations": [annotation(8, [0, 0, 1, 1], 4)]}, "no category 4"),
        ({"annotations": [annotation(99, [0, 0, 1, 1])]}, "image 99, which is not listed"),
        ({"annotations": [annotation("8", [0, 0, 1, 1])]}, "image_id must be a whole number, got '8'"),
        ({"annotations": []}, "No image has a box"),
        ({"annotations": None}, r"no list of annotations(?s:.*)\$\.annotations"),
        ({"images": [{"id": 1, "file_name": "../x.jpg", "height": 1, "width": 1}]}, r"'\.\./x\.jpg' is no name"),
        ({"images": [{"id": 1, "file_name": "x.jpg", "height": 0, "width": 1}]}, "0x1 pixels"),
    ],
)
def test_malformed_annotations_are_errors_that_name_the_place(root, change, message):
    write(root, **{"annotations": [], **change})
    with pytest.raises(ValueError, match=message):
        COCORaw(root)


def test_files_that_are_no_annotations_are_errors(root):
    path = root / "annotations" / "instances_val2017.json"
    for content in ("[1]", "{", "\xff", "[" * 100_000, '{"images": ' + "9" * 5000 + "}"):
        path.write_text(content, encoding="latin-1")
        with pytest.raises(ValueError, match=r"instances_val2017\.json"):
            COCORaw(root)
    with pytest.raises(ValueError, match="cannot be read"):
        COCORaw(root, anno_dir="gone.json")
