"""onnxruntime's own quantization tool beside the drop-in, on one model and the same data."""

from __future__ import annotations

import contextlib
import io
import logging
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import onnx
import onnxruntime.quantization as theirs
from graphs import batches, run
from inc_adaptors.onnxrt import quantize_dynamic, quantize_static
from onnx import ModelProto, numpy_helper


class Reader(theirs.CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    """Batches in the form that onnxruntime's tool reads."""

    def __init__(self, model: ModelProto, *, count: int = 4) -> None:
        self.rest = iter(batches(model, count=count))

    def get_next(self) -> Any:
        return next(self.rest, None)


@attrs.frozen(eq=False)
class Both:
    """The models of both and their answers to one batch; ``exact`` is the float model's."""

    theirs: ModelProto
    ours: ModelProto
    their_output: Any
    our_output: Any
    exact: Any

    @property
    def steps(self) -> float:
        """The largest difference in steps of the tool's output quantizer (or, without one, of 1/255 of the output's range)."""
        tensors = {tensor.name: tensor for tensor in self.theirs.graph.initializer}
        writer = next(node for node in self.theirs.graph.node if self.theirs.graph.output[0].name in node.output)
        if writer.op_type == "DequantizeLinear":
            step = float(numpy_helper.to_array(tensors[writer.input[1]]))
        else:
            step = float(self.exact.max() - self.exact.min()) / 255.0
        return float(np.abs(self.their_output - self.our_output).max()) / step


def scales(model: ModelProto) -> list[tuple[float, int]]:
    """Scale and zero point of every QuantizeLinear, sorted."""
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    quantizers = [node for node in model.graph.node if node.op_type == "QuantizeLinear"]
    return sorted((float(tensors[node.input[1]]), int(tensors[node.input[2]])) for node in quantizers if tensors[node.input[1]].ndim == 0)


def statically(model: ModelProto, folder: Path, **options: Any) -> Both:
    """Both tools with the same arguments."""
    onnx.save(model, folder / "m.onnx")
    with quiet():
        theirs.quantize_static(folder / "m.onnx", folder / "theirs.onnx", Reader(model), **_own(options))
    quantize_static(folder / "m.onnx", folder / "ours.onnx", Reader(model), **_own(options))
    return _both(model, folder, batches(model, count=1)[0])


def dynamically(model: ModelProto, folder: Path, feed: dict[str, Any] | None = None, **options: Any) -> Both:
    """Both tools with the same arguments."""
    onnx.save(model, folder / "m.onnx")
    with quiet():
        theirs.quantize_dynamic(folder / "m.onnx", folder / "theirs.onnx", **_own(options))
    quantize_dynamic(folder / "m.onnx", folder / "ours.onnx", **_own(options))
    return _both(model, folder, feed or batches(model, count=1)[0])


def _own(options: dict[str, Any]) -> dict[str, Any]:
    """Options of which the tool may change the dictionary."""
    return {name: dict(value) if isinstance(value, dict) else value for name, value in options.items()}


def _both(model: ModelProto, folder: Path, feed: dict[str, Any]) -> Both:
    made = [onnx.load(folder / f"{who}.onnx") for who in ("theirs", "ours")]
    return Both(made[0], made[1], *(run(each, feed)[0] for each in (*made, model)))


@contextlib.contextmanager
def quiet() -> Any:
    """Without the warnings and prints of onnxruntime's tool."""
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
            yield
    finally:
        logging.disable(logging.NOTSET)
