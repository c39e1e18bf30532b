import pytest
from inc_adaptors.handle import ModelHandle
from inc_config.convert import from_json, to_json
from inc_orchestrate import FitResult
from inc_orchestrate.summary import (
    AccuracySummary,
    HurtSummary,
    LatencySummary,
    OperatorSummary,
    SparsitySummary,
    StageSummary,
    Summary,
    TrialSummary,
)
from inc_orchestrate.tables import headline, megabytes, render, to_text

SUMMARY = Summary(
    framework="torch",
    target="torch, avx512_vnni, cpu",
    accuracy=AccuracySummary(
        metric="accuracy", original=0.97, limit=0.9603, final=0.95, is_met=False, confirmed_original=0.96, confirmed=0.955,
        others=(("topk", 0.99),),
    ),
    size_before_bytes=1_600_000,
    size_after_bytes=420_000,
    stages=(
        StageSummary(name="prune", accuracy=0.965, size_bytes=1_600_000, sparsity=0.5, gains=("masks alone give no speed",), seconds=3.0),
        StageSummary(name="quantize", accuracy=0.95, size_bytes=420_000, speedup=2.5),
    ),
    operators=(
        OperatorSummary(op="conv1", type="Conv", precision="fp32", reason="too_small: 100"),
        OperatorSummary(op="conv0", type="Conv", precision="fp32", reason="too_small: 100"),
        OperatorSummary(op="conv2", type="Conv", precision="int8"),
    ),
    latency=(
        LatencySummary(
            against="the fastest fp32 runtime here (onnxruntime)", ratio=2.5, low=2.4, high=2.6, verdict="faster",
            baseline_s=0.01, candidate_s=0.004, batch_size=1, threads=1, confidence=0.95,
        ),
    ),
    sparsity=SparsitySummary(pruned=0.5, prunable=0.4, whole_model=0.39, weights=(("conv2.weight", 0.5),)),
    trials=(
        TrialSummary(index=0, status="complete", quantized=2, operators=3, accuracy=0.94, size_bytes=400_000),
        TrialSummary(index=1, status="failed", quantized=1, operators=3, error="boom"),
    ),
    hurts=(HurtSummary(ops=("conv1",), gain=0.02),),
    stop_reason="all 2 trials are used up",
    suggestions=("keep conv1 in float",),
    notes=("the data is small",),
    seconds=12.0,
)  # fmt: skip


def test_a_summary_survives_json() -> None:
    assert from_json(to_json(SUMMARY), Summary) == SUMMARY


def test_the_headline_says_whether_the_criterion_holds_and_what_was_gained() -> None:
    text = headline(SUMMARY)
    assert text.startswith("accuracy 0.9700 -> 0.9500, allowed 0.9603: NOT met")
    assert "1.60 MB -> 0.42 MB" in text
    assert "2.50x the fastest fp32 runtime here (onnxruntime) (faster)" in text


def test_every_part_is_in_the_tables() -> None:
    text = " ".join(to_text(render(SUMMARY)).split())
    for part in (
        "masks alone give no speed", "50.0%", "[2.40, 2.60]", "10.000 ms", "too_small: 100 conv1, conv0", "failed: boom", "2 of 3",
        "50.0% of the pruned weights, 40.0% of all prunable, 39.0% of the whole model", "also topk: 0.9900",
        "confirmed: 0.9600 -> 0.9550 on data that chose nothing", "conv1: +0.0200 when in float", "try: keep conv1 in float",
        "stopped because: all 2 trials are used up", "note: the data is small",
    ):  # fmt: skip
        assert part in text


def test_a_printed_result_fits_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    result = FitResult(handle=ModelHandle(framework="torch", native=None), summary=SUMMARY)
    for columns, widest in ((80, 80), (300, 110)):
        monkeypatch.setenv("COLUMNS", str(columns))
        assert widest - 25 < max(map(len, str(result).splitlines())) <= widest


def test_operators_are_counted_by_precision() -> None:
    assert SUMMARY.by_precision == {"fp32": 2, "int8": 1}


def test_small_sizes_are_in_kilobytes() -> None:
    assert [megabytes(size) for size in (26_400, 99_999, 100_000, 98_000_000)] == ["26.4 kB", "100.0 kB", "0.10 MB", "98.00 MB"]
