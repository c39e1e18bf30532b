"""Which adaptor takes which model, and what is said of the rest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from inc_adaptors import detect
from inc_adaptors.detect import AdaptorSpec, adaptor_for, adaptor_named, spec_for
from inc_adaptors.onnxrt.magic import looks_like_onnx
from inc_config.errors import MissingFrameworkError, ModelError, PluginError

# ModelProto{ir_version: 8, producer_name: "t", graph: {name: "g"}} by hand: key 0x08 = field 1 varint, 0x12 = field 2 bytes,
# 0x3a = field 7 bytes (GraphProto), inside it 0x12 = field 2 (name).
TINY_ONNX = bytes([0x08, 8, 0x12, 1, ord("t"), 0x3A, 3, 0x12, 1, ord("g")])


def _named(name: str, module: str, *bases: type) -> type:
    return type(name, bases or (object,), {"__module__": module})


def test_a_class_is_known_by_an_ancestor_of_its_lineage() -> None:
    module = _named("Module", "torch.nn.modules.module")
    user_model = _named("Net", "my_project.nets", _named("Wrapper", "lightning.core", module))
    assert spec_for(user_model()).name == "torch"
    assert spec_for(_named("ModelProto", "onnx.onnx_ml_pb2")()).name == "onnxrt"


def test_a_class_of_the_same_name_in_another_package_is_not_taken() -> None:
    with pytest.raises(ModelError, match="Module") as caught:
        adaptor_for(_named("Module", "torchlike.nn")())
    assert caught.value.fix == "give one of: onnx ModelProto, a path to *.onnx (onnxrt); torch Module (torch)"


def test_detection_imports_no_framework() -> None:
    code = (
        "import sys\n"
        "from inc_adaptors.detect import spec_for, specs\n"
        "specs()\n"
        "cls = type('Module', (), {'__module__': 'torch.nn.modules.module'})\n"
        "assert spec_for(cls()).name == 'torch'\n"
        "loaded = {'torch', 'onnx', 'onnxruntime', 'numba', 'tensorflow'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_class_in_place_of_an_instance_is_named() -> None:
    with pytest.raises(ModelError, match="is a class") as caught:
        adaptor_for(dict)
    assert caught.value.fix == "give an instance: dict(...)"


@pytest.mark.parametrize("as_type", [str, Path])
def test_a_path_to_an_onnx_file_is_a_model(tmp_path: Path, as_type: type) -> None:
    path = tmp_path / "model.ONNX"
    path.write_bytes(TINY_ONNX)
    assert spec_for(as_type(path)).name == "onnxrt"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", "not such a model"),
        (b"<!DOCTYPE html><html>", "not such a model"),
        (b"PK\x03\x04" + b"\0" * 100, "not such a model"),
        (b"", "empty"),
    ],
)
def test_a_file_that_only_ends_like_a_model_is_refused(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=what) as caught:
        adaptor_for(path)
    assert caught.value.where == str(path)


def test_an_unknown_suffix_lists_what_is_supported(tmp_path: Path) -> None:
    path = tmp_path / "model.pickle"
    path.write_bytes(b"anything")
    with pytest.raises(ModelError, match=r"\.pickle") as caught:
        adaptor_for(path)
    assert "*.onnx" in caught.value.fix


@pytest.mark.parametrize("name", ["missing.onnx", "file.txt/model.onnx"])
def test_a_missing_path_is_said_to_be_missing(tmp_path: Path, name: str) -> None:
    (tmp_path / "file.txt").write_text("x")
    with pytest.raises(ModelError, match="No such model file"):
        adaptor_for(tmp_path / name)


def test_a_folder_is_refused_and_the_model_inside_pointed_out(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(TINY_ONNX)
    with pytest.raises(ModelError, match="folder") as caught:
        adaptor_for(tmp_path)
    assert caught.value.fix == f"give the file: {tmp_path / 'net.onnx'}"


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    loop = tmp_path / "loop.onnx"
    loop.symlink_to(loop)
    with pytest.raises(ModelError, match="cannot be read"):
        adaptor_for(loop)
    with pytest.raises(ModelError, match="regular file"):
        adaptor_for("/dev/null")
    with pytest.raises(ModelError, match="cannot be read"):
        adaptor_for("a\0b.onnx")


def _install(monkeypatch: pytest.MonkeyPatch, **specs: Any) -> None:
    monkeypatch.setattr(detect.plugins, "names", lambda _: tuple(specs))
    monkeypatch.setattr(detect.plugins, "load", lambda _, name: specs[name])


def test_a_missing_library_names_the_extra_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "needs_it.py").write_text("import a_library_nobody_has\n")
    monkeypatch.syspath_prepend(tmp_path)
    _install(monkeypatch, onnxrt=AdaptorSpec(name="onnxrt", extra="onnxrt", load="needs_it:Thing"))
    with pytest.raises(MissingFrameworkError, match="a_library_nobody_has") as caught:
        adaptor_named("onnxrt")
    assert caught.value.fix == 'pip install "inc-adaptors[onnxrt]"'


def test_a_declaration_that_leads_nowhere_is_a_plugin_error(monkeypatch: pytest.MonkeyPatch) -> None:
    _install(
        monkeypatch,
        a=AdaptorSpec(name="a", extra="a", load="json:NoSuchAdaptor"),
        b=AdaptorSpec(name="b", extra="b", load="json.nowhere:Adaptor"),
        c=object(),
    )
    for name, what in (("a", "NoSuchAdaptor"), ("b", "nowhere"), ("c", "not an AdaptorSpec")):
        with pytest.raises(PluginError, match=what):
            adaptor_named(name)


def test_the_onnx_look_reads_every_cut_of_a_model() -> None:
    assert all(looks_like_onnx(TINY_ONNX[:end]) for end in range(1, len(TINY_ONNX) + 1))
    assert not looks_like_onnx(b"")
