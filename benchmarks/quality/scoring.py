"""How good a quantized model is: accuracy, SQNR, size and latency against the float model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np
import onnxruntime
from inc_bench import Comparison, compare
from inc_config.benchmark import BenchmarkConfig
from numpy.typing import NDArray

Array = NDArray[np.float64]

_PART = 100  # samples per call
_NORMAL = 1.96


@attrs.frozen(kw_only=True, eq=False)
class Score:
    """``right`` says per sample how right the model was (0 or 1, or a share); ``speed`` is fp32 time over its time."""

    right: Array
    outputs: Array
    size_bytes: int
    speed: Comparison | None = None

    @property
    def accuracy(self) -> float:
        """Mean over samples."""
        return float(self.right.mean())


def drop(before: Score, after: Score) -> tuple[float, float]:
    """Points of accuracy lost and half the width of the 95 % interval of the paired difference."""
    lost = 100.0 * (before.right - after.right)
    return float(lost.mean()), float(_NORMAL * lost.std(ddof=1) / len(lost) ** 0.5) if len(lost) > 1 else 0.0


def sqnr_db(before: Score, after: Score) -> float:
    """Power of the float model's outputs over that of the difference, in dB."""
    noise = float(np.square(before.outputs - after.outputs).sum())
    return float(10 * np.log10(np.square(before.outputs).sum() / noise)) if noise > 0 else np.inf


def outputs_of(model: Path, inputs: NDArray[np.generic]) -> Array:
    """The model's first output for every sample."""
    run = session(model)
    return np.concatenate([run(inputs[start : start + _PART]) for start in range(0, len(inputs), _PART)]).astype(np.float64)


def session(model: Path) -> Callable[[NDArray[np.generic]], Array]:
    """The model in onnxruntime on one thread, as a function of its one input."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    native = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    name = native.get_inputs()[0].name

    def run(batch: NDArray[np.generic]) -> Array:
        return np.asarray(native.run(None, {name: batch})[0])

    return run


def times_as_fast(before: Path, after: Path, batch: NDArray[np.generic], *, rounds: int) -> Comparison:
    """Time of one model over time of another on one batch, in pairs, by CPU time."""
    first, second = session(before), session(after)
    config = BenchmarkConfig(rounds=rounds, min_round_s=0.02, threads=1)
    return compare(lambda: first(batch), lambda: second(batch), config)
