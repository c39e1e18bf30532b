from typing import Any

from inc_orchestrate.report.frontier import frontier_table, plot, waterfall
from inc_orchestrate.summary import AccuracySummary, GainSummary, Summary, TrialSummary


def summary(*trials: TrialSummary, **options: Any) -> Summary:
    accuracy = AccuracySummary(metric="accuracy", original=0.9, limit=0.85, final=0.88)
    return Summary(
        framework="onnxrt", target="t", accuracy=accuracy, size_before_bytes=4_000_000, size_after_bytes=1_000_000, trials=trials, **options
    )


def trial(index: int, accuracy: float, **options: Any) -> TrialSummary:
    return TrialSummary(index=index, status="complete", quantized=9 - index, operators=9, accuracy=accuracy, **options)


FAST = trial(0, 0.80, latency_s=0.001, size_bytes=1_000_000, on_frontier=True)
GOOD = trial(1, 0.90, latency_s=0.002, size_bytes=2_000_000, on_frontier=True, is_feasible=True)
POOR = trial(2, 0.82, latency_s=0.0015, size_bytes=3_000_000)


def test_corners_limit_and_marks_are_where_they_belong() -> None:
    title, *rows = plot(summary(FAST, GOOD, POOR))
    assert title == "accuracy % (up) over latency, ms per batch (right)"
    drawn = rows[:12]
    assert drawn[0] == f"{'90.00':>10} |{' ' * 55}*"
    assert drawn[11] == f"{'80.00':>10} |+"
    # The limit 0.85 is half-way: row round(0.5 * 11) = 6; POOR is at row round(0.8 * 11) = 9 and column round(0.5 * 55) = 28.
    assert drawn[6] == f"{'':>10} |{'-' * 56}"
    assert drawn[9] == f"{'':>10} |{' ' * 28}o"
    assert rows[13].split() == ["1", "2"]


def test_without_all_latencies_size_is_the_cost_and_one_trial_is_no_plot() -> None:
    unmeasured = trial(3, 0.85, size_bytes=2_500_000)
    assert "over size, MB" in plot(summary(FAST, unmeasured))[0]
    assert plot(summary(FAST)) == ()


def test_equal_trials_do_not_divide_by_zero() -> None:
    assert len(plot(summary(GOOD, GOOD))) == 16


def test_the_table_lists_the_frontier_alone() -> None:
    table = frontier_table(summary(FAST, GOOD, POOR))
    assert table.rows == (("1", "9 of 9", "80.00", "1 MB", "1", "outside"), ("2", "8 of 9", "90.00", "2 MB", "2", "inside"))


def test_the_waterfall_shows_gains_and_says_who_is_slower() -> None:
    shown = waterfall(summary(gains=(GainSummary(op="conv1", seconds=2e-5), GainSummary(op="gemm", seconds=-3e-6))))
    assert shown is not None
    assert [(bar.label, bar.value, bar.text) for bar in shown.bars] == [("conv1", 2e-5, "+20 us"), ("gemm", 0.0, "-3 us")]
    assert waterfall(summary()) is None
