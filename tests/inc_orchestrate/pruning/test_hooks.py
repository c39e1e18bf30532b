"""Hooks on a weight store small enough to follow by hand: one 4 x 4 matrix that an "optimizer" refills with ones."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inc_adaptors.roles import BlockLayout, WeightInfo
from inc_config import PruneConfig
from inc_config.errors import StepError
from inc_config.pruning import ScheduleKind
from inc_orchestrate.pruning.hooks import KeepMasks, PruneHooks
from inc_orchestrate.pruning.schedule import Schedule
from inc_orchestrate.pruning.select import select

INFO = WeightInfo(name="w", type="Linear", shape=(4, 4), matrix=(4, 4))


class Matrix:
    """Weight access for one numpy matrix."""

    def __init__(self) -> None:
        self.value = np.arange(1.0, 17.0, dtype=np.float32).reshape(4, 4)
        self.keep = np.ones((4, 4), dtype=bool)
        self.score = np.zeros((4, 4), dtype=np.float32)
        self.mask_updates = 0

    def prunable(self) -> tuple[WeightInfo, ...]:
        return (INFO,)

    def accumulate_scores(self, criterion: str, *, decay: float) -> None:
        self.score = decay * self.score + np.abs(self.value)

    def reduced_scores(self, criterion: str, layouts: Mapping[str, BlockLayout]) -> dict[str, np.ndarray]:
        rows, columns = layouts["w"].pattern.rows, layouts["w"].pattern.columns
        source = np.abs(self.value) if criterion == "magnitude" else self.score
        return {"w": source.reshape(4 // rows, rows, 4 // columns, columns).mean(axis=(1, 3))}

    def set_masks(self, masks: Mapping[str, np.ndarray]) -> None:
        self.mask_updates += 1
        mask = masks["w"]
        self.keep = np.kron(mask, np.ones((4 // mask.shape[0], 4 // mask.shape[1]), dtype=bool)).astype(bool)

    def apply_masks(self) -> None:
        self.value = self.value * self.keep

    def masks(self) -> dict[str, np.ndarray]:
        return {"w": self.keep}

    def all_reduce(self) -> None:
        pass


def pruning(matrix: Matrix, *, steps: int = 4, **options: object) -> PruneHooks:
    config = PruneConfig(**({"target_sparsity": 0.5, "include": "w"} | options))  # type: ignore[arg-type]  # options of several types
    schedule = Schedule(kind=ScheduleKind.LINEAR, start_step=0, end_step=steps)
    return PruneHooks(matrix, selection=select(matrix.prunable(), config), schedule=schedule, config=config)


def optimizer_step(matrix: Matrix) -> None:
    matrix.value = matrix.value + 1.0


def test_sparsity_follows_the_schedule_step_by_step() -> None:
    matrix = Matrix()
    hooks = pruning(matrix)
    seen = []
    for _ in range(6):
        hooks.on_before_optimizer_step()
        optimizer_step(matrix)
        hooks.on_after_optimizer_step()
        seen.append(int((matrix.value == 0).sum()))
    # Linear to 0.5 of 16 over four intervals, then unchanged.
    assert seen == [0, 2, 4, 6, 8, 8]
    assert hooks.is_complete


def test_blocks_of_four_rows_fall_together() -> None:
    matrix = Matrix()
    hooks = pruning(matrix, pattern="4x1", steps=1)
    for _ in range(2):
        hooks.on_before_optimizer_step()
        optimizer_step(matrix)
        hooks.on_after_optimizer_step()
    # Column means rise from left to right, so the two left columns go.
    assert (matrix.value == 0).tolist() == [[True, True, False, False]] * 4


LOOPS = ("on_step_begin", "on_after_compute_loss", "on_before_optimizer_step", "on_after_optimizer_step", "on_step_end")


def run(matrix: Matrix, hooks: KeepMasks, calls: tuple[tuple[str, int], ...], steps: int = 5) -> None:
    for step in range(steps):
        for name, times in calls:
            for _ in range(times):
                if name == "on_step_begin":
                    hooks.on_step_begin(step)
                elif name == "on_after_compute_loss":
                    assert hooks.on_after_compute_loss("x", "y", 3.5) == 3.5
                else:
                    getattr(hooks, name)()
            if name == "on_before_optimizer_step":
                optimizer_step(matrix)
    hooks.on_train_end()


@given(st.lists(st.integers(0, 3), min_size=5, max_size=5), st.sampled_from(["magnitude", "snip_momentum"]))
def test_duplicate_and_missing_hooks_give_the_same_weights(times: list[int], criterion: str) -> None:
    times[2] = max(times[2], 1)  # the required hook
    if not any(times[i] for i in (0, 1, 3, 4)):
        times[4] = 1  # a loop that calls nothing else cannot tell one step from the next
    reference, varied = Matrix(), Matrix()
    run(reference, pruning(reference, criterion=criterion), tuple((name, 1) for name in LOOPS))
    run(varied, pruning(varied, criterion=criterion), tuple(zip(LOOPS, times, strict=True)))
    np.testing.assert_array_equal(varied.value, reference.value)
    assert varied.mask_updates == reference.mask_updates


def test_masks_are_recomputed_once_per_step() -> None:
    matrix = Matrix()
    hooks = pruning(matrix, steps=2)
    run(matrix, hooks, (("on_before_optimizer_step", 3), ("on_after_optimizer_step", 2)), steps=5)
    assert matrix.mask_updates == 3  # steps 0, 1 and 2


def test_a_loop_whose_steps_cannot_be_told_apart_lacks_a_hook() -> None:
    once, each_step, with_epochs = pruning(Matrix()), pruning(Matrix()), pruning(Matrix())
    once.on_before_optimizer_step()
    assert once.required == {"on_before_optimizer_step"}
    for _ in range(2):
        each_step.on_before_optimizer_step()
        with_epochs.on_before_optimizer_step()
        with_epochs.on_before_optimizer_step()
        with_epochs.on_epoch_end()
    assert each_step.required == with_epochs.required == {"on_before_optimizer_step", "on_after_optimizer_step"}


def test_scores_that_are_not_finite_are_named() -> None:
    matrix = Matrix()
    matrix.value[0, 0] = np.nan
    with pytest.raises(StepError, match="Scores of w are NaN or infinite at optimizer step 0"):
        pruning(matrix).on_before_optimizer_step()


def test_kept_masks_hold_in_a_later_training() -> None:
    matrix = Matrix()
    matrix.keep[:, 0] = False
    matrix.apply_masks()
    run(matrix, KeepMasks(matrix), (("on_before_optimizer_step", 1), ("on_step_end", 1)))
    assert (matrix.value[:, 0] == 0).all()
    assert (matrix.value[:, 1:] > 0).all()
