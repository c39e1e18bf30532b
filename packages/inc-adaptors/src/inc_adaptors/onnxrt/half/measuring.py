"""Ask a runtime for a kernel by running one operator in it, and time it against fp32; asked once per process, target and kind of call."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import attrs
import onnxruntime
from inc_config.dtypes import FloatType
from inc_config.errors import IncError
from inc_config.target import Device, Runtime, Target

from inc_adaptors import machine
from inc_adaptors.handle import ModelHandle
from inc_adaptors.onnxrt.half.calls import MAIN, Call, feed_of, model_of
from inc_adaptors.onnxrt.loading import signature
from inc_adaptors.onnxrt.profile import profile_operators
from inc_adaptors.roles import OperatorTime

CALLS = 7
"""Timed runs of one operator; medians count."""

LOOKS = 1
"""Runs that tell whether there is a kernel, and about how fast the operator is without one."""

_TRIES = 2  # calls of one type without a kernel, after which the type is taken to have none

_PLAIN = ("NOT_IMPLEMENTED", "Type Error")  # in what onnxruntime says where a kernel is missing

_NAMES = {"bf16": "bfloat16", "fp16": "float16"}


@attrs.frozen(kw_only=True)
class Found:
    """What running an operator in 16 bits showed.

    ``has_kernel``: it computed in 16 bits. ``speedup`` is fp32's time over its own with the casts at its borders, ``inner`` without
    them; None where it did not run. ``why`` says what a missing kernel means.
    """

    has_kernel: bool
    speedup: float | None = None
    inner: float | None = None
    why: str = ""


Measure = Callable[[Call, FloatType, Target], Found]


class HalfKernels:
    """Answers by running, remembered; ``measure`` runs where nothing is remembered."""

    def __init__(self, measure: Measure | None = None) -> None:
        self._measure = measure or measured
        self._found: dict[Any, Found] = {}
        self._without: dict[Any, list[Found]] = {}

    def ask(self, call: Call, dtype: FloatType, target: Target) -> Found:
        """What the target does with an operator in ``dtype``."""
        key, kind = (call.key, dtype, target), (call.type, dtype, target)
        if key not in self._found:
            without = self._without.setdefault(kind, [])
            if len(without) >= _TRIES:
                return without[0]
            self._found[key] = self._measure(call, dtype, target)
            if not self._found[key].has_kernel:
                without.append(self._found[key])
        return self._found[key]


@cache
def on_this_machine() -> HalfKernels:
    """The answers that all models of this process share."""
    return HalfKernels()


def measured(call: Call, dtype: FloatType, target: Target) -> Found:
    """Run the operator in fp32 and in ``dtype`` on this machine, which must be of the target's kind."""
    if target.device is not Device.CPU or target.runtime is Runtime.TENSORRT:
        return Found(has_kernel=False, why=f"{target.runtime.value} on {target.device.value} cannot be tried here")
    if target.isa is not machine.isa():
        return Found(has_kernel=False, why=f"{target.isa.value} cannot be tried on this machine, which is {machine.isa().value}")
    name = f"{target.runtime.value} {_version(target.runtime)}".strip()
    profile = _openvino if target.runtime is Runtime.OPENVINO else _onnxruntime
    try:
        half = profile(model_of(call, dtype), feed_of(call), LOOKS)
        calls = CALLS if _computes(half, dtype) else LOOKS
        half = profile(model_of(call, dtype), feed_of(call), calls) if calls != LOOKS else half
        wide = profile(model_of(call, None), feed_of(call), calls)
    except IncError as error:
        return Found(has_kernel=False, why=_refusal(error.what, name, f"{dtype} kernel for {call.type}"))
    return _compared(half, wide, dtype, f"{name} computes {dtype} {call.type}")


def _refusal(said: str, name: str, what: str) -> str:
    """Why an operator did not run at all."""
    if "not installed" in said:
        return said
    return f"{name} has no {what}" + ("" if any(plain in said for plain in _PLAIN) else f": {_shortened(said)}")


def _compared(half: tuple[OperatorTime, ...], wide: tuple[OperatorTime, ...], dtype: FloatType, claim: str) -> Found:
    """What the times of both runs say; ``claim`` begins the sentence about a computation in another type."""
    mine, theirs = _main(half), _main(wide)
    speedup = _seconds(wide) / _seconds(half)
    if mine is None or theirs is None:
        return Found(has_kernel=True, speedup=speedup, inner=1.0)  # nothing is left of it but casts: it costs no time
    if not _computes(half, dtype):
        why = f"{claim} in {mine.dtype or 'fp32'} between casts, {speedup:.2f}x as fast as fp32 here"
        return Found(has_kernel=False, speedup=speedup, why=why)
    return Found(has_kernel=True, speedup=speedup, inner=max(theirs.seconds, 1e-9) / max(mine.seconds, 1e-9))


def _computes(times: tuple[OperatorTime, ...], dtype: FloatType) -> bool:
    """Whether the operator itself ran in ``dtype``, or nothing is left of it."""
    main = _main(times)
    return main is None or main.dtype == _NAMES[dtype.value]


def _onnxruntime(model: Any, feed: Any, calls: int) -> tuple[OperatorTime, ...]:
    handle = ModelHandle(framework="onnxrt", native=model, signature=signature(model))
    return profile_operators(handle, feed, calls=calls, threads=1)


def _openvino(model: Any, feed: Any, calls: int) -> tuple[OperatorTime, ...]:
    from inc_adaptors.openvino.profiling import profile  # noqa: PLC0415  (an extra: only who asks for this runtime needs it)

    return profile(model, feed, calls=calls)


def _version(runtime: Runtime) -> str:
    return onnxruntime.__version__ if runtime is Runtime.ONNXRUNTIME else ""


def _main(times: tuple[OperatorTime, ...]) -> OperatorTime | None:
    """The operator itself among casts and changes of layout: by its name, else the one that took longest; None where it is gone."""
    computing = [time for time in times if time.type not in ("Cast", "Convert", "Reorder", "Identity")]
    named = [time for time in computing if time.name.startswith(MAIN)]
    return max(named or computing, key=lambda time: time.seconds, default=None)


def _seconds(times: tuple[OperatorTime, ...]) -> float:
    return max(sum(time.seconds for time in times), 1e-9)


def _shortened(text: str) -> str:
    return text if len(text) <= 160 else f"{text[:157]}..."
