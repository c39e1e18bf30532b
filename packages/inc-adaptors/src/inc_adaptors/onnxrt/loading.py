"""Open a model from a path, bytes or a ``ModelProto``, and refuse what is damaged, unsafe or unknown."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import onnx
from inc_config.errors import ModelError
from onnx import ModelProto, TensorProto, ValueInfoProto

from inc_adaptors.handle import Signature, TensorSpec
from inc_adaptors.onnxrt.external import Folder, load_external
from inc_adaptors.onnxrt.functions import inline_functions
from inc_adaptors.onnxrt.graph import take_apart
from inc_adaptors.onnxrt.shapes import infer
from inc_adaptors.onnxrt.sorting import sort_nodes
from inc_adaptors.onnxrt.tensors import all_tensors, element_name, expected_bytes, opset_of, typed_values, without_weights

MIN_OPSET = 11
"""Oldest standard operator set that is read; below 13 a model is upgraded internally before it is quantized."""

LARGEST_FILE = (1 << 31) - 1
"""Bytes of a protobuf message: no ONNX file has more."""

_AGAIN = "save, export or download the model again"


def load(model: Any) -> ModelProto:
    """A checked copy of the model with all its data inside; the caller's object and files stay as they are.

    Raises:
        ModelError: a file that cannot be read or is no ONNX model, external data outside the model's folder, tensors whose data do not fit
            their shapes, an invalid graph, or an operator set that is too old or too new.
    """
    where = str(model) if isinstance(model, str | os.PathLike) else "the model given"
    folder: Folder | None = None
    if isinstance(model, ModelProto):
        proto = ModelProto()
        proto.CopyFrom(model)
    elif isinstance(model, bytes | bytearray | memoryview):
        proto = parse(bytes(model), where)
    elif isinstance(model, str | os.PathLike):
        path = Path(model)
        folder = Folder(path.absolute().parent)
        proto = parse(_read(path), where)
    else:
        raise ModelError(f"A {type(model).__name__} is not an ONNX model.", where=where, fix="give a path, bytes or an onnx.ModelProto")
    proto.ClearField("training_info")  # says how to train on, which no session reads
    load_external(proto, folder, where=where)
    sort_nodes(proto)
    check(proto, where)
    inline_functions(proto)
    _shape_outputs(proto)
    return proto


def signature(model: ModelProto) -> Signature:
    """Inputs (initializers are none) and outputs in the model's order.

    Raises:
        ModelError: an input or output that is no tensor.
    """
    weights = {tensor.name for tensor in model.graph.initializer}
    return Signature(
        inputs=tuple(_spec(value, "input") for value in model.graph.input if value.name not in weights),
        outputs=tuple(_spec(value, "output") for value in model.graph.output),
    )


def _read(path: Path) -> bytes:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise ModelError("The path does not lead to a file.", where=str(path), fix="give the path of an .onnx file")
        if found.st_size > LARGEST_FILE:
            raise ModelError(
                f"The file has {found.st_size:,} bytes; a model file has at most {LARGEST_FILE:,}.",
                where=str(path),
                fix="keep larger weights in a file beside it: onnx.save(model, path, save_as_external_data=True)",
            )
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise ModelError(f"The model file cannot be read: {error}.", where=str(path), fix="check the path and its permissions") from error


def parse(data: bytes, where: str) -> ModelProto:
    """Bytes to a message; raises ModelError where they are none."""
    try:
        model = ModelProto()
        model.ParseFromString(data)
    except Exception as error:
        raise ModelError(f"Not an ONNX model, or a truncated one ({len(data)} bytes): {error}.", where=where, fix=_AGAIN) from error
    return model


def check(model: ModelProto, where: str) -> None:
    """Compare operator set, tensors and structure with the standard.

    Raises:
        ModelError: as ``load``.
    """
    opset = opset_of(model)
    newest = onnx.defs.onnx_opset_version()
    if model.graph.node and opset and not MIN_OPSET <= opset <= newest:
        raise ModelError(
            f"The model uses operator set {opset}; sets {MIN_OPSET} to {newest} are read.",
            where=where,
            fix="convert it with onnx.version_converter.convert_version(model, 17)"
            if opset < MIN_OPSET
            else "install a newer onnx and onnxruntime, or export with an older operator set",
        )
    for tensor in all_tensors(model):
        expected = expected_bytes(tensor)
        if tensor.HasField("raw_data") and len(tensor.raw_data) != expected:
            raise ModelError(
                f"Tensor {tensor.name!r} of shape {list(tensor.dims)[:8]} holds {len(tensor.raw_data)} bytes, not {expected}.",
                where=where,
                fix=_AGAIN,
            )
        values = typed_values(tensor)
        if values is not None and values[0] != values[1]:
            raise ModelError(
                f"Tensor {tensor.name!r} of shape {list(tensor.dims)[:8]} holds {values[0]} values, not {values[1]}.",
                where=where,
                fix=_AGAIN,
            )
    skeleton = without_weights(model)
    for value in _shapeless(skeleton):
        value.type.tensor_type.shape.SetInParent()  # runtimes do not ask for it
    try:
        onnx.checker.check_model(skeleton)
    except onnx.checker.ValidationError as error:
        raise ModelError(f"Not a valid ONNX model: {str(error).strip()[:600]}", where=where, fix=_AGAIN) from error


def _shape_outputs(model: ModelProto) -> None:
    """Write the shapes of outputs that have none, as far as inference tells them; the first axis stays open where it may be the batch."""
    shapeless = _shapeless(model)
    types = infer(take_apart(model)) if shapeless else {}
    for value in shapeless:
        shape = types[value.name].shape if value.name in types else None
        if shape is None:
            continue
        made = value.type.tensor_type.shape
        made.SetInParent()
        for axis, size in enumerate(shape):
            dim = made.dim.add()
            if size is not None and (axis > 0 or size != 1):
                dim.dim_value = size


def _shapeless(model: ModelProto) -> list[ValueInfoProto]:
    return [v for v in model.graph.output if v.type.HasField("tensor_type") and not v.type.tensor_type.HasField("shape")]


def _spec(value: ValueInfoProto, role: str) -> TensorSpec:
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type" or value.type.tensor_type.elem_type == TensorProto.UNDEFINED:
        raise ModelError(
            f"The {role} {value.name!r} is no tensor ({kind or 'of unknown type'}).",
            where=f"{role}s of the model",
            fix="export the model with tensors at its borders (a classifier from scikit-learn: zipmap=False)",
        )
    tensor = value.type.tensor_type
    shape = tuple(d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim)
    return TensorSpec(name=value.name, shape=shape, dtype=element_name(tensor.elem_type))
