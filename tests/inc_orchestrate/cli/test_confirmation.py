from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inc_config.tuning import AccuracyCriterion, LossKind
from inc_orchestrate.cli.confirmation import Confirmation, binary_interval, paired_interval


def test_the_interval_is_agresti_and_mins() -> None:
    # n = 100, 4 lost, 1 won. Cells + 1/2: b = 4.5, c = 1.5, n = 102. Middle (1.5 - 4.5) / 102 = -0.0294118; variance
    # (6 - 9 / 102) / 102^2 = 5.9117647 / 10404 = 5.682203e-4, root 0.02383737; times 1.9599640 = 0.04672038.
    low, high = binary_interval(lost=4, won=1, samples=100)
    assert low == pytest.approx(-0.0761321, abs=2e-7)
    assert high == pytest.approx(0.0173086, abs=2e-7)


@given(cells=st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(1, 500)).filter(lambda cells: cells[0] + cells[1] <= cells[2]))
def test_the_interval_is_never_a_point_and_turns_with_its_sides(cells: tuple[int, int, int]) -> None:
    lost, won, samples = cells
    low, high = binary_interval(lost=lost, won=won, samples=samples)
    assert -1.0 <= low < high <= 1.0
    assert binary_interval(lost=won, won=lost, samples=samples) == pytest.approx((-high, -low))


def test_right_and_wrong_answers_are_counted() -> None:
    differences = np.array([0.0] * 95 + [-1.0] * 4 + [1.0])
    assert paired_interval(differences) == binary_interval(lost=4, won=1, samples=100)


def test_other_differences_get_the_interval_of_a_mean() -> None:
    # 40 differences of +-0.5: mean 0, standard deviation 0.5 sqrt(40/39), half width 1.959964 * 0.506370 / sqrt(40) = 0.156923.
    differences = np.array([0.5, -0.5] * 20)
    assert paired_interval(differences) == pytest.approx((-0.156923, 0.156923), abs=1e-6)
    assert paired_interval(differences[:29]) is None


def test_it_is_told_in_points() -> None:
    told = str(Confirmation(metric="accuracy", original=0.761, final=0.758, samples=300, interval=(-0.006, 0.0)))
    assert told == "on 300 held-out samples: 76.10 -> 75.80 %, -0.30 points, 95% CI [-0.60, +0.00]"


@pytest.mark.parametrize(
    ("interval", "contradicts"),
    [((-0.05, -0.02), True), ((-0.05, -0.005), False), ((-0.001, 0.01), False), (None, False)],
)
def test_only_an_interval_that_lies_outside_contradicts_the_criterion(interval: tuple[float, float] | None, contradicts: bool) -> None:
    # One point may be lost.
    criterion = AccuracyCriterion(loss=0.01, kind=LossKind.ABSOLUTE)
    assert Confirmation(metric="accuracy", original=0.9, final=0.87, samples=9, interval=interval).contradicts(criterion) is contradicts
    if interval is not None:
        turned = Confirmation(metric="mse", original=0.9, final=0.93, samples=9, interval=(-interval[1], -interval[0]))
        lower = AccuracyCriterion(loss=0.01, kind=LossKind.ABSOLUTE, higher_is_better=False)
        assert turned.contradicts(lower) is contradicts
