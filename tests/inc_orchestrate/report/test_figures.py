from __future__ import annotations

import pytest
from inc_orchestrate.report import figures


@pytest.mark.parametrize(
    ("metric", "value", "shown"),
    [
        ("accuracy", 0.76126, "76.13"),
        ("topk(k=5)", 1.0, "100.00"),
        ("top-1 agreement with the original (label-free)", 0.5, "50.00"),
        ("sqnr", 23.456789, "23.46"),
        ("mse", 0.0123456, "0.01235"),
        ("accuracy", None, "-"),
    ],
)
def test_fractions_are_shown_in_percent_and_other_metrics_in_their_own_unit(metric: str, value: float | None, shown: str) -> None:
    assert figures.score(metric, value) == shown


def test_a_change_of_a_fraction_is_given_in_points() -> None:
    assert figures.change("accuracy", 0.758, 0.761) == "-0.30 points"
    assert figures.change("mse", 0.25, 0.125) == "+0.125"
    assert figures.change("accuracy", None, 0.761) == "-"


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (374_769, "375 kB"), (97_800_000, "97.8 MB"), (1_320_000_000, "1.32 GB"), (None, "-")],
)
def test_sizes_have_three_digits_and_powers_of_1000(count: int | None, shown: str) -> None:
    assert figures.size(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.84, "0.8 s"), (42.4, "42 s"), (59.7, "1 min 0 s"), (185.0, "3 min 5 s"), (7440.0, "2 h 4 min")],
)
def test_durations_name_the_two_largest_units(seconds: float, shown: str) -> None:
    assert figures.duration(seconds) == shown


def test_latencies_are_milliseconds() -> None:
    assert [figures.latency(s) for s in (0.0000712, 0.01061, 2.35)] == ["0.0712", "10.6", "2350"]


def test_a_share_that_is_there_is_never_shown_as_nothing() -> None:
    assert [figures.percent(f) for f in (0.0, 0.0001, 0.123, 1.0)] == ["0.0 %", "<0.1 %", "12.3 %", "100.0 %"]
