"""Run a module once and write down what it did: which operators ran in which order, and where each tensor went.

Nothing is traced symbolically: the user's own code runs on one real batch, modules report through hooks and functions through a
``TorchFunctionMode``. Control flow, dictionaries and custom code therefore work; what another batch would do differently is not seen.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable
from typing import Any

import attrs
import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakIdKeyDictionary

from inc_adaptors.torch.calling import call_checked, evaluation, tensors_in

COMPUTE_FUNCTIONS = frozenset(
    {"conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "linear", "bilinear", "matmul",
     "__matmul__", "__rmatmul__", "mm", "bmm", "addmm", "baddbmm", "einsum", "scaled_dot_product_attention",
     "multi_head_attention_forward", "lstm", "gru"}
)  # fmt: skip
# Functions that read only the shape or kind of a tensor: they are no step, unless they give a tensor (``__get__`` of ``data``).
READS_SHAPE = frozenset({"size", "dim", "__get__", "__len__", "is_floating_point", "numel", "ndimension"})


@attrs.frozen(kw_only=True)
class Step:
    """One event: a leaf module with parameters (or a ReLU module), or a function. ``inputs`` and ``outputs`` are numbers of tensor values.

    ``shape_in`` and ``shape_out`` are the first tensor's shapes; ``training`` carries the argument of dropout. A tensor that is changed in
    place holds a new value afterwards.
    """

    name: str
    path: str
    call_index: int
    is_module: bool
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    shape_in: tuple[int, ...]
    shape_out: tuple[int, ...]
    training: bool = False


@attrs.frozen(kw_only=True, eq=False)
class Trace:
    """The steps of one forward pass in order, who reads each value, and which values the model returned.

    ``read_elsewhere`` holds paths of modules whose weight some other code reads.
    """

    steps: tuple[Step, ...]
    returned: frozenset[int]
    read_elsewhere: frozenset[str]
    readers: dict[int, tuple[Step, ...]] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        readers: dict[int, list[Step]] = {}
        for step in self.steps:
            for value in step.inputs:
                readers.setdefault(value, []).append(step)
        object.__setattr__(self, "readers", {value: tuple(found) for value, found in readers.items()})

    def calls(self) -> Counter[str]:
        """How often each leaf module was called."""
        return Counter(step.path for step in self.steps if step.is_module)


def trace(model: nn.Module, inputs: Any) -> Trace:
    """Run ``model`` in evaluation mode on native inputs and record it.

    Raises:
        DataError: the batch does not fit the model.
    """
    recorder = _Recorder(model)
    handles = recorder.hook(model)
    try:
        with evaluation(model), recorder:
            outputs = call_checked(model, inputs)
    finally:
        for handle in handles:
            handle.remove()
    return Trace(
        steps=tuple(recorder.steps),
        returned=frozenset(recorder.number(tensor) for tensor in tensors_in(outputs)),
        read_elsewhere=frozenset(recorder.read_elsewhere),
    )


_REMEMBERED: weakref.WeakKeyDictionary[nn.Module, Trace] = weakref.WeakKeyDictionary()


def remember(model: nn.Module, found: Trace) -> Trace:
    """Keep a model's trace for as long as the model lives, so that emission knows its data flow."""
    _REMEMBERED[model] = found
    return found


def remembered(model: nn.Module) -> Trace | None:
    """The trace of a model that was described or observed before."""
    return _REMEMBERED.get(model)


def is_leaf(module: nn.Module) -> bool:
    """Whether a module is one event: it has parameters and no children but parametrizations, or is a ReLU that may be fused."""
    if type(module) in (nn.ReLU, nn.ReLU6) or hasattr(module, "parametrizations"):
        return True
    return not any(True for _ in module.children()) and any(p is not None for p in module._parameters.values())


class _Recorder(TorchFunctionMode):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.steps: list[Step] = []
        self.read_elsewhere: set[str] = set()
        self._values: Any = WeakIdKeyDictionary()
        self._count = 0
        self._inside = 0
        self._paths: list[str] = []
        self._calls: Counter[str] = Counter()
        self._owners: Any = WeakIdKeyDictionary()
        for path, module in model.named_modules():
            for parameter in module._parameters.values() if is_leaf(module) else ():
                if parameter is not None and parameter not in self._owners:
                    self._owners[parameter] = path

    def hook(self, model: nn.Module) -> list[Any]:
        handles: list[Any] = []
        for path, module in model.named_modules():
            handles.append(module.register_forward_pre_hook(self._entering(path, module), with_kwargs=True))
            handles.append(module.register_forward_hook(self._left(path, module), with_kwargs=True, always_call=True))
        return handles

    def number(self, tensor: torch.Tensor) -> int:
        """The number of the value a tensor holds now."""
        found = self._values.get(tensor)
        return self._assign(tensor) if found is None else int(found)

    def _assign(self, tensor: torch.Tensor) -> int:
        self._count += 1
        self._values[tensor] = self._count
        return self._count

    def _entering(self, path: str, module: nn.Module) -> Callable[..., None]:
        leaf = is_leaf(module)

        def enter(_: nn.Module, args: Any, kwargs: Any) -> None:
            self._paths.append(path)
            if leaf:
                self._inside += 1
                if self._inside == 1:
                    self._pending = tuple((self.number(t), tuple(t.shape)) for t in tensors_in((args, kwargs)))

        return enter

    def _left(self, path: str, module: nn.Module) -> Callable[..., None]:
        leaf, name = is_leaf(module), type(module).__name__

        def leave(_: nn.Module, args: Any, kwargs: Any, outputs: Any) -> None:
            self._paths.pop()
            if not leaf:
                return
            self._inside -= 1
            if self._inside == 0:
                self._record(name, path, self._pending, outputs, is_module=True)

        return leave

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self._inside:
            return func(*args, **kwargs)
        inputs = tuple((self.number(t), tuple(t.shape)) for t in tensors_in((args, kwargs)))
        for tensor in tensors_in((args, kwargs)):
            if (owner := self._owners.get(tensor)) is not None:
                self.read_elsewhere.add(owner)
        result = func(*args, **kwargs)
        name = getattr(func, "__name__", str(func))
        outputs = args[0] if name == "__setitem__" else result
        self._record(name, self._paths[-1] if self._paths else "", inputs, outputs, is_module=False, training=_trains(name, args, kwargs))
        return result

    def _record(self, name: str, path: str, inputs: Any, outputs: Any, *, is_module: bool, training: bool = False) -> None:
        made = tuple(tensors_in(outputs))
        if not made and name in READS_SHAPE:
            return
        key = path if is_module else f"{path}.{name}"
        step = Step(
            name=name, path=path, call_index=self._calls[key], is_module=is_module, inputs=tuple(number for number, _ in inputs),
            outputs=tuple(self._assign(tensor) for tensor in made), training=training,
            shape_in=inputs[0][1] if inputs else (), shape_out=tuple(made[0].shape) if made else (),
        )  # fmt: skip
        self._calls[key] += 1
        self.steps.append(step)


def _trains(name: str, args: Any, kwargs: Any) -> bool:
    return name in ("dropout", "dropout1d", "dropout2d") and bool(kwargs.get("training", args[2] if len(args) > 2 else True))
