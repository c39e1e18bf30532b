"""Score operators without trials: the error each makes in the model's outputs, and the time each gains."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any

import attrs
import numpy as np
from inc_adaptors.batches import batch_size, cut
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Adaptor, Emitter, Isolates
from inc_bench import compare
from inc_config.benchmark import BenchmarkConfig
from inc_config.errors import EvaluationError
from inc_config.plan import OpId, QuantizationPlan
from inc_strategy import Probe, ProbeResult, TrialStatus
from numpy.typing import NDArray

from inc_orchestrate.alone import Alone, difference, power, share, singly
from inc_orchestrate.progress import Advance, Progress

SAMPLES = 8
"""Enough to rank operators by the noise they make."""

_PAIRED = BenchmarkConfig(warmup=1, rounds=5, min_round_s=0.01)


@attrs.frozen
class _Clock:
    """When a probe began, and whom to tell of operators done."""

    began: float
    advance: Advance


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
            with self.progress.bar(f"probe {probe.kind}", len(probe.ops)) as advance:
                scores = self._scores(probe, _Clock(began, advance))
        except Exception as fault:  # noqa: BLE001  (whatever one plan's kernels raise must not end the search)
            error = f"{type(fault).__name__}: {fault}"
        status = TrialStatus.COMPLETE if error is None else TrialStatus.FAILED
        return ProbeResult.of(index, probe, scores=scores, status=status, seconds=time.monotonic() - began, error=error)

    def _scores(self, probe: Probe, clock: _Clock) -> dict[OpId, float]:
        kinds = {"mse": self._alone, "output_mse": self._returned, "latency": self._faster}
        if probe.kind not in kinds:
            raise EvaluationError(f"There is no probe {probe.kind!r}.", where="strategy", fix=f"ask for one of {', '.join(kinds)}")
        if not self.batches:
            raise EvaluationError("There is no data to probe with.", where="strategy", fix="give calibrate=batches")
        found = self._isolated(probe, clock) if probe.kind == "mse" else None
        if found is not None:
            return found
        score = kinds[probe.kind](probe)
        return dict(self._within(probe, ((op, score(op)) for op in probe.ops), clock))

    def _isolated(self, probe: Probe, clock: _Clock) -> dict[OpId, float] | None:
        """Scores where the emitter isolates operators and what lies inside the model fits into memory, a few samples at a time."""
        if not isinstance(self.emitter, Isolates):
            return None
        samples = singly(self.batches, self.original.signature)
        if max(map(batch_size, samples)) > SAMPLES:
            return None
        isolation = self.emitter.isolation(probe.plan, probe.ops)
        if isolation is None:
            return None
        with closing(isolation):
            alone = Alone(isolation, samples, probe.ops)
            noises = dict(self._within(probe, alone.noises(), clock))
        return {op: alone.score(noise) for op, noise in noises.items()}

    def _within(self, probe: Probe, scored: Iterable[tuple[OpId, float]], clock: _Clock) -> Iterator[tuple[OpId, float]]:
        found = iter(scored)
        for place in range(len(probe.ops)):
            if probe.budget_s > 0.0 and time.monotonic() - clock.began > probe.budget_s:
                self.progress.note(f"probe {probe.kind}: {place} of {len(probe.ops)} operators in the {probe.budget_s:g} s it was given")
                return
            yield next(found)
            clock.advance(place + 1, None)

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
        inputs = cut(self.batches[0], 1, self.original.signature)
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
    return share(difference(outputs, expected), power(expected))
