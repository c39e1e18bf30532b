"""Latency of compressed models against their baselines, by the benchmark's rules."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
from inc_adaptors.batches import batch_size, cut
from inc_adaptors.detect import adaptor_for
from inc_adaptors.handle import ModelHandle
from inc_adaptors.parity import sqnr_db
from inc_adaptors.roles import Adaptor, Exports, Hosts, require
from inc_bench import Comparison, compare, measure
from inc_config.benchmark import BenchmarkConfig
from inc_config.errors import IncError
from inc_config.target import Runtime

from inc_orchestrate.progress import Progress
from inc_orchestrate.summary import LatencySummary

_QUICK = BenchmarkConfig(warmup=2, rounds=5, min_round_s=0.02)

OWN_RUNTIME = "the model's own runtime in fp32"
SAME_MODEL = "the same model"
FASTEST = "the fastest fp32 runtime here"

LARGEST_BYTES = 1 << 29
"""Another runtime holds a model a second time: larger ones are timed in one only."""

Call = Callable[[], Any]


def call_latency_s(adaptor: Adaptor, handle: ModelHandle, inputs: Any) -> float:
    """Median seconds of one call on one batch, single-threaded: good enough to rank trials, not to claim a speed."""
    call = _call(adaptor, handle, inputs, _QUICK)
    return measure(call, _QUICK).median_s


def latency_table(
    adaptor: Adaptor,
    *,
    original: ModelHandle,
    final: ModelHandle,
    inputs: Any,
    config: BenchmarkConfig,
    progress: Progress,
    runtime: Runtime,
) -> tuple[LatencySummary, ...]:
    """Compare the result with the caller's model in its own runtime and with the fastest fp32 runtime at hand.

    Where a further runtime is installed, the result is compared with itself there too: which is its faster home is a choice to be made.

    Args:
        adaptor: of both models.
        original: the caller's model, which runs in the adaptor's own runtime.
        final: the result, which runs in ``runtime``.
        inputs: one batch, cut to the configuration's batch size unless the model takes one size only.
        config: how to measure.
        progress: shows a bar, and notes what could not be timed.
        runtime: see ``final``.
    """
    return _Timing(adaptor, cut(inputs, config.batch_size, original.signature), config, progress).table(original, final, runtime)


@attrs.frozen
class _Timing:
    """One batch, and how calls on it are compared."""

    adaptor: Adaptor
    sample: Any
    config: BenchmarkConfig
    progress: Progress

    def table(self, original: ModelHandle, final: ModelHandle, runtime: Runtime) -> tuple[LatencySummary, ...]:
        name = self.adaptor.target().runtime.value
        own, candidate = (_call(self.adaptor, handle, self.sample, self.config) for handle in (original, final))
        with self.progress.bar("compare latencies", 3) as advance:
            compared = compare(own, candidate, self.config)
            advance(1, None)
            elsewhere = self._elsewhere(original)
            own_runtime = self.adaptor.target().runtime
            others = [other for other in (own_runtime, *elsewhere) if other is not runtime]
            homes = [self._home(final, candidate, runtime, other) for other in others]
            advance(2, None)
            fastest = self._fastest(original, own, candidate, compared, elsewhere)
        return (self._row(f"{OWN_RUNTIME} ({name})", compared), *filter(None, homes), fastest)

    def _elsewhere(self, original: ModelHandle) -> dict[Runtime, Call]:
        """The original in every runtime but the adaptor's own."""
        if not isinstance(self.adaptor, Hosts):
            return {}
        others = self.adaptor.runtimes()[1:]
        if others and self.adaptor.size_bytes(original) > LARGEST_BYTES:
            names = ", ".join(runtime.value for runtime in others)
            self.progress.note(f"the original was not timed in {names}: it is larger than {LARGEST_BYTES >> 20} MB")
            return {}
        calls: dict[Runtime, Call] = {}
        for runtime in others:
            with self._noting(f"the original was not timed in {runtime.value}"):
                call = self._call_in(original, runtime)
                call()
                calls[runtime] = call
        return calls

    def _home(self, final: ModelHandle, candidate: Call, runtime: Runtime, other: Runtime) -> LatencySummary | None:
        """The result in another runtime than its own, and a note where that is the faster one."""
        with self._noting(f"the result was not timed in {other.value}"):
            there = self._call_in(final, other)
            alike = min(sqnr_db(x, y) for x, y in zip(candidate(), there(), strict=True))
            found = compare(there, candidate, self.config)
            if found.verdict.value == "slower":
                self.progress.note(
                    f"{other.value} runs this very model {1.0 / found.ratio:.2f}x as fast as {runtime.value} does, with outputs alike to "
                    f"{alike:.1f} dB; the target {other.value} makes and judges one for it"
                )
            return self._row(f"{SAME_MODEL} in {other.value}", found)
        return None

    def _fastest(
        self, original: ModelHandle, own: Call, candidate: Call, compared: Comparison, elsewhere: Mapping[Runtime, Call]
    ) -> LatencySummary:
        name, fastest = self.adaptor.target().runtime.value, own
        with self._exported(original) as exported:
            for other, call in {**exported, **{runtime.value: call for runtime, call in elsewhere.items()}}.items():
                with self._noting(f"the original was not timed in {other}"):
                    if compare(fastest, call, _QUICK).ratio > 1.0 and compare(fastest, call, self.config).ratio > 1.0:
                        name, fastest = other, call
            found = compared if fastest is own else compare(fastest, candidate, self.config)
        return self._row(f"{FASTEST} ({name})", found)

    @contextmanager
    def _exported(self, original: ModelHandle) -> Iterator[dict[str, Call]]:
        """The original in ONNX, for adaptors that write it."""
        calls: dict[str, Call] = {}
        with tempfile.TemporaryDirectory(prefix="inc-export-") as folder:
            if isinstance(self.adaptor, Exports):
                with self._noting("the original was not timed in onnxruntime"):
                    path = self.adaptor.export_onnx(original, Path(folder) / "fp32.onnx", example_inputs=self.sample)
                    other = adaptor_for(path)
                    calls[other.target().runtime.value] = _call(other, other.open(path), self.sample, self.config)
            yield calls

    @contextmanager
    def _noting(self, what: str) -> Iterator[None]:
        """A runtime that cannot run a model costs a line of the table, not the run."""
        try:
            yield
        except (IncError, ImportError) as error:
            reason = error.what if isinstance(error, IncError) else str(error)
            self.progress.note(f"{what}: {reason.splitlines()[0]}")

    def _call_in(self, handle: ModelHandle, runtime: Runtime) -> Call:
        predict = require(self.adaptor, Hosts, step="latency").predictor_in(handle, runtime, threads=self.config.threads)
        return lambda: predict(self.sample)

    def _row(self, against: str, comparison: Comparison) -> LatencySummary:
        return LatencySummary(
            against=against,
            ratio=comparison.ratio,
            low=comparison.low,
            high=comparison.high,
            verdict=comparison.verdict.value,
            baseline_s=comparison.baseline_s,
            candidate_s=comparison.candidate_s,
            batch_size=batch_size(self.sample),
            threads=self.config.threads,
            confidence=comparison.confidence,
            noisy=comparison.noisy,
        )


def _call(adaptor: Adaptor, handle: ModelHandle, sample: Any, config: BenchmarkConfig) -> Call:
    predict = adaptor.predictor(handle, threads=config.threads)
    return lambda: predict(sample)
