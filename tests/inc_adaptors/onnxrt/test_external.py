from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from graphs import batches, mlp, run
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_config.errors import ModelError
from onnx import TensorProto

ADAPTOR = OnnxrtAdaptor(threads=1)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A model whose weights lie in ``weights.bin`` beside it, in a folder of its own."""
    folder = tmp_path / "model"
    folder.mkdir()
    path = folder / "model.onnx"
    onnx.save(mlp(), path, save_as_external_data=True, location="weights.bin", size_threshold=128)
    return path


def rewritten(path: Path, **facts: str) -> Path:
    """Change facts of the first external tensor; an empty value removes the fact."""
    model = onnx.load(path, load_external_data=False)
    tensor = next(t for t in model.graph.initializer if t.data_location == TensorProto.EXTERNAL)
    kept = {entry.key: entry.value for entry in tensor.external_data} | facts
    del tensor.external_data[:]
    for key, value in kept.items():
        if value:
            tensor.external_data.add(key=key, value=value)
    path.write_bytes(model.SerializeToString())
    return path


def test_external_data_beside_the_model_are_read(saved: Path) -> None:
    feed = batches(mlp())[0]
    handle = ADAPTOR.open(saved)
    np.testing.assert_allclose(ADAPTOR.predict(handle, feed)[0], run(mlp(), feed)[0], rtol=1e-6)
    assert ADAPTOR.fingerprint(handle) == ADAPTOR.fingerprint(ADAPTOR.open(mlp()))


def test_external_data_in_a_folder_below_are_read(saved: Path) -> None:
    (saved.parent / "data").mkdir()
    (saved.parent / "weights.bin").rename(saved.parent / "data" / "weights.bin")
    model = onnx.load(saved, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = "data/weights.bin"
    saved.write_bytes(model.SerializeToString())
    assert ADAPTOR.fingerprint(ADAPTOR.open(saved)) == ADAPTOR.fingerprint(ADAPTOR.open(mlp()))


@pytest.mark.parametrize(
    "location", ["../secret.bin", "data/../../secret.bin", "..\\secret.bin", "C:\\secret.bin", "\\\\host\\secret.bin", ".", "a\0b"]
)
def test_a_location_outside_the_folder_is_refused(saved: Path, location: str) -> None:
    (saved.parent.parent / "secret.bin").write_bytes(bytes(1 << 16))
    with pytest.raises(ModelError, match="outside the model's folder"):
        ADAPTOR.open(rewritten(saved, location=location))


def test_an_absolute_location_is_refused_even_inside_the_folder(saved: Path) -> None:
    with pytest.raises(ModelError, match="outside the model's folder"):
        ADAPTOR.open(rewritten(saved, location=str(saved.parent / "weights.bin")))


def _link_to_file(folder: Path, secret: Path) -> None:
    (folder / "weights.bin").unlink()
    (folder / "weights.bin").symlink_to(secret / "weights.bin")


def _link_to_folder(folder: Path, secret: Path) -> None:
    (folder / "linked").symlink_to(secret, target_is_directory=True)


def _fifo(folder: Path, _: Path) -> None:
    (folder / "weights.bin").unlink()
    os.mkfifo(folder / "weights.bin")


@pytest.mark.parametrize(
    ("spoil", "location"), [(_link_to_file, "weights.bin"), (_link_to_folder, "linked/weights.bin"), (_fifo, "weights.bin")]
)
def test_links_that_leave_the_folder_and_special_files_are_refused(
    saved: Path, tmp_path: Path, spoil: Callable[[Path, Path], None], location: str
) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "weights.bin").write_bytes((saved.parent / "weights.bin").read_bytes())
    spoil(saved.parent, secret)
    with pytest.raises(ModelError, match="outside the model's folder"):
        ADAPTOR.open(rewritten(saved, location=location))


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"location": "missing.bin"}, "cannot be read"),
        ({"offset": "999999999"}, "needs .* bytes"),
        ({"offset": "-4"}, "not a number"),
        ({"length": "1" * 40}, "not a number"),
        ({"length": "64"}, "needs .* bytes"),
        ({"length": ""}, "needs .* bytes"),
    ],
)
def test_facts_that_do_not_fit_the_file_are_refused(saved: Path, facts: dict[str, str], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        ADAPTOR.open(rewritten(saved, **facts))


def test_a_tensor_hidden_in_a_subgraph_is_checked_too(saved: Path) -> None:
    model = onnx.load(saved, load_external_data=False)
    hidden = TensorProto(name="hidden", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    hidden.external_data.add(key="location", value="../secret.bin")
    inner = onnx.helper.make_graph([onnx.helper.make_node("Constant", [], ["k"], value=hidden)], "inner", [], [])
    model.graph.node.append(onnx.helper.make_node("If", ["flag"], ["z"], then_branch=inner, else_branch=inner))
    saved.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="outside the model's folder"):
        ADAPTOR.open(saved)


def test_a_model_in_memory_has_no_folder(saved: Path) -> None:
    for given in (saved.read_bytes(), onnx.load(saved, load_external_data=False)):
        with pytest.raises(ModelError, match="no folder"):
            ADAPTOR.open(given)


def test_a_file_with_holes_that_claims_more_than_memory_is_refused(saved: Path) -> None:
    model = onnx.load(saved, load_external_data=False)
    tensor = next(t for t in model.graph.initializer if t.data_location == TensorProto.EXTERNAL)
    os.truncate(saved.parent / "weights.bin", 1 << 40)
    tensor.dims[:] = [1 << 38]
    saved.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="more than this machine can hold"):
        ADAPTOR.open(rewritten(saved, offset="0", length=str(1 << 40)))


def test_a_hole_in_a_file_is_not_read_into_memory(saved: Path) -> None:
    """A kilobyte on disk that claims half a gigabyte, behind what it really stores."""
    model = onnx.load(saved, load_external_data=False)
    tensor = next(t for t in model.graph.initializer if t.data_location == TensorProto.EXTERNAL)
    size = (saved.parent / "weights.bin").stat().st_size
    os.truncate(saved.parent / "weights.bin", 1 << 29)
    tensor.dims[:] = [(1 << 27) - size // 4]
    saved.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="or the file stores"):
        ADAPTOR.open(rewritten(saved, offset=str(size), length=str((1 << 29) - size)))
