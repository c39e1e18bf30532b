from __future__ import annotations

import gzip
import io

import numpy as np
import pytest
from inc_data import (
    COCORecord,
    DataLoader,
    ImageRecord,
    LabelBalance,
    TFRecordDataset,
    VOCRecord,
    build_dataset,
    build_transform,
    fingerprint,
    split,
)
from PIL import Image


def png(pixels, mode=None):
    buffer = io.BytesIO()
    image = Image.fromarray(np.asarray(pixels, np.uint8))
    if mode == "P":
        image = image.convert("P")
        image.putpalette([value for n in range(256) for value in (n, 255 - n, 0)])
    image.save(buffer, "PNG")
    return buffer.getvalue()


def flat(level, size=(2, 3)):
    return png(np.full((*size, 3), level))


@pytest.fixture
def imagenet_record(make_example):
    return lambda level, label: make_example({"image/encoded": [flat(level)], "image/class/label": np.array([label], np.int64)})


@pytest.fixture
def coco_record(make_example):
    def make(name, boxes, **extra):
        table = np.array(boxes, np.float32).reshape(-1, 4)
        sides = {f"image/object/bbox/{side}": table[:, n] for n, side in enumerate(("ymin", "xmin", "ymax", "xmax"))}
        names = [b"dog"] * len(table)
        return make_example({"image/encoded": [flat(9)], "image/source_id": [name], "image/object/class/text": names, **sides, **extra})

    return make


def test_imagenet_records_in_several_files(tmp_path, write_records, imagenet_record):
    write_records(tmp_path / "validation-00000-of-00002", [imagenet_record(1, 10), imagenet_record(2, 20)])
    write_records(tmp_path / "validation-00001-of-00002", [imagenet_record(3, 30)])
    for data in (ImageRecord(tmp_path), build_dataset("Imagenet", root=str(tmp_path))):
        assert [(image[0, 0].tolist(), label) for image, label in map(data.__getitem__, range(3))] == [([n] * 3, n * 10) for n in (1, 2, 3)]
        assert data[0][0].shape == (2, 3, 3)
    batches = list(DataLoader(ImageRecord(tmp_path), 2))
    assert [labels.tolist() for _, labels in batches] == [[10, 20], [30]]


def test_raw_records_are_parsed_by_a_transform(tmp_path, write_records, imagenet_record):
    write_records(tmp_path / "a.tfrecord", [imagenet_record(1, 10)])
    assert isinstance(TFRecordDataset(tmp_path / "*.tfrecord")[0], bytes)
    parsed = build_dataset("TFRecordDataset", root=str(tmp_path / "*.tfrecord"), transform=build_transform("ParseDecodeImagenet"))
    assert parsed[0][1] == 10
    composed = build_transform("Compose", transforms=[build_transform("ParseDecodeImagenet"), build_transform("Rescale")])
    image, label = TFRecordDataset(tmp_path / "*.tfrecord", transform=composed)[0]
    assert (image.dtype, label) == (np.float32, 10)
    with pytest.raises(TypeError, match="Expected the bytes of a record, got int"):
        build_transform("ParseDecodeImagenet")(3)


def test_detection_records(tmp_path, write_records, coco_record):
    extra = {"image/object/class/label": np.array([18, 18], np.int64), "image/object/is_crowd": np.array([0, 1], np.int64)}
    path = write_records(tmp_path / "coco.record", [coco_record(b"1", [[0, 0.1, 0.5, 1]]), coco_record(b"2", [[0, 0, 1, 1]] * 2, **extra)])
    data = COCORecord(path)
    image, label = data[0]
    assert (image.shape, label.names, label.image_id, label.classes.tolist()) == ((2, 3, 3), ("dog",), "1", [-1])
    np.testing.assert_allclose(label.boxes, [[0, 0.1, 0.5, 1]], rtol=1e-6)
    assert data[1][1].crowd.tolist() == [False, True]
    assert [label.image_id for _, label in map(COCORecord(tmp_path, filter=LabelBalance(2)).__getitem__, range(1))] == ["2"]


def test_segmentation_records_give_class_numbers_with_and_without_a_palette(tmp_path, write_records, make_example):
    mask = [[0, 15, 255], [1, 2, 3]]
    records = [make_example({"image/encoded": [flat(9)], "image/segmentation/class/encoded": [png(mask, mode)]}) for mode in (None, "P")]
    write_records(tmp_path / "val-00000-of-00001", records)
    data = VOCRecord(tmp_path)
    for _, found in map(data.__getitem__, range(2)):
        assert found.shape == (2, 3, 1)
        assert found[:, :, 0].tolist() == mask


def test_a_bad_record_is_an_error_that_names_file_and_place(tmp_path, write_records, imagenet_record, make_example):
    path = write_records(tmp_path / "a-0-of-1", [imagenet_record(1, 1), make_example({"image/encoded": [b"no image"]}), b"no example"])
    data = ImageRecord(tmp_path)
    for index, message in ((1, "cannot be decoded"), (2, "no tf.train.Example")):
        with pytest.raises(ValueError, match=rf"{message}(?s:.*)a-0-of-1, record at byte"):
            data[index]
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ValueError, match=r"ends inside a record(?s:.*)a-0-of-1"):
        ImageRecord(tmp_path)


def test_labels_are_known_without_reading_images_and_keep_their_shares(tmp_path, write_records, imagenet_record):
    write_records(tmp_path / "validation-0-of-2", [imagenet_record(n, 3) for n in range(8)])
    write_records(tmp_path / "validation-1-of-2", [imagenet_record(n, -1) for n in range(4)])
    for data in (ImageRecord(tmp_path), build_dataset("Imagenet", root=str(tmp_path))):
        assert data.labels.tolist() == [3] * 8 + [-1] * 4
        assert sorted(split(data, evaluation=6).evaluation.labels.tolist()) == [-1, -1, 3, 3, 3, 3]
    assert TFRecordDataset(tmp_path / "*").labels is None


def test_a_label_that_is_none_is_an_error_that_names_the_record(tmp_path, write_records, make_example):
    write_records(tmp_path / "a-0-of-1", [make_example({"image/class/label": [b"dog"]}), b"no example"])
    with pytest.raises(ValueError, match=r"holds text, not numbers(?s:.*)a-0-of-1, record at byte 0"):
        _ = ImageRecord(tmp_path).labels


def test_a_compressed_file_is_an_error_that_says_what_to_do(tmp_path, write_records):
    path = write_records(tmp_path / "a-0-of-1", [b"x"])
    path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(ValueError, match=r"is compressed(?s:.*)a-0-of-1(?s:.*)gunzip"):
        ImageRecord(tmp_path)


def test_missing_and_empty_files_are_errors(tmp_path):
    for call in (lambda: ImageRecord(tmp_path), lambda: TFRecordDataset(tmp_path / "*"), lambda: VOCRecord(tmp_path / "gone")):
        with pytest.raises(ValueError, match="No file has such a name"):
            call()
    (tmp_path / "val-0").write_bytes(b"")
    with pytest.raises(ValueError, match="hold no record"):
        VOCRecord(tmp_path)
    with pytest.raises(ValueError, match=r"neither records validation-\*-of-\* nor a folder val"):
        build_dataset("Imagenet", root=str(tmp_path))


def test_parts_have_fingerprints_of_their_records(tmp_path, write_records, imagenet_record):
    write_records(tmp_path / "a-0-of-1", [imagenet_record(n, n) for n in range(6)])
    data = ImageRecord(tmp_path)
    parts = split(data, calibration=2, evaluation=4)
    assert len({fingerprint(data), parts.calibration.fingerprint, parts.evaluation.fingerprint}) == 3
    assert parts.calibration.fingerprint == split(ImageRecord(tmp_path), calibration=2, evaluation=4).calibration.fingerprint


def test_imagenet_in_folders(tmp_path, save_image):
    for name in ("n01", "n02"):
        save_image(tmp_path / "val" / name / "x.png")
    assert build_dataset("Imagenet", root=str(tmp_path)).classes == ("n01", "n02")
