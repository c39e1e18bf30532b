"""Read convolution outputs in onnxruntime's own blocked layout.

On x86 onnxruntime keeps activations in blocks of 8 or 16 channels and copies each graph output back to plain order (``ReorderOutput``).
Where only the values matter, not their places, that copy is a sixth of the calibration time for nothing: the optimized graph is written
to a temporary folder, its copies are taken out, and it is loaded again as it is.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import onnx
import onnxruntime
from onnx import ModelProto, TensorProto, helper

from inc_adaptors.onnxrt.sessions import ORT_ERRORS, Session, release_memory, session_options
from inc_adaptors.onnxrt.tensors import WEIGHTS_FILE, Split, raw_bytes

_REORDER = ("com.microsoft.nchwc", "ReorderOutput")
_WIDEST_BLOCK = 16  # channels that do not fill their blocks are padded with zeros, which would be counted
_MODEL = "model.onnx"
_EXPECTED: tuple[type[Exception], ...] = (*ORT_ERRORS, OSError)


@attrs.frozen(eq=False)
class Blocked:
    """A session and, for each wanted tensor, the output that holds its values in some order."""

    session: Session
    outputs: Mapping[str, str]


def blocked_session(model: Split, names: Sequence[str], in_any_order: Collection[str], *, threads: int) -> Blocked | None:
    """A session over ``model`` that gives ``names``, those ``in_any_order`` without the copy; None where there is nothing to gain.

    Nothing to gain: a processor without blocked layout, no such tensor, or an onnxruntime or a disk that does not play along.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="inc-onnxrt-") as folder:
            return _blocked(model, names, in_any_order, Path(folder), threads)
    except _EXPECTED:
        return None


def _blocked(model: Split, names: Sequence[str], in_any_order: Collection[str], folder: Path, threads: int) -> Blocked | None:
    write_optimized(model, folder)
    optimized = onnx.load(folder / _MODEL, load_external_data=False)
    outputs = _without_copies(optimized, names, in_any_order)
    if all(outputs[name] == name for name in names):
        return None
    (folder / _MODEL).write_bytes(optimized.SerializeToString())
    options = session_options(threads)
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    native = onnxruntime.InferenceSession(str(folder / _MODEL), options, providers=["CPUExecutionProvider"])
    return Blocked(Session(native, ()), outputs)


def write_optimized(model: Split, folder: Path, *, level: Any = None, without: Sequence[str] = ()) -> Path:
    """Write the graph that onnxruntime makes of a model to ``folder``, its weights beside it; returns the model's path.

    The model is read from files: onnxruntime maps weights that lie in a file, and would copy those it is handed before it changes them.

    Args:
        model: any that onnxruntime can run.
        folder: an empty one.
        level: a ``GraphOptimizationLevel``; None is all.
        without: names of onnxruntime's optimizers that are left out.

    Raises:
        One of ``ORT_ERRORS``: onnxruntime cannot load the model.
        OSError: nothing can be written there.
    """
    plain = folder / "plain"
    plain.mkdir()
    (plain / _MODEL).write_bytes(model.model.SerializeToString())
    with (plain / WEIGHTS_FILE).open("wb") as file:
        for tensor in model.weights.values():
            file.write(raw_bytes(tensor))
    options = session_options(1)
    options.optimized_model_filepath = str(folder / _MODEL)
    options.add_session_config_entry("session.optimized_model_external_initializers_file_name", WEIGHTS_FILE)
    options.add_session_config_entry("session.disable_prepacking", "1")  # this session never runs
    if level is not None:
        options.graph_optimization_level = level
    onnxruntime.InferenceSession(str(plain / _MODEL), options, providers=["CPUExecutionProvider"], disabled_optimizers=list(without))
    shutil.rmtree(plain)
    release_memory()
    return folder / _MODEL


def _without_copies(model: ModelProto, names: Sequence[str], in_any_order: Collection[str]) -> dict[str, str]:
    """Take out copies whose results are wanted in any order and read by no node; returns where each name's values now are."""
    graph = model.graph
    read = {name for node in graph.node for name in node.input}
    sources = {name: name for name in names}
    dropped = set()
    for node in graph.node:
        if (node.domain, node.op_type) != _REORDER or node.output[0] not in in_any_order:
            continue
        channels = next((item.i for item in node.attribute if item.name == "channels"), 1)
        if channels % _WIDEST_BLOCK == 0:
            sources[node.output[0]] = node.input[0]
            if node.output[0] not in read:
                dropped.add(node.output[0])
    kept = [node for node in graph.node if node.output[0] not in dropped]
    del graph.node[:], graph.output[:]
    graph.node.extend(kept)
    graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in dict.fromkeys(sources.values()))
    return sources
