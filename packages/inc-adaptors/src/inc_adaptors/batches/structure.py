"""The structure of one batch: which part is the model's inputs, which the targets, how many samples, as numpy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from inc_config.errors import DataError
from numpy.typing import NDArray

TARGET_KEYS = ("label", "labels", "target", "targets")
Inputs = int | Sequence[str] | None


def split(batch: Any, inputs: Inputs = None) -> tuple[Any, Any]:
    """Separate a batch into the model's inputs and the targets (None where there are none).

    A dict is read by name: the model's inputs, and one key of label(s)/target(s) that is not an input. A tuple or list for a model with
    n inputs holds n arrays, n arrays and a target, or ``(inputs, target)`` with nested inputs. Anything with a shape is the only input.
    Where only the number of inputs is known, a dict may hold more: optional ones.

    Args:
        batch: what the loader yielded.
        inputs: the model's input names, or how many it needs, or None where the framework does not say.

    Returns:
        Inputs as one array, a tuple in the model's order or a dict in the model's order; and the targets.

    Raises:
        DataError: the batch does not fit, or could be read in two ways; both sides are shown.
    """
    if isinstance(batch, Mapping):
        return _split_mapping(batch, inputs)
    if isinstance(batch, tuple | list):
        return _split_sequence(tuple(batch), inputs)
    if not hasattr(batch, "shape"):
        raise DataError(
            f"A batch is a {type(batch).__name__}, not arrays.",
            where="batch",
            fix="yield an array, a tuple (inputs, targets), or a dict by input name",
        )
    if inputs is not None and _count(inputs) != 1:
        raise _misfit(batch, inputs)
    return batch, None


def _split_mapping(batch: Mapping[str, Any], inputs: Inputs) -> tuple[Any, Any]:
    names = None if inputs is None or isinstance(inputs, int) else tuple(inputs)
    targets = [key for key in TARGET_KEYS if key in batch and key not in (names or ())]
    if len(targets) > 1:
        raise DataError(
            f"A batch has several targets: {', '.join(targets)}.", where=f"batch {describe(batch)}", fix="leave one of them in the batch"
        )
    target = batch[targets[0]] if targets else None
    if names is None:
        rest = {key: value for key, value in batch.items() if key not in targets}
        if len(rest) < (inputs if isinstance(inputs, int) else 1):
            raise _misfit(batch, inputs)
        return rest, target
    if not all(name in batch for name in names):
        raise _misfit(batch, inputs)
    return {name: batch[name] for name in names}, target


def _split_sequence(batch: tuple[Any, ...], inputs: Inputs) -> tuple[Any, Any]:
    nested = len(batch) in (1, 2) and isinstance(batch[0], Mapping | tuple | list)
    if nested:
        if inputs is None and len(batch) == 2 and not isinstance(batch[0], Mapping) and len(batch[0]) > 1:
            return tuple(batch[0]), batch[1]
        made, inner_target = split(batch[0], inputs)
        if inner_target is not None and len(batch) == 2:
            raise _misfit(batch, inputs)
        return made, batch[1] if len(batch) == 2 else inner_target
    count = 1 if inputs is None else _count(inputs)
    if len(batch) not in (count, count + 1):
        raise _misfit(batch, inputs)
    given = batch[:count]
    return given[0] if count == 1 else given, batch[count] if len(batch) > count else None


def _count(inputs: int | Sequence[str]) -> int:
    return inputs if isinstance(inputs, int) else len(inputs)


def _misfit(batch: Any, inputs: Inputs) -> DataError:
    if inputs is None:
        wanted = "the model does not say how many inputs it has"
        fix = "yield (x, y), ((x1, x2, ...), y), or a dict by input name"
    elif isinstance(inputs, int):
        wanted = f"the model has {inputs} input{'s' * (inputs != 1)}"
        fix = "yield the inputs in the model's order, then at most one target"
    else:
        wanted = f"the model has inputs: {', '.join(inputs)}"
        fix = "yield a dict with these keys, or the arrays in this order and then at most one target"
    return DataError(f"A batch does not fit the model: got {describe(batch)}; {wanted}.", where="batch", fix=fix)


def describe(batch: Any) -> str:
    """A batch in short: ``(float32[8, 3, 32, 32], int64[8])``."""
    if isinstance(batch, Mapping):
        return "{" + ", ".join(f"{key}: {describe(value)}" for key, value in batch.items()) + "}"
    if isinstance(batch, tuple | list):
        shown = ", ".join(describe(value) for value in batch[:6]) + (", ..." if len(batch) > 6 else "")
        return f"({shown})"
    if hasattr(batch, "shape"):
        dtype = str(getattr(batch, "dtype", "")).rpartition(".")[2]
        return f"{dtype}{[int(size) for size in batch.shape]}"
    return type(batch).__name__


def leaves(batch: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every array of a batch with its place: a dict's key, ``"0"`` or ``"0.mask"``; ``""`` for a bare array."""
    items = batch.items() if isinstance(batch, Mapping) else enumerate(batch) if isinstance(batch, tuple | list) else None
    if items is None:
        yield path, batch
        return
    for key, value in items:
        yield from leaves(value, f"{path}.{key}" if path else str(key))


def batch_size(batch: Any) -> int:
    """The number of samples: the first axis of the first array.

    Raises:
        DataError: there is no array with a first axis.
    """
    for _, leaf in leaves(batch):
        shape = getattr(leaf, "shape", None)
        if shape is not None and len(shape) > 0:
            return int(shape[0])
    raise DataError(
        f"A batch has no array with a batch axis: {describe(batch)}.",
        where="batch",
        fix="yield arrays whose first axis counts samples (x[None] for a single one)",
    )


def take(batch: Any, samples: int) -> Any:
    """The first ``samples`` samples of a batch, in the same structure; what has no batch axis stays whole."""
    return part(batch, 0, samples)


def part(batch: Any, start: int, stop: int) -> Any:
    """Samples ``start`` to ``stop`` of a batch, likewise."""
    return along(batch, slice(start, stop))


def along(batch: Any, places: slice | NDArray[np.intp]) -> Any:
    """The samples of a batch at ``places``, likewise."""
    size = batch_size(batch)

    def cut(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: cut(item) for key, item in value.items()}
        if isinstance(value, tuple | list):
            if len(value) == size and not any(hasattr(item, "shape") and len(item.shape) and item.shape[0] == size for item in value):
                return value[places] if isinstance(places, slice) else [value[place] for place in places]
            return tuple(cut(item) for item in value)
        shape: tuple[int, ...] = getattr(value, "shape", ())
        return value[places] if len(shape) > 0 and shape[0] == size else value

    return cut(batch)


def to_numpy(value: Any) -> NDArray[Any]:
    """Any framework's tensor, or numbers, as a numpy array on the host (bfloat16 as float32).

    Raises:
        DataError: it does not hold numbers.
    """
    if isinstance(value, np.ndarray):
        made = value
    elif hasattr(value, "detach"):
        tensor = value.detach().cpu()
        made = (tensor.float() if str(tensor.dtype).endswith("bfloat16") else tensor).numpy()
    elif hasattr(value, "asnumpy"):
        made = value.asnumpy()
    elif hasattr(value, "numpy"):
        made = np.asarray(value.numpy())
    else:
        made = _from_numbers(value)
    if made.dtype.kind not in "biufc":
        raise _not_numbers(value)
    return made


def _from_numbers(value: Any) -> NDArray[Any]:
    try:
        return np.asarray(value)
    except (ValueError, TypeError) as error:
        raise _not_numbers(value) from error


def _not_numbers(value: Any) -> DataError:
    return DataError(f"A {type(value).__name__} does not hold numbers of one shape.", where="batch", fix="yield arrays or tensors")
