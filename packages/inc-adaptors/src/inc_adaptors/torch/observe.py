"""Statistics of activations in one streaming pass, through hooks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from inc_config.errors import PlanError
from inc_config.plan import TensorKey
from torch import nn

from inc_adaptors.batches import Fingerprint, batch_size, checked
from inc_adaptors.statistics.create import create
from inc_adaptors.statistics.protocol import Statistic, StatisticSpec
from inc_adaptors.statistics.store import Statistics
from inc_adaptors.torch.calling import call_checked, device_of, evaluation, tensors_in, to_native
from inc_adaptors.torch.flow import flow_of
from inc_adaptors.torch.identity import fingerprint
from inc_adaptors.torch.trace import remember, remembered, trace

Wanted = Mapping[TensorKey, frozenset[StatisticSpec]]


def observe(model: nn.Module, batches: Iterable[Any], wanted: Wanted, progress: Callable[[int], None]) -> Statistics:
    """Fill the wanted statistics from every batch, read once.

    Inputs are taken before a module's call, outputs after the last member of its fused operator.

    Raises:
        DataError: no batch, an empty one, non-finite values in one, or one that does not fit the model.
        PlanError: a wanted tensor that no module has, or that the pass never reached.
    """
    device = device_of(model)
    gathered = {key: {spec: create(spec) for spec in specs} for key, specs in wanted.items()}
    running, samples = Fingerprint(), 0
    taps: _Taps | None = None
    try:
        for batch in checked(batches, where="calibration data"):
            native = to_native(batch, device)
            if taps is None:
                taps = _Taps(model, gathered, native)
            running.update(batch)
            taps.restart()
            with evaluation(model):
                call_checked(model, native)
            samples += batch_size(batch)
            progress(samples)
    finally:
        if taps is not None:
            taps.remove()
    non_finite = {key: max((getattr(s, "non_finite", 0) for s in found.values()), default=0) for key, found in gathered.items()}
    return Statistics(
        values=gathered, samples=samples, non_finite={key: count for key, count in non_finite.items() if count},
        model_fingerprint=fingerprint(model), data_fingerprint=running.hexdigest(),
    )  # fmt: skip


class _Taps:
    """Hooks on the modules whose tensors are wanted; calls are counted anew for every batch."""

    def __init__(self, model: nn.Module, gathered: Mapping[TensorKey, Mapping[StatisticSpec, Statistic]], native: Any) -> None:
        self._gathered = gathered
        self._calls: Counter[tuple[str, str]] = Counter()
        self._handles: list[Any] = []
        found = remembered(model) or remember(model, trace(model, native))
        last = {operator.op: operator.members[-1] for operator in flow_of(model, found).operators}
        modules = dict(model.named_modules())
        for key in gathered:
            if key.op.scope not in modules or key.role == "weight":
                raise PlanError(
                    f"No activation of a module is named {key}.",
                    where="statistics wanted",
                    fix="use the operators that capabilities() lists",
                )
        for scope in {key.op.scope for key in gathered if key.role.startswith("input")}:
            self._handles.append(modules[scope].register_forward_pre_hook(self._before(scope), with_kwargs=True))
        for op in {key.op for key in gathered if key.role.startswith("output")}:
            self._handles.append(modules[last.get(op, op.scope)].register_forward_hook(self._after(op.scope)))
        self._by_call = {(key.op.scope, key.op.call_index, key.role): found for key, found in gathered.items()}

    def restart(self) -> None:
        """Begin a new batch."""
        self._calls.clear()

    def remove(self) -> None:
        """Take the hooks off."""
        for handle in self._handles:
            handle.remove()

    def _before(self, scope: str) -> Callable[..., None]:
        def take(_: nn.Module, args: Any, kwargs: Any) -> None:
            self._update(scope, "input", tensors_in((args, kwargs)))

        return take

    def _after(self, scope: str) -> Callable[..., None]:
        def take(_: nn.Module, args: Any, outputs: Any) -> None:
            self._update(scope, "output", tensors_in(outputs))

        return take

    def _update(self, scope: str, side: str, tensors: Iterable[torch.Tensor]) -> None:
        index = self._calls[scope, side]
        self._calls[scope, side] += 1
        for position, tensor in enumerate(tensors):
            for spec, statistic in self._by_call.get((scope, index, f"{side}:{position}"), {}).items():
                statistic.update(_values(tensor, spec))


def _values(tensor: torch.Tensor, spec: StatisticSpec) -> Any:
    """The tensor as a float32 array, without a copy where it is dense; per-channel statistics need the axes in order."""
    plain = tensor.detach().float().cpu()
    if "axis" not in spec.args and plain.ndim == 4 and plain.is_contiguous(memory_format=torch.channels_last):
        plain = plain.permute(0, 2, 3, 1)
    return plain.contiguous().numpy()
