"""Layers in bf16 and fp16: which are faster that way here, and modules that compute so between casts."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from statistics import median
from typing import Any

import attrs
import torch
from inc_config.capabilities import Capabilities, OpCapability, Reason, ReasonCode
from inc_config.dtypes import BF16, FP16, FloatType
from inc_config.errors import StoreError
from inc_config.frozen import freeze_map
from inc_config.plan import FLOAT, OpId, OpPlan, QuantizationPlan
from torch import nn

from inc_adaptors.handle import SurgeryRecord
from inc_adaptors.torch.calling import call_checked, device_of, evaluation, to_native
from inc_adaptors.torch.flow import QUANTIZABLE, is_plain, operator_type
from inc_adaptors.torch.sharing import copied
from inc_adaptors.torch.surgery import keep_modules_called
from inc_adaptors.torch.trace import remember, trace

KIND = "torch_half"
FASTER = 1.05
"""A layer is faster when fp32 takes so many times as long: less is within what two measurements differ by."""

NATIVE = {BF16: torch.bfloat16, FP16: torch.float16}
_LARGEST_FP16 = torch.finfo(torch.float16).max
_WARMUP, _ROUNDS = 3, 9
_CLOSED = (ReasonCode.EXCLUDED_BY_USER, ReasonCode.EXCLUDED_BY_RECIPE, ReasonCode.ALREADY_QUANTIZED)

_SPEEDS: dict[tuple[str, tuple[int, ...], FloatType], float | None] = {}

Speed = Callable[[nn.Module, tuple[int, ...], FloatType], float | None]


class HalfLayer(nn.Module):
    """A layer whose weights are in 16 bits and that computes in them; inputs and outputs keep their type.

    ``weight`` and ``bias`` read as float tensors for code that looks at them.
    """

    def __init__(self, layer: nn.Module, dtype: FloatType) -> None:
        super().__init__()
        self.layer = copy.deepcopy(layer).to(NATIVE[dtype])
        self.kept_type = NATIVE[dtype]
        self.train(layer.training)

    @property
    def weight(self) -> torch.Tensor:
        """The layer's weight, float32."""
        held: Any = self.layer.weight
        made: torch.Tensor = held.float()
        return made

    @property
    def bias(self) -> torch.Tensor | None:
        """The layer's bias, float32."""
        held: Any = self.layer.bias
        return None if held is None else held.float()

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Cast, compute, cast back."""
        made: torch.Tensor = self.layer(input.to(self.kept_type))
        return made.to(input.dtype)


def half_options(
    model: nn.Module,
    capabilities: Capabilities,
    precisions: Iterable[FloatType],
    batches: Iterable[Any],
    *,
    speed: Speed,
    smaller: bool,
) -> Capabilities:
    """Put 16-bit options before float: for layers that are faster so with a cast on each side (``smaller``: for all that run)."""
    asked = tuple(precisions)
    rest = iter(batches)
    first = next(rest, None)
    shapes: dict[OpId, tuple[int, ...]] = {}
    if first is not None:
        found = remember(model, trace(model, to_native(first, device_of(model))))
        modules = dict(model.named_modules())
        for step in found.steps:
            if step.is_module and step.path not in found.read_elsewhere:
                shapes[OpId(step.path, step.call_index, operator_type(modules[step.path]))] = step.shape_in
    judge = _Judge(model=model, shapes=shapes, asked=asked, speed=speed, smaller=smaller, has_batch=first is not None)
    made = attrs.evolve(capabilities, ops=tuple(judge.judged(op) for op in capabilities.ops))
    if first is None or not any(option.compute_dtype is FP16 for op in made.ops for option in op.options):
        return made
    return _without_overflow(made, _largest(model, (first, *rest)))


@attrs.frozen(kw_only=True, eq=False)
class _Judge:
    model: nn.Module
    shapes: Mapping[OpId, tuple[int, ...]]
    asked: tuple[FloatType, ...]
    speed: Speed
    smaller: bool
    has_batch: bool

    def judged(self, capability: OpCapability) -> OpCapability:
        """One operator's options, and why there are no more."""
        if capability.reason is not None and capability.reason.code in _CLOSED:
            return capability
        refused = self._refusal(capability.op)
        answers = [] if refused else [(dtype, *self._answer(capability.op, dtype)) for dtype in self.asked]
        good = sorted(((ratio, dtype) for dtype, ratio, reason in answers if reason is None), key=lambda item: -item[0])
        reasons = [reason for _, _, reason in answers if reason is not None]
        integers = tuple(option for option in capability.options if option.is_quantized)
        halves = tuple(OpPlan(compute_dtype=dtype) for _, dtype in good)
        reason = capability.reason
        if reason is None and not integers and not halves:
            reason = refused or _joined(reasons)
        return attrs.evolve(capability, options=(*integers, *halves, FLOAT), reason=reason)

    def _refusal(self, op: OpId) -> Reason | None:
        modules = dict(self.model.named_modules())
        module = modules.get(op.scope)
        if not isinstance(module, QUANTIZABLE):
            return Reason(ReasonCode.NO_HALF_KERNEL, f"{op.type} is not computed in 16 bits on this route")
        if not is_plain(module) or module.weight.dtype is not torch.float32 or not module.weight.is_cpu:
            return Reason(ReasonCode.NO_HALF_KERNEL, "it is no plain float32 layer on the CPU")
        if not self.has_batch:
            return Reason(ReasonCode.NOT_EXECUTED, "no batch was given to run it with")
        if op not in self.shapes:
            return Reason(ReasonCode.DYNAMIC_WEIGHT, "other code reads its weight too, or it did not run")
        return None

    def _answer(self, op: OpId, dtype: FloatType) -> tuple[float, Reason | None]:
        """How many times as fast as fp32 it is, and why it is not offered."""
        module: Any = self.model.get_submodule(op.scope)
        if dtype is FP16 and float(module.weight.detach().abs().max()) > _LARGEST_FP16:
            return 0.0, Reason(ReasonCode.HALF_OVERFLOW, f"its weight has values beyond {_LARGEST_FP16:.0f}")
        ratio = self.speed(module, self.shapes[op], dtype)
        if ratio is None:
            return 0.0, Reason(ReasonCode.NO_HALF_KERNEL, f"torch {torch.__version__} has no {dtype} kernel for it")
        if ratio < FASTER and not self.smaller:
            pace = f"{1.0 / ratio:.1f}x slower than fp32 here" if ratio < 1.0 else f"only {ratio:.2f}x as fast as fp32"
            return ratio, Reason(ReasonCode.SLOWER_IN_HALF, f"{dtype} {op.type} {pace}")
        return ratio, None


def measured(module: nn.Module, shape: tuple[int, ...], dtype: FloatType) -> float | None:
    """Time of fp32 over time in ``dtype`` with its casts, one thread, medians of alternating runs; None where it does not run.

    Layers of one kind on inputs of one shape are measured once per process.
    """
    key = (repr(module), shape, dtype)
    if key not in _SPEEDS:
        _SPEEDS[key] = _measured(module, shape, dtype)
    return _SPEEDS[key]


def _measured(module: nn.Module, shape: tuple[int, ...], dtype: FloatType) -> float | None:
    wide = copy.deepcopy(module).eval()
    half = HalfLayer(wide, dtype)
    x = torch.rand(shape)
    times: tuple[list[float], list[float]] = ([], [])
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.no_grad():
            for turn in range(_WARMUP + _ROUNDS):
                for which in (0, 1) if turn % 2 else (1, 0):
                    layer = half if which else wide
                    began = time.perf_counter()
                    layer(x)
                    if turn >= _WARMUP:
                        times[which].append(time.perf_counter() - began)
    except RuntimeError:
        return None
    finally:
        torch.set_num_threads(threads)
    return median(times[0]) / median(times[1])


def halves_of(plan: QuantizationPlan) -> tuple[dict[str, FloatType], tuple[str, ...]]:
    """Scopes that a plan puts in 16 bits, and those where only some of the calls are to be (a layer has one weight)."""
    wanted: dict[str, set[Any]] = {}
    for op, option in plan.ops.items():
        wanted.setdefault(op.scope, set()).add(option.compute_dtype)
    whole = {scope: next(iter(kinds)) for scope, kinds in wanted.items() if len(kinds) == 1}
    halves = {scope: dtype for scope, dtype in whole.items() if dtype in NATIVE}
    return halves, tuple(scope for scope, kinds in wanted.items() if len(kinds) > 1 and kinds & set(NATIVE))


def half_copy(model: nn.Module, halves: Mapping[str, FloatType]) -> nn.Module:
    """A copy of ``model`` with these layers in 16 bits."""
    modules = dict(model.named_modules())
    result = copied(model, {id(modules[scope]): HalfLayer(modules[scope], dtype) for scope, dtype in halves.items()})
    keep_modules_called(result, HalfLayer)
    return result


def record(scope: str, dtype: FloatType) -> SurgeryRecord:
    """One layer's change as data."""
    return SurgeryRecord(kind=KIND, scope=scope, details=freeze_map({"dtype": dtype.value}))


def dtype_of(record: SurgeryRecord) -> FloatType:
    """The type in a record.

    Raises:
        StoreError: it is not one of ours.
    """
    found = next((dtype for dtype in NATIVE if dtype.value == record.details.get("dtype")), None)
    if found is None:
        raise StoreError(f"The surgery record of {record.scope!r} names no 16-bit type.", where="saved model", fix="save the model again")
    return found


def _largest(model: nn.Module, batches: Iterable[Any]) -> dict[str, float]:
    """The greatest magnitude that each layer reads or writes, by its path."""
    seen: dict[str, float] = {}

    def watch(path: str) -> Callable[[nn.Module, Any, Any], None]:
        def note(module: nn.Module, args: Any, output: Any) -> None:
            for tensor in (*args, output):
                if isinstance(tensor, torch.Tensor) and tensor.numel() and tensor.is_floating_point():
                    seen[path] = max(seen.get(path, 0.0), float(tensor.detach().abs().max()))

        return note

    with ExitStack() as stack:
        for path, module in model.named_modules():
            if isinstance(module, QUANTIZABLE):
                stack.callback(module.register_forward_hook(watch(path)).remove)
        with evaluation(model):
            for batch in batches:
                call_checked(model, to_native(batch, device_of(model)))
    return seen


def _without_overflow(capabilities: Capabilities, largest: Mapping[str, float]) -> Capabilities:
    def judged(op: OpCapability) -> OpCapability:
        value = largest.get(op.op.scope, 0.0)
        kept = tuple(option for option in op.options if option.compute_dtype is not FP16)
        if value <= _LARGEST_FP16 or kept == op.options:
            return op
        detail = f"values of up to {value:.3g} during calibration; fp16 ends at {_LARGEST_FP16:.0f}"
        reason = op.reason or (Reason(ReasonCode.HALF_OVERFLOW, detail) if kept == (FLOAT,) else None)
        return attrs.evolve(op, options=kept, reason=reason)

    return attrs.evolve(capabilities, ops=tuple(judged(op) for op in capabilities.ops))


def _joined(reasons: list[Reason]) -> Reason | None:
    return Reason(reasons[0].code, "; ".join(dict.fromkeys(reason.detail for reason in reasons))) if reasons else None
