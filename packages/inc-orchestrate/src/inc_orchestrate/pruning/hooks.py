"""Hooks that bring masks into any training loop, and hooks that keep them afterwards."""

from __future__ import annotations

from typing import Any

import numpy as np
from inc_adaptors.hooks import NoHooks
from inc_adaptors.roles import Weights
from inc_config.errors import StepError
from inc_config.pruning import PruneConfig
from numpy.typing import NDArray

from inc_orchestrate.pruning.criteria import resolve
from inc_orchestrate.pruning.masks import layouts, masks_at
from inc_orchestrate.pruning.schedule import Schedule
from inc_orchestrate.pruning.select import Selection


class KeepMasks(NoHooks):
    """Zero what masks cut after every optimizer step.

    Masks are re-applied at the first hook seen after the weights may have changed, so that a loop that calls only some hooks, or calls one
    twice, gives the same weights. Between the loss and its gradients weights stay as they are: autograd still needs them.
    """

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._changed = False
        self._step_is_open = False
        self._steps_are_told_apart = False

    @property
    def required(self) -> frozenset[str]:
        """The last moment before weights change; any later hook restores the masks."""
        return frozenset({"on_before_optimizer_step"})

    def on_step_begin(self, step: int) -> None:
        """Restore masks if no hook has been seen since the last optimizer step."""
        self._end_step()

    def on_after_compute_loss(self, inputs: Any, outputs: Any, loss: Any, teacher_outputs: Any = None) -> Any:
        """Close the last step; the loss is passed on unchanged."""
        self._step_is_open = False
        self._steps_are_told_apart = True
        return loss

    def on_before_optimizer_step(self) -> None:
        """Restore masks if no hook could since the last optimizer step, and remember that the weights are about to change."""
        self._restore()
        self._changed = True
        self._step_is_open = True

    def on_after_optimizer_step(self) -> None:
        """Zero what the masks cut."""
        self._end_step()

    def on_step_end(self) -> None:
        """Restore masks if the loop did not say that the optimizer has stepped."""
        self._end_step()

    def on_epoch_end(self) -> None:
        """Restore masks if the loop did not say that the optimizer has stepped."""
        self._restore()

    def on_train_end(self) -> None:
        """Restore masks if the loop did not say that the optimizer has stepped."""
        self._restore()

    def _end_step(self) -> None:
        self._steps_are_told_apart = True
        self._restore()

    def _restore(self) -> None:
        self._step_is_open = False
        if self._changed:
            self._changed = False
            self._weights.apply_masks()


class PruneHooks(KeepMasks):
    """Gather scores before each optimizer step, recompute masks when the schedule is due, apply them after.

    The schedule counts optimizer steps: a second ``on_before_optimizer_step`` with no other hook in between belongs to the same step, so
    a loop of several steps must call one more hook in each. ``steps_begun`` above 0 continues a training from a checkpoint.
    """

    def __init__(self, weights: Weights, *, selection: Selection, schedule: Schedule, config: PruneConfig, steps_begun: int = 0) -> None:
        super().__init__(weights)
        self._selection = selection
        self._schedule = schedule
        self._config = config
        self._layouts = layouts(selection, config)
        self._criterion = resolve(config.criterion)
        self._steps_begun = steps_begun
        self._was_repeated = False

    @property
    def required(self) -> frozenset[str]:
        """Also ``on_after_optimizer_step`` in a loop that repeats the hook before it and calls nothing that tells its steps apart."""
        lacks_end = self._was_repeated and not self._steps_are_told_apart
        return super().required | ({"on_after_optimizer_step"} if lacks_end else frozenset())

    @property
    def steps_begun(self) -> int:
        """How many optimizer steps have begun."""
        return self._steps_begun

    @property
    def is_complete(self) -> bool:
        """Whether the last mask update has been done."""
        return self._steps_begun > self._schedule.last_update

    def on_before_optimizer_step(self) -> None:
        """Fold gradients into the scores and, when due, choose new masks."""
        if self._step_is_open:
            self._was_repeated = True
            return
        super().on_before_optimizer_step()
        step = self._steps_begun
        self._steps_begun += 1
        if step > self._schedule.last_update:
            return
        if self._criterion.accumulates:
            self._weights.accumulate_scores(self._criterion.name, decay=self._criterion.decay)
        if self._schedule.is_due(step):
            self._weights.set_masks(self._masks(step))

    def _masks(self, step: int) -> dict[str, NDArray[np.bool_]]:
        self._weights.all_reduce()
        scores = self._weights.reduced_scores(self._criterion.name, self._layouts)
        broken = [name for name, value in scores.items() if not np.isfinite(value).all()]
        if broken:
            raise StepError(
                f"Scores of {', '.join(broken)} are NaN or infinite at optimizer step {step}: training has diverged.",
                where=f"step prune, criterion {self._criterion.name}",
                fix="lower the learning rate, clip gradients, or start pruning later (start_step)",
            )
        return masks_at(step, scores, selection=self._selection, schedule=self._schedule, config=self._config)
