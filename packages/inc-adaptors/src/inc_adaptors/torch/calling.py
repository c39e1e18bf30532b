"""Call a module with a batch as users' loaders yield them, and read its outputs as numpy."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs
import numpy as np
import torch
from inc_config.errors import DataError, ModelError
from numpy.typing import NDArray
from torch import nn

from inc_adaptors.batches import describe


def device_of(model: nn.Module) -> torch.device:
    """The device of the first parameter or buffer; the CPU for a model without any."""
    for tensor in (*model.parameters(), *model.buffers()):
        return tensor.device
    return torch.device("cpu")


@contextmanager
def evaluation(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; every module's own mode is restored afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def to_native(value: Any, device: torch.device) -> Any:
    """Turn arrays into tensors on ``device``, through tuples, lists and dicts; what is neither stays as it is.

    Raises:
        DataError: an array whose type has no tensor counterpart (strings, objects).
    """
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, np.ndarray | np.generic):
        return _tensor(np.asarray(value)).to(device)
    if isinstance(value, Mapping):
        return {name: to_native(item, device) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return tuple(to_native(item, device) for item in value)
    if hasattr(value, "__dlpack__"):
        return torch.utils.dlpack.from_dlpack(value).to(device)
    return value


def _tensor(array: NDArray[Any]) -> torch.Tensor:
    try:
        return torch.from_numpy(array if array.flags.writeable and all(s >= 0 for s in array.strides) else array.copy())
    except TypeError as error:
        raise DataError(
            f"An array of type {array.dtype} cannot become a tensor.",
            where="batch",
            fix="convert it to a number type (float32, int64, bool)",
        ) from error


def required_inputs(model: nn.Module) -> int | None:
    """How many arguments ``forward`` cannot do without, where these are two or more (beside a single one, others may be optional)."""
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(model.forward).parameters.values()
    count = sum(parameter.kind in positional and parameter.default is inspect.Parameter.empty for parameter in parameters)
    return count if count > 1 else None


def call(model: nn.Module, inputs: Any) -> Any:
    """``model(x)``, ``model(*tuple)`` or ``model(**dict)`` of native inputs."""
    if isinstance(inputs, dict):
        return model(**inputs)
    if isinstance(inputs, tuple):
        return model(*inputs)
    return model(inputs)


def call_checked(model: nn.Module, inputs: Any) -> Any:
    """``call`` that says which side does not fit.

    Raises:
        DataError: the batch has other names, another number of inputs, other shapes or types than the model takes.
    """
    try:
        return call(model, inputs)
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        _check_names(model, inputs)
        raise DataError(
            f"The model cannot run this batch: {str(error).splitlines()[0]}.",
            where=f"given: {describe(inputs)}; the model: {_expects(model)}",
            fix="give the batch the shapes and types the model was trained with (numpy makes float64 by default: astype('float32'))",
        ) from error


def _check_names(model: nn.Module, inputs: Any) -> None:
    signature = inspect.signature(model.forward)
    try:
        if isinstance(inputs, dict):
            signature.bind(**inputs)
        else:
            signature.bind(*(inputs if isinstance(inputs, tuple) else (inputs,)))
    except TypeError as error:
        raise DataError(
            f"The batch does not fit the model's inputs: {error}.",
            where=f"given: {describe(inputs)}; the model: forward{signature}",
            fix="yield one array, a tuple in the order of forward's arguments, or a dict by their names",
        ) from error


def _expects(model: nn.Module) -> str:
    first = next(((name, p) for name, p in model.named_parameters() if p.ndim > 1), None)
    forward = f"forward{inspect.signature(model.forward)}"
    return forward if first is None else f"{forward}, first weight {first[0]} {describe(first[1])}"


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """Every tensor of nested tuples, lists, mappings and attrs or data classes, in order."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from tensors_in(item)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from tensors_in(item)
    elif attrs.has(type(value)) or hasattr(type(value), "__dataclass_fields__"):
        fields = [a.name for a in attrs.fields(type(value))] if attrs.has(type(value)) else list(type(value).__dataclass_fields__)
        for name in fields:
            yield from tensors_in(getattr(value, name))


def outputs_of(value: Any) -> tuple[NDArray[Any], ...]:
    """Outputs as numpy arrays in order; bfloat16, which numpy lacks, becomes float32.

    Raises:
        ModelError: the model returned no tensor.
    """
    arrays = tuple(_array(tensor) for tensor in tensors_in(value))
    if not arrays:
        raise ModelError(
            f"The model returned {type(value).__name__} without any tensor.",
            where="outputs of forward",
            fix="return tensors (alone, in tuples or dicts)",
        )
    return arrays


def _array(tensor: torch.Tensor) -> NDArray[Any]:
    plain = tensor.detach().cpu()
    array: NDArray[Any] = (plain.float() if plain.dtype is torch.bfloat16 else plain).numpy()
    return array
