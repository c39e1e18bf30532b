"""Latency of compressed models against their baselines, by the benchmark's rules."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inc_adaptors.batches import batch_size, cut
from inc_adaptors.detect import adaptor_for
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Adaptor, Exports
from inc_bench import Comparison, compare, measure
from inc_config.benchmark import BenchmarkConfig
from inc_config.errors import IncError

from inc_orchestrate.progress import Progress
from inc_orchestrate.summary import LatencySummary

_QUICK = BenchmarkConfig(warmup=2, rounds=5, min_round_s=0.02)

OWN_RUNTIME = "the model's own runtime in fp32"
FASTEST = "the fastest fp32 runtime here"


def call_latency_s(adaptor: Adaptor, handle: ModelHandle, inputs: Any) -> float:
    """Median seconds of one call on one batch, single-threaded: good enough to rank trials, not to claim a speed."""
    call = _call(adaptor, handle, inputs, _QUICK)
    return measure(call, _QUICK).median_s


def latency_table(
    adaptor: Adaptor, *, original: ModelHandle, final: ModelHandle, inputs: Any, config: BenchmarkConfig, progress: Progress
) -> tuple[LatencySummary, ...]:
    """Compare the result with the caller's model in its own runtime and with the fastest fp32 runtime at hand.

    ``inputs`` is one batch, cut to the configuration's batch size unless the model takes one size only.
    """
    sample = cut(inputs, config.batch_size, original.signature)
    candidate = _call(adaptor, final, sample, config)
    own_call = _call(adaptor, original, sample, config)
    with progress.bar("compare latencies", 2) as advance:
        own = compare(own_call, candidate, config)
        advance(1, None)
        rows = [_row(f"{OWN_RUNTIME} ({adaptor.target().runtime.value})", own, sample, config)]
        rows.append(_fastest(adaptor, original, sample, config=config, own=own, calls=(own_call, candidate), progress=progress))
    return tuple(rows)


def _fastest(
    adaptor: Adaptor,
    original: ModelHandle,
    sample: Any,
    *,
    config: BenchmarkConfig,
    own: Comparison,
    calls: tuple[Callable[[], object], Callable[[], object]],
    progress: Progress,
) -> LatencySummary:
    own_call, candidate = calls
    name = adaptor.target().runtime.value
    if isinstance(adaptor, Exports):
        with tempfile.TemporaryDirectory(prefix="inc-export-") as folder:
            try:
                path = adaptor.export_onnx(original, Path(folder) / "fp32.onnx", example_inputs=sample)
                other = adaptor_for(path)
                exported = _call(other, other.open(path), sample, config)
                if compare(own_call, exported, config).ratio > 1.0:
                    return _row(f"{FASTEST} ({other.target().runtime.value})", compare(exported, candidate, config), sample, config)
            except (IncError, ImportError) as error:
                reason = error.what if isinstance(error, IncError) else str(error)
                progress.note(f"only {name} was timed in fp32: the model could not be exported to ONNX Runtime ({reason.splitlines()[0]})")
    return _row(f"{FASTEST} ({name})", own, sample, config)


def _call(adaptor: Adaptor, handle: ModelHandle, sample: Any, config: BenchmarkConfig) -> Callable[[], object]:
    predict = adaptor.predictor(handle, threads=config.threads)
    return lambda: predict(sample)


def _row(against: str, comparison: Comparison, sample: Any, config: BenchmarkConfig) -> LatencySummary:
    return LatencySummary(
        against=against,
        ratio=comparison.ratio,
        low=comparison.low,
        high=comparison.high,
        verdict=comparison.verdict.value,
        baseline_s=comparison.baseline_s,
        candidate_s=comparison.candidate_s,
        batch_size=batch_size(sample),
        threads=config.threads,
        confidence=comparison.confidence,
        noisy=comparison.noisy,
    )
