from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inc_adaptors.handle import Signature, TensorSpec
from inc_config.errors import DataError
from inc_orchestrate.cli.data import Source, described, open_data, suggested_preprocessing
from PIL import Image

SIGNATURE = Signature(inputs=(TensorSpec(name="image", shape=(None, 3, 224, 224)),))


def opened(path: Path, *, preprocess: str | None = "unit") -> Source:
    return open_data(path, preprocess=preprocess, image_mode="RGB", signature=SIGNATURE, model="m.onnx")


def images(root: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (number, 0, 0)).save(path)
    return root


def test_class_folders_are_labels_in_sorted_order(tmp_path: Path) -> None:
    source = opened(images(tmp_path, "dog/1.png", "cat/1.png", "cat/2.png"))
    assert source.labelled
    assert list(source.dataset.labels) == [0, 0, 1]
    assert source.notes == ("labels: the class folders in sorted order, 'cat' is 0 and 'dog' is 1",)
    assert source.dataset[0][0].shape == (3, 8, 8)


def test_class_folders_with_numbers_that_sort_as_text_are_pointed_out(tmp_path: Path) -> None:
    assert "sorted as text" in opened(images(tmp_path, "2/1.png", "10/1.png")).notes[1]
    assert len(opened(images(tmp_path / "padded", "02/1.png", "10/1.png")).notes) == 1


def test_images_alone_have_no_labels(tmp_path: Path) -> None:
    source = opened(images(tmp_path, "1.png", "2.png"))
    assert (source.labelled, len(source.dataset)) == (False, 2)


def test_images_without_preprocessing_are_refused_with_the_models_input_and_an_example(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="never guessed") as error:
        opened(images(tmp_path, "1.png"), preprocess=None)
    assert "image float32[batch, 3, 224, 224]" in str(error.value)
    assert f"inc quantize m.onnx --data {tmp_path} --preprocess imagenet" in error.value.fix


def test_a_corrupt_image_is_named(tmp_path: Path) -> None:
    folder = images(tmp_path, "1.png", "2.png")
    (folder / "1.png").write_bytes((folder / "2.png").read_bytes()[:40])
    with pytest.raises(DataError, match=r"where: .*1\.png"):
        opened(folder).dataset[0]


def test_arrays_are_read_with_and_without_labels(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones((7, 3), np.float32))
    np.savez(tmp_path / "xy.npz", inputs=np.ones((7, 3), np.float32), labels=np.arange(7))
    np.savez(tmp_path / "two.npz", ids=np.ones((7, 3), np.int64), mask=np.ones((7, 3), np.int64))
    assert not opened(tmp_path / "x.npy", preprocess=None).labelled
    labelled = opened(tmp_path / "xy.npz", preprocess=None)
    assert labelled.labelled
    assert labelled.dataset[6][1] == 6
    assert set(opened(tmp_path / "two.npz", preprocess=None).dataset[0]) == {"ids", "mask"}


class Payload:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("unpickled"),)


def test_nothing_is_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    hostile = np.array([Payload()], dtype=object)
    np.save("x.npy", hostile, allow_pickle=True)
    np.savez("x.npz", inputs=hostile, allow_pickle=True)
    for name in ("x.npy", "x.npz"):
        with pytest.raises(DataError, match="cannot be read as numpy arrays"):
            opened(tmp_path / name, preprocess=None)
    assert not Path("unpickled").exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.npy", b""),
        ("x.npy", b"\x93NUMPY\x01\x00v\x00{'descr"),
        ("x.npz", b"PK\x03\x04broken"),
        ("x.npz", b""),
        ("x.csv", b"1,2"),
        ("none.npy", None),
    ],
)
def test_other_files_are_refused_with_what_is_accepted(tmp_path: Path, name: str, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"(?s)where: --data .*{name}.*fix:   give a folder of images"):
        opened(tmp_path / name, preprocess=None)


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
def test_a_pipe_is_refused_and_not_waited_for(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(DataError, match="not a regular file"):
        opened(tmp_path / name)


@pytest.mark.parametrize("arrays", [{"labels": np.arange(3)}, {"inputs": np.ones(3), "labels": np.arange(3), "target": np.arange(3)}, {}])
def test_an_archive_needs_inputs_and_at_most_one_array_of_labels(tmp_path: Path, arrays: dict[str, Any]) -> None:
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(DataError, match="save inputs="):
        opened(tmp_path / "x.npz", preprocess=None)


def test_an_unknown_recipe_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"(?s)Unknown preprocessing 'imagenot'.*did you mean imagenet"):
        opened(images(tmp_path, "1.png"), preprocess="imagenot")


def test_a_recipe_is_suggested_only_where_the_shape_is_its_own() -> None:
    assert suggested_preprocessing(SIGNATURE) == "imagenet"
    for shape in ((None, 224, 224, 3), (None, 3, 32, 32), (None, 3, None, None), (None, 10)):
        other = Signature(inputs=(TensorSpec(name="x", shape=shape),))
        assert suggested_preprocessing(other) == ("imagenet-tf" if shape[-1] == 3 else None)
    assert suggested_preprocessing(Signature(inputs=SIGNATURE.inputs * 2)) is None
    assert described(Signature(inputs=(TensorSpec(name="x", shape=(None, None, 3), dtype="int64"),))) == "x int64[batch, any, 3]"


@pytest.mark.parametrize("rows", [10, 600])
def test_a_row_that_is_not_finite_is_named(tmp_path: Path, rows: int) -> None:
    values = np.ones((rows, 3), np.float32)
    values[rows - 2, 1] = np.inf
    np.save(tmp_path / "x.npy", values)
    np.savez(tmp_path / "two.npz", ids=np.ones((rows, 3), np.int64), scores=values)
    for name, array in (("x.npy", "inputs"), ("two.npz", "scores")):
        with pytest.raises(DataError, match=f"Row {rows - 2} of {array} holds NaN"):
            opened(tmp_path / name, preprocess=None)
