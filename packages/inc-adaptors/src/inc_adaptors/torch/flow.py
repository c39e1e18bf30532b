"""What a trace says about operators: what is fused, who consumes an output, and whether its memory layout is free."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

import attrs
from inc_config.plan import OpId
from torch import nn

from inc_adaptors.torch.trace import Step, Trace

QUANTIZABLE = (nn.Conv1d, nn.Conv2d, nn.Linear)
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d)
NORMS: dict[type[nn.Module], type[Any]] = {nn.Conv1d: nn.BatchNorm1d, nn.Conv2d: nn.BatchNorm2d}

# Functions that commute with quantization (monotone, or moving values around): uint8 codes go through them unchanged in meaning.
CARRIES_CODES = frozenset({"relu", "relu_", "ReLU", "max_pool2d", "flatten", "reshape", "view", "contiguous", "dropout", "dropout2d"})
# Functions whose result does not depend on how their input lies in memory, whatever follows.
ANY_LAYOUT = frozenset(
    {"relu", "relu_", "ReLU", "ReLU6", "relu6", "hardtanh", "gelu", "silu", "sigmoid", "tanh", "leaky_relu", "elu", "hardswish",
     "hardsigmoid", "add", "add_", "__add__", "__radd__", "__iadd__", "sub", "__sub__", "__rsub__", "mul", "mul_", "__mul__", "__rmul__",
     "div", "__truediv__", "cat", "chunk", "split", "clamp", "permute", "squeeze", "unsqueeze", "flatten", "reshape", "mean", "sum",
     "amax", "max", "pad", "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d", "interpolate", "dropout",
     "dropout2d", "softmax", "log_softmax", "batch_norm", "BatchNorm2d", "BatchNorm1d", "Conv2d", "Conv1d"}
)  # fmt: skip


@attrs.frozen(kw_only=True, eq=False)
class Operator:
    """A weighted module's call with what is fused into it: ``norm`` and ``activation`` are module paths or empty."""

    op: OpId
    step: Step
    norm: str = ""
    activation: str = ""
    output: int = 0

    @property
    def members(self) -> tuple[str, ...]:
        """Native names from the weight to the activation."""
        return (self.step.path, *(path for path in (self.norm, self.activation) if path))


def operator_type(module: nn.Module) -> str:
    """``Conv`` or ``Linear`` for what may be quantized, the class name for the rest."""
    if isinstance(module, CONVOLUTIONS):
        return "Conv"
    return "Linear" if isinstance(module, nn.Linear) else type(module).__name__


def is_plain(module: nn.Module) -> bool:
    """Whether a module computes exactly what its torch class does: no forward of its own, no parametrization, no hooks."""
    base = next((cls for cls in QUANTIZABLE if isinstance(module, cls)), None)
    return (
        base is not None
        and type(module).forward is base.forward
        and getattr(type(module), "_conv_forward", None) is getattr(base, "_conv_forward", None)
        and not hasattr(module, "parametrizations")
        and isinstance(module._parameters.get("weight"), nn.Parameter)
        and not has_hooks(module)
    )


def has_hooks(module: nn.Module) -> bool:
    """Whether somebody listens to a module's calls (or changes them, as weight normalization does)."""
    return bool(module._forward_hooks or module._forward_pre_hooks)


def operators(model: nn.Module, found: Trace) -> tuple[Operator, ...]:
    """Calls of weighted modules in execution order, with batch norm and ReLU fused where nothing else reads what lies between.

    A fused module is called once in the pass, and directly on the output of its producer, which is called once too. oneDNN clips at 6 after
    two-dimensional convolutions only.
    """
    modules = dict(model.named_modules())
    calls = found.calls()

    def follower(value: int, kinds: tuple[type[nn.Module], ...]) -> Step | None:
        readers = found.readers.get(value, ())
        if len(readers) != 1 or value in found.returned:
            return None
        step = readers[0]
        if not step.is_module or calls[step.path] != 1 or has_hooks(modules[step.path]) or len(step.outputs) != 1:
            return None
        return step if type(modules[step.path]) in kinds else None

    result = []
    for step in found.steps:
        if not step.is_module or not isinstance(modules[step.path], QUANTIZABLE):
            continue
        module = modules[step.path]
        operator = Operator(op=OpId(step.path, step.call_index, operator_type(module)), step=step, output=step.outputs[0])
        if calls[step.path] == 1 and is_plain(module):
            norm = NORMS.get(next(cls for cls in QUANTIZABLE if isinstance(module, cls)))
            after = None if norm is None else follower(operator.output, (norm,))
            if after is not None and modules[after.path].running_mean is not None:
                operator = attrs.evolve(operator, norm=after.path, output=after.outputs[0])
            after = follower(operator.output, (nn.ReLU, nn.ReLU6) if isinstance(module, nn.Conv2d) else (nn.ReLU,))
            if after is not None:
                operator = attrs.evolve(operator, activation=after.path, output=after.outputs[0])
        result.append(operator)
    return tuple(result)


@attrs.frozen(kw_only=True, eq=False)
class Flow:
    """A model's trace seen from its operators."""

    found: Trace
    operators: tuple[Operator, ...]

    def consumers(self, operator: Operator) -> tuple[OpId, ...] | None:
        """Operators that read this one's output, directly or through functions that carry codes; None when anything else reads it too."""
        by_step = {id(o.step): o for o in self.operators}
        consumers: list[OpId] = []
        for step, is_end in self._walk(operator.output, CARRIES_CODES):
            if is_end:
                if id(step) not in by_step or step is None or len(step.inputs) != 1:
                    return None
                consumers.append(by_step[id(step)].op)
        return tuple(dict.fromkeys(consumers)) or None

    def layout_is_free(self, operator: Operator, fresh: Collection[OpId]) -> bool:
        """Whether no reader can tell how the output lies in memory.

        Readers are followed up to operators in ``fresh``, which lay out their outputs anew, and ``Linear`` modules.
        """
        by_step = {id(o.step): o for o in self.operators}
        for step, is_end in self._walk(operator.output, ANY_LAYOUT, stop=lambda s: id(s) in by_step and by_step[id(s)].op in fresh):
            known = step is not None and id(step) in by_step and (by_step[id(step)].op in fresh or by_step[id(step)].op.type == "Linear")
            if is_end and not known:
                return False
        return True

    def _walk(
        self, value: int, through: Collection[str], stop: Callable[[Step], bool] = lambda step: False
    ) -> Iterator[tuple[Step | None, bool]]:
        """Readers of a value and of what passes through them; (None, True) where the model returns it, (step, True) where a path ends."""
        pending, seen = [value], {value}
        while pending:
            current = pending.pop()
            if current in self.found.returned:
                yield None, True
            for step in self.found.readers.get(current, ()):
                passes = step.name in through and not step.training and not stop(step)
                yield step, not passes
                fresh = [output for output in step.outputs if passes and output not in seen]
                seen.update(fresh)
                pending += fresh


def flow_of(model: nn.Module, found: Trace) -> Flow:
    """The operators of a model and their data flow."""
    return Flow(found=found, operators=operators(model, found))
