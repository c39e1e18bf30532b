"""Inference sessions over models in memory; nothing is written to disk."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import onnxruntime
from inc_config.errors import ModelError
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as states

from inc_adaptors.onnxrt.growth import check_growth
from inc_adaptors.onnxrt.tensors import Split, to_array

Array = NDArray[Any]

ORT_ERRORS: tuple[type[Exception], ...] = (
    RuntimeError,  # of io bindings
    states.EPFail,
    states.Fail,
    states.InvalidArgument,
    states.InvalidGraph,
    states.InvalidProtobuf,
    states.NotImplemented,
    states.RuntimeException,
)
"""What onnxruntime raises; these classes share no base but Exception."""


@attrs.frozen(eq=False)
class Session:
    """A loaded model; ``weights`` are the arrays it reads in place, kept alive as long as it."""

    native: Any
    weights: tuple[Array, ...]

    def run(self, names: Sequence[str] | None, feed: Mapping[str, Array]) -> list[Array]:
        """The outputs ``names``, or all; raises ModelError where an operator fails on these inputs."""
        try:
            return list(self.native.run(names, dict(feed)))
        except ORT_ERRORS as error:
            shapes = ", ".join(f"{name} {tuple(array.shape)}" for name, array in feed.items())
            raise ModelError(
                f"onnxruntime failed while running the model: {_first_line(error)}",
                where=f"inputs {shapes}",
                fix="give inputs of the shapes the model was made for, or export it with dynamic axes",
            ) from error

    def run_into(self, buffers: Mapping[str, Array], feed: Mapping[str, Array]) -> None:
        """Write outputs into contiguous arrays of their exact shapes.

        Raises:
            One of ``ORT_ERRORS``: an output has another shape, or an operator fails.
        """
        binding = self.native.io_binding()
        for name, array in feed.items():
            binding.bind_cpu_input(name, np.ascontiguousarray(array))
        for name, buffer in buffers.items():
            binding.bind_output(name, "cpu", 0, buffer.dtype, buffer.shape, buffer.ctypes.data)
        self.native.run_with_iobinding(binding)


def create_session(model: Split, *, threads: int = 0) -> Session:
    """Load a model on the CPU with full graph optimization; ``threads`` 0 is onnxruntime's default.

    Raises:
        ModelError: onnxruntime cannot run the model.
    """
    try:
        return load_with(model, session_options(threads))
    except ORT_ERRORS as error:
        raise ModelError(
            f"onnxruntime {onnxruntime.__version__} cannot run the model: {_first_line(error)}",
            where="the model given",
            fix="check the operators and operator-set version it names; the model must run in onnxruntime before it can be compressed",
        ) from error


def session_options(threads: int) -> Any:
    """Options of every session here; what it logs on stderr, its exceptions say too."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = threads
    if threads == 1:
        options.inter_op_num_threads = 1
    return options


def load_with(model: Split, options: Any) -> Session:
    """Load a model, its large weights beside the message: no 2 GiB limit, no copies through serialization and parsing.

    Raises:
        One of ``ORT_ERRORS``: onnxruntime cannot run the model.
        ModelError: it would make a tensor that no memory holds.
    """
    check_growth(model.model)
    weights = {name: to_array(tensor) for name, tensor in model.weights.items()}
    values = [onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(a, model.weights[name].data_type) for name, a in weights.items()]
    options.add_external_initializers(list(weights), values)
    native = onnxruntime.InferenceSession(model.model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return Session(native, tuple(weights.values()))


def release_memory() -> None:
    """Hand memory that was freed back to the system, where the C library would keep it (glibc)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0][:600]
