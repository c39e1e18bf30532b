import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inc_config.pruning import ScheduleKind
from inc_orchestrate.pruning.schedule import Schedule


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        # By hand for target 0.8 and four intervals, progress p = 0, 1/4, 1/2, 3/4, 1.
        (ScheduleKind.LINEAR, [0.0, 0.2, 0.4, 0.6, 0.8]),  # 0.8 p
        (ScheduleKind.CUBIC, [0.0, 0.0125, 0.1, 0.3375, 0.8]),  # 0.8 p^3: 0.8/64, 0.8/8, 0.8 * 27/64
        # 0.8 (1 - cos(p pi/2)) with cos of 22.5, 45, 67.5 degrees = 0.92387953, 0.70710678, 0.38268343
        (ScheduleKind.COSINE, [0.0, 0.06089638, 0.23431458, 0.49385326, 0.8]),
        # 1 - 0.2^p with 0.2^0.25 = 0.66874030, 0.2^0.5 = 0.44721360, 0.2^0.75 = 0.29906976
        (ScheduleKind.EXPONENTIAL, [0.0, 0.33125970, 0.55278640, 0.70093024, 0.8]),
    ],
)
def test_curves_have_the_values_worked_out_by_hand(kind: ScheduleKind, expected: list[float]) -> None:
    schedule = Schedule(kind=kind, start_step=10, end_step=18, frequency=2)
    assert [schedule.sparsity(step, 0.8) for step in (10, 12, 14, 16, 18)] == pytest.approx(expected, abs=1e-7)


def test_one_shot_jumps_to_the_target_at_its_start() -> None:
    schedule = Schedule(kind=ScheduleKind.ONE_SHOT, start_step=3, end_step=9)
    assert [schedule.is_due(step) for step in range(6)] == [False, False, False, True, False, False]
    assert [schedule.sparsity(step, 0.5) for step in (2, 3, 4)] == [0.0, 0.5, 0.5]


def test_an_end_between_two_updates_is_reached_by_the_update_before_it() -> None:
    schedule = Schedule(kind=ScheduleKind.LINEAR, start_step=0, end_step=7, frequency=3)
    assert schedule.last_update == 6
    assert [step for step in range(10) if schedule.is_due(step)] == [0, 3, 6]
    assert schedule.sparsity(6, 0.9) == 0.9


schedules = st.builds(
    lambda kind, start, length, frequency: Schedule(kind=kind, start_step=start, end_step=start + length, frequency=frequency),
    st.sampled_from(ScheduleKind),
    st.integers(0, 50),
    st.integers(0, 60),
    st.integers(1, 12),
)
targets = st.floats(0.0, 0.999)


@given(schedules, targets)
def test_sparsity_never_falls_and_ends_at_the_target(schedule: Schedule, target: float) -> None:
    values = [schedule.sparsity(step, target) for step in range(130)]
    assert all(a <= b for a, b in itertools.pairwise(values))
    assert values[0] >= 0.0
    assert values[schedule.last_update] == target


@given(schedules, targets)
def test_sparsity_changes_only_where_an_update_is_due(schedule: Schedule, target: float) -> None:
    due = [step for step in range(130) if schedule.is_due(step)]
    assert len(due) == schedule.updates
    for step in range(1, 130):
        if schedule.sparsity(step, target) != schedule.sparsity(step - 1, target):
            assert step in due
