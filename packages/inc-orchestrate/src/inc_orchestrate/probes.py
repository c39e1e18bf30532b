"""Score operators without trials: the error each makes in the model's outputs, and the time each gains."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs
import numpy as np
from inc_adaptors.batches import batch_size, take
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Adaptor, Emitter
from inc_bench import compare
from inc_config.benchmark import BenchmarkConfig
from inc_config.errors import EvaluationError
from inc_config.plan import OpId, QuantizationPlan
from inc_strategy import Probe, ProbeResult, TrialStatus
from numpy.typing import NDArray

from inc_orchestrate.progress import Progress

SAMPLES = 8
"""Enough to rank operators by the noise they make."""

_PAIRED = BenchmarkConfig(warmup=1, rounds=5, min_round_s=0.01)
_NO_MORE_NOISE = 1e30
"""Stands for outputs that are not finite, which no other error exceeds."""


@attrs.frozen(kw_only=True, eq=False)
class Prober:
    """Carries out the probes of one search.

    ``original`` is the model before quantization, ``batches`` are inputs kept from calibration.
    """

    adaptor: Adaptor
    original: ModelHandle
    emitter: Emitter
    batches: tuple[Any, ...]
    progress: Progress

    def run(self, index: int, probe: Probe) -> ProbeResult:
        """The result of a probe; one that cannot be done has an error and no scores."""
        began = time.monotonic()
        scores: dict[OpId, float] = {}
        error: str | None = None
        try:
            score_of = self._scoring(probe)
            with self.progress.bar(f"probe {probe.kind}", len(probe.ops)) as advance:
                for op, score in self._within(probe, score_of, began):
                    scores[op] = score
                    advance(len(scores), None)
        except Exception as fault:  # noqa: BLE001  (whatever one plan's kernels raise must not end the search)
            error = f"{type(fault).__name__}: {fault}"
        status = TrialStatus.COMPLETE if error is None else TrialStatus.FAILED
        return ProbeResult.of(index, probe, scores=scores, status=status, seconds=time.monotonic() - began, error=error)

    def _scoring(self, probe: Probe) -> Callable[[OpId], float]:
        kinds = {"mse": self._alone, "output_mse": self._returned, "latency": self._faster}
        if probe.kind not in kinds:
            raise EvaluationError(f"There is no probe {probe.kind!r}.", where="strategy", fix=f"ask for one of {', '.join(kinds)}")
        if not self.batches:
            raise EvaluationError("There is no data to probe with.", where="strategy", fix="give calibrate=batches")
        return kinds[probe.kind](probe)

    def _within(self, probe: Probe, score: Callable[[OpId], float], began: float) -> Iterator[tuple[OpId, float]]:
        for place, op in enumerate(probe.ops):
            if probe.budget_s > 0.0 and time.monotonic() - began > probe.budget_s:
                self.progress.note(f"probe {probe.kind}: {place} of {len(probe.ops)} operators in the {probe.budget_s:g} s it was given")
                return
            yield op, score(op)

    def _alone(self, probe: Probe) -> Callable[[OpId], float]:
        expected = self._outputs(self.original, probe)

        def alone(op: OpId) -> float:
            made = self.emitter.emit(probe.plan.with_float(set(probe.plan.quantized) - {op}))
            if not made.state.qparams:  # it computes on codes only beside another operator that does
                return 0.0
            return noise_share(self._outputs(made, probe), expected)

        return alone

    def _returned(self, probe: Probe) -> Callable[[OpId], float]:
        expected = self._outputs(self.original, probe)
        whole = noise_share(self._emitted(probe.plan, probe), expected)
        return lambda op: whole - noise_share(self._emitted(probe.plan.with_float((op,)), probe), expected)

    def _faster(self, probe: Probe) -> Callable[[OpId], float]:
        whole = self._call(probe.plan)

        def saved_s(op: OpId) -> float:
            paired = compare(whole, self._call(probe.plan.with_float((op,))), _PAIRED)
            return paired.baseline_s - paired.candidate_s if paired.low > 1.0 or paired.high < 1.0 else 0.0

        return saved_s

    def _call(self, plan: QuantizationPlan) -> Callable[[], object]:
        predict = self.adaptor.predictor(self.emitter.emit(plan), threads=1)
        inputs = take(self.batches[0], 1)
        return lambda: predict(inputs)

    def _emitted(self, plan: QuantizationPlan, probe: Probe) -> list[NDArray[np.float64]]:
        return self._outputs(self.emitter.emit(plan), probe)

    def _outputs(self, handle: ModelHandle, probe: Probe) -> list[NDArray[np.float64]]:
        predict = self.adaptor.predictor(handle)
        return [np.asarray(output, dtype=np.float64) for batch in _first(self.batches[: probe.batches]) for output in predict(batch)]


def _first(batches: Sequence[Any]) -> Iterator[Any]:
    """Whole batches, since a model may want them of one size, until they hold ``SAMPLES``."""
    seen = 0
    for batch in batches:
        if seen < SAMPLES:
            yield batch
        seen += batch_size(batch)


def noise_share(outputs: Sequence[NDArray[np.float64]], expected: Sequence[NDArray[np.float64]]) -> float:
    """Power of the difference over power of what was expected, over all arrays; 1e30 where the difference is not finite."""
    noise = sum(float(np.square(made - wanted).sum()) for made, wanted in zip(outputs, expected, strict=True))
    signal = sum(float(np.square(wanted).sum()) for wanted in expected)
    if not math.isfinite(noise):
        return _NO_MORE_NOISE
    return min(noise / signal, _NO_MORE_NOISE) if signal > 0.0 else (_NO_MORE_NOISE if noise > 0.0 else 0.0)
