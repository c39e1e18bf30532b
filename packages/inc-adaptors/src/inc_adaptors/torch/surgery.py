"""Put int8 modules into a copy of a model, and write down how, so that a fresh model can be changed the same way."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

import attrs
import torch
from inc_config.errors import StoreError
from inc_config.frozen import freeze_map
from torch import nn

from inc_adaptors.handle import SurgeryRecord
from inc_adaptors.torch.flow import CONVOLUTIONS
from inc_adaptors.torch.fold import geometry_of
from inc_adaptors.torch.int8 import ACTIVATIONS, CallPlan, Int8Conv, Int8Linear, Int8Operator, Mode
from inc_adaptors.torch.sharing import copied

KIND = "torch_int8"


@attrs.frozen(kw_only=True)
class Swap:
    """One module's replacement: ``folded`` are paths of modules that became part of it, ``activation`` one of none, relu, relu6."""

    scope: str
    bias: bool
    activation: str = attrs.field(validator=attrs.validators.in_(ACTIVATIONS))
    folded: tuple[str, ...]
    calls: tuple[CallPlan, ...] = attrs.field(validator=attrs.validators.min_len(1))

    def record(self) -> SurgeryRecord:
        """The swap as data."""
        calls = tuple({"mode": c.mode.value, "hands_over": c.hands_over, "free_layout": c.free_layout} for c in self.calls)
        details = {"bias": self.bias, "activation": self.activation, "folded": self.folded, "calls": calls}
        return SurgeryRecord(kind=KIND, scope=self.scope, details=freeze_map(details))


def swap_of(record: SurgeryRecord) -> Swap:
    """Read a record back.

    Raises:
        StoreError: it is not one of ours.
    """
    try:
        details = record.details
        return Swap(
            scope=record.scope,
            bias=bool(details["bias"]),
            activation=str(details["activation"]),
            folded=tuple(details["folded"]),
            calls=tuple(CallPlan(**call) for call in details["calls"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"The surgery record of {record.scope!r} cannot be read: {error}.", where="saved model", fix="save the model again"
        ) from error


def empty_module(layer: nn.Module, swap: Swap) -> Int8Operator:
    """An int8 module of a layer's shape whose buffers are still to be filled."""
    shape = tuple(layer.weight.shape)  # type: ignore[arg-type]  # a layer's weight is a tensor
    original = copy.deepcopy(layer) if any(call.mode is Mode.FLOAT for call in swap.calls) else None
    if isinstance(layer, CONVOLUTIONS) and (geometry := geometry_of(layer)) is not None:
        return Int8Conv(shape, geometry, bias=swap.bias, activation=swap.activation, calls=swap.calls, original=original)
    return Int8Linear(shape, bias=swap.bias, activation=swap.activation, calls=swap.calls, original=original)


def swapped_copy(model: nn.Module, made: Mapping[str, Int8Operator], folded: Iterable[str]) -> nn.Module:
    """A copy of ``model`` with int8 modules at their scopes and nothing at folded ones; replaced weights are never copied.

    Every reference to a replaced module, under any name, leads to its replacement.
    """
    modules = dict(model.named_modules())
    memo: dict[int, Any] = {id(modules[path]): nn.Identity() for path in folded}
    memo |= {id(modules[scope]): module for scope, module in made.items()}
    for path, module in modules.items():
        if path in made:
            made[path].train(module.training)
    result = copied(model, memo)
    counted = tuple(module for module in made.values() if len(module.calls) > 1)
    if counted:
        result.register_forward_pre_hook(_Restart(counted))
    keep_modules_called(result, Int8Operator)
    return result


def keep_modules_called(model: nn.Module, kind: type[nn.Module]) -> None:
    """Let encoder layers that hold modules of a ``kind`` call them, instead of reading their weights in one fused step."""
    for layer in model.modules():
        if isinstance(layer, nn.TransformerEncoderLayer) and any(isinstance(m, kind) for m in layer.children()):
            layer.register_forward_pre_hook(_keep_modules_called)


@attrs.frozen
class _Restart:
    """Tells modules that are called several times that a new pass begins (a copy of the model copies this with its modules)."""

    modules: tuple[Int8Operator, ...]

    def __call__(self, model: nn.Module, args: Any) -> None:
        for module in self.modules:
            module.restart_calls()


def _keep_modules_called(layer: nn.Module, args: Any) -> None:
    """A hook on it keeps torch from the encoder layer's fused path, which reads weights and calls no module."""


def fill(module: Int8Operator, **buffers: torch.Tensor) -> None:
    """Set buffers by name."""
    for name, value in buffers.items():
        getattr(module, name).copy_(value)
