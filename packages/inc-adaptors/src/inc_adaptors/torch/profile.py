"""Run a module for timing: inputs made once, and the times of its leaf modules from PyTorch's profiler."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Any

import torch
from inc_config.errors import ModelError
from torch import nn
from torch.profiler import ProfilerActivity, profile, record_function

from inc_adaptors.roles import OperatorTime
from inc_adaptors.torch.calling import call_checked, device_of, tensors_in, to_native
from inc_adaptors.torch.sharing import evaluation_view

_WARMUP = 3
_PREFIX = "inc_bench::"


def bind_batches(
    model: nn.Module, batches: Sequence[Any], *, threads: int, inter_op_threads: int | None
) -> tuple[Callable[[], object], ...]:
    """One call per batch over a view in evaluation mode; the process' own number of threads holds again after each call.

    Raises:
        ModelError: the number of inter-operator threads was set before and can no longer be changed.
    """
    if inter_op_threads is not None and torch.get_num_interop_threads() != inter_op_threads:
        _set_inter_op(inter_op_threads)
    view = evaluation_view(model)
    device = device_of(view)
    return tuple(_call(view, to_native(batch, device), threads) for batch in batches)


def profile_operators(model: nn.Module, inputs: Any, *, calls: int, threads: int) -> tuple[OperatorTime, ...]:
    """Median time of every leaf module over ``calls`` runs, in order of first execution, and of what the other modules run themselves.

    A leaf's time is that of all operators it starts; time that no leaf accounts for is listed per operator, under its own name.
    """
    view = evaluation_view(model)
    native = to_native(inputs, device_of(view))
    leaves = {name: module for name, module in view.named_modules() if not any(True for _ in module.children())}
    with _threads(threads), torch.no_grad(), ExitStack() as stack:
        for _ in range(_WARMUP):
            call_checked(view, native)
        dtypes = {name: stack.enter_context(_recorded(module, name)) for name, module in leaves.items()}
        with profile(activities=[ProfilerActivity.CPU]) as taken:
            for _ in range(calls):
                call_checked(view, native)
    times, loose = _times(taken.events(), calls)
    total = sum(times.values()) + sum(loose.values()) or 1.0
    found = [
        OperatorTime(name=n, type=type(leaves[n]).__name__, seconds=t, share=t / total, dtype="".join(dtypes[n][:1]))
        for n, t in times.items()
    ]
    return (*found, *(OperatorTime(name=n, type=n, seconds=t, share=t / total) for n, t in loose.items()))


def _times(events: Any, calls: int) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds per run of the model: of each leaf module, and of each operator that runs outside any leaf."""
    times: dict[str, list[float]] = {}
    loose: dict[str, list[float]] = {}
    for event in events:
        if event.name.startswith(_PREFIX):
            times.setdefault(event.name.removeprefix(_PREFIX), []).append(event.cpu_time_total)
        elif event.cpu_parent is None:
            loose.setdefault(event.name, []).append(event.cpu_time_total)
    return _per_run(times, calls), _per_run(loose, calls)


def _per_run(microseconds: dict[str, list[float]], calls: int) -> dict[str, float]:
    """The median, which a single disturbed run does not move, times how often a run comes by."""
    return {name: median(found) * 1e-6 * len(found) / calls for name, found in microseconds.items()}


@contextmanager
def _recorded(module: nn.Module, name: str) -> Iterator[list[str]]:
    """Name a module's work in the profile; the list gets the type of its first input."""
    open_records: list[Any] = []
    dtype: list[str] = []

    def enter(_: nn.Module, arguments: tuple[Any, ...]) -> None:
        if not dtype:
            dtype.extend(str(tensor.dtype).removeprefix("torch.") for tensor in tensors_in(arguments))
        record: Any = record_function(_PREFIX + name)  # its methods are untyped
        record.__enter__()
        open_records.append(record)

    def leave(_: nn.Module, __: Any, ___: Any) -> None:
        open_records.pop().__exit__(None, None, None)

    handles = (module.register_forward_pre_hook(enter), module.register_forward_hook(leave))
    try:
        yield dtype
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _threads(threads: int) -> Iterator[None]:
    before = torch.get_num_threads()
    if threads and threads != before:
        torch.set_num_threads(threads)
    try:
        yield
    finally:
        if torch.get_num_threads() != before:
            torch.set_num_threads(before)


def _set_inter_op(threads: int) -> None:
    try:
        torch.set_num_interop_threads(threads)
    except RuntimeError as error:
        raise ModelError(
            f"PyTorch's inter-operator threads cannot be set to {threads}: {str(error).splitlines()[0]}.",
            where="this process",
            fix="benchmark the model by path or module:function, which starts fresh processes",
        ) from error


def _call(view: nn.Module, inputs: Any, threads: int) -> Callable[[], object]:
    def run() -> object:
        with torch.no_grad():
            return call_checked(view, inputs)

    def run_with_threads() -> object:
        with _threads(threads):
            return run()

    return run_with_threads if threads and threads != torch.get_num_threads() else run
