"""Write an fp32 ONNX model for other runtimes."""

from __future__ import annotations

import importlib.util
import inspect
import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import torch
from inc_config.errors import MissingFrameworkError, ModelError
from torch import nn

from inc_adaptors.batches import batch_size
from inc_adaptors.torch.calling import call_checked, device_of, tensors_in, to_native
from inc_adaptors.torch.int8 import Int8Operator
from inc_adaptors.torch.sharing import evaluation_view

_PROTOBUF_LIMIT = 1 << 31  # beyond this weights go to a file beside the model


def export_onnx(model: nn.Module, path: Path, example_inputs: Any) -> Path:
    """Export in evaluation mode; inputs keep the names of forward's arguments, axis 0 of each is dynamic.

    Raises:
        MissingFrameworkError: onnx or onnxscript is not installed.
        ModelError: the model is quantized already, or cannot be exported.
    """
    for library in ("onnx", "onnxscript"):
        if importlib.util.find_spec(library) is None:
            raise MissingFrameworkError(f"Exporting to ONNX needs {library}.", where="export_onnx", fix='pip install "inc-adaptors[torch]"')
    if any(isinstance(module, Int8Operator) for module in model.modules()):
        raise ModelError(
            "The model already computes on int8, which ONNX Runtime would not run fast.",
            where="export_onnx",
            fix="export the fp32 model and quantize the file with the onnxrt adaptor",
        )
    view = evaluation_view(model)
    inputs = _at_least_two(to_native(example_inputs, device_of(view)))
    with torch.no_grad():
        made = len(list(tensors_in(call_checked(view, inputs))))
    size = sum(p.numel() * p.element_size() for p in (*view.parameters(), *view.buffers()))
    try:
        with _quiet(), torch.no_grad():
            torch.onnx.export(
                view, _args(inputs), path, kwargs=inputs if isinstance(inputs, dict) else None, input_names=_names(view, inputs),
                output_names=["output"] if made == 1 else [f"output_{i}" for i in range(made)],
                dynamic_shapes=_dynamic(view, inputs), dynamo=True, external_data=size >= _PROTOBUF_LIMIT, verbose=False,
            )  # fmt: skip
    except (torch.onnx.errors.OnnxExporterError, torch._dynamo.exc.UserError, RuntimeError) as error:
        raise ModelError(
            f"torch.onnx.export cannot export this model: {str(error).splitlines()[0]}",
            where="export_onnx",
            fix="torch.export must be able to trace it: no control flow on values, and any batch size must do",
        ) from error
    return path


def _at_least_two(inputs: Any) -> Any:
    """A batch of one is doubled: the exporter would take its size for a constant."""
    if batch_size(inputs) != 1:
        return inputs
    if isinstance(inputs, dict):
        return {name: _doubled(item) for name, item in inputs.items()}
    return tuple(_doubled(item) for item in inputs) if isinstance(inputs, tuple) else _doubled(inputs)


def _doubled(value: Any) -> Any:
    return torch.cat([value, value]) if isinstance(value, torch.Tensor) and value.ndim > 0 else value


def _args(inputs: Any) -> tuple[Any, ...]:
    if isinstance(inputs, dict):
        return ()
    return inputs if isinstance(inputs, tuple) else (inputs,)


def _names(model: nn.Module, inputs: Any) -> list[str]:
    return list(_bound(model, inputs))


def _bound(model: nn.Module, inputs: Any) -> dict[str, Any]:
    """Inputs by the name of forward's argument (the entries of ``*args`` numbered)."""
    signature = inspect.signature(model.forward)
    bound = signature.bind(**inputs) if isinstance(inputs, dict) else signature.bind(*_args(inputs))
    named: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            named |= {f"{name}_{index}": item for index, item in enumerate(value)}
        elif kind is inspect.Parameter.VAR_KEYWORD:
            named |= value
        else:
            named[name] = value
    return named


def _dynamic(model: nn.Module, inputs: Any) -> Any:
    """The batch axis of every tensor as dynamic, in the form torch.export wants: by forward's argument names."""

    def shape_of(value: Any) -> Any:
        return {0: torch.export.Dim.DYNAMIC} if isinstance(value, torch.Tensor) and value.ndim > 0 else None

    signature = inspect.signature(model.forward)
    bound = signature.bind(**inputs) if isinstance(inputs, dict) else signature.bind(*_args(inputs))
    shapes: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        if isinstance(value, tuple):
            shapes[name] = tuple(shape_of(item) for item in value)
        elif isinstance(value, dict):
            shapes[name] = {key: shape_of(item) for key, item in value.items()}
        else:
            shapes[name] = shape_of(value)
    return shapes


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's own talk from the user: warnings about its internals, log and progress lines say nothing about the model."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
