"""Prune while training."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from inc_adaptors.handle import ModelHandle
from inc_adaptors.hooks import TrainingHooks
from inc_adaptors.roles import AccessesWeights, Trains, require
from inc_config.errors import IncError, StepError
from inc_config.frozen import FrozenMap
from inc_config.pruning import PruneConfig, PruneOverride, ScheduleKind
from numpy.typing import NDArray

from inc_orchestrate.pruning.criteria import resolve
from inc_orchestrate.pruning.hooks import PruneHooks
from inc_orchestrate.pruning.schedule import Schedule
from inc_orchestrate.pruning.select import Selection, select, unmatched
from inc_orchestrate.steps.protocol import Arrays, Facts, fault
from inc_orchestrate.training import Training
from inc_orchestrate.unused import changed_fields

_WHERE = "step prune"
_STEPS = "steps"
_MASK = "mask/"
_SETTINGS = frozenset(
    {
        "target_sparsity", "pattern", "criterion", "scope", "schedule", "start_step", "end_step", "frequency", "include", "exclude",
        "layer_types", "min_sparsity_per_op", "max_sparsity_per_op", "reduction", "overrides", "epochs",
        "training",
    }
)  # fmt: skip
_OVERRIDES = frozenset({"include", "exclude", "target_sparsity", "pattern"})


@attrs.frozen(kw_only=True)
class Prune(PruneConfig):
    """A ``PruneConfig`` with, if wanted, a training of its own."""

    train: Training | None = attrs.field(default=None, eq=False)

    @property
    def name(self) -> str:
        """As entry point and in tables."""
        return "prune"

    def check(self, facts: Facts) -> tuple[IncError, ...]:
        """Roles, criterion, schedule, selection and target."""
        found = [*fault(lambda: require(facts.adaptor, AccessesWeights, step=self.name))]
        if not facts.own_loop:
            found += fault(lambda: require(facts.adaptor, Trains, step=self.name))
        unknown = fault(lambda: resolve(self.criterion))
        found += unknown
        if facts.training is not None or facts.own_loop:
            found += self._schedule_faults(facts)
        if isinstance(facts.adaptor, AccessesWeights) and not unknown:
            selection = select(facts.adaptor.weights(facts.handle).prunable(), self)
            found += self._selection_faults(selection)
        return tuple(found)

    def start(self, facts: Facts, state: Arrays) -> PruneRun:
        """Begin pruning the model of ``facts``; ``state`` continues from ``state_arrays``."""
        return PruneRun(self, require(facts.adaptor, AccessesWeights, step=self.name), self.schedule_for(facts), state)

    def schedule_for(self, facts: Facts) -> Schedule:
        """The schedule in steps: ``epochs`` by the length of the data, ``end_step`` three quarters of the training unless it is given."""
        window, length = self.epochs, facts.steps_per_epoch
        if window is not None and length is not None:
            start, end, frequency = (epochs * length for epochs in (window.start, window.end, window.frequency))
            return Schedule(kind=self.schedule, start_step=start, end_step=end, frequency=frequency)
        total, end_step = facts.total_steps, self.end_step
        if end_step is None:
            end_step = self.start_step if total is None else max(self.start_step, min(total - 1, total * 3 // 4))
        return Schedule(kind=self.schedule, start_step=self.start_step, end_step=end_step, frequency=self.frequency)

    def _schedule_faults(self, facts: Facts) -> tuple[IncError, ...]:
        total = facts.total_steps
        if self.epochs is not None and facts.steps_per_epoch is None:
            what = "How many steps an epoch has is not known, so epochs cannot be counted."
            return (StepError(what, where=f"{_WHERE}, epochs", fix="give start_step, end_step and frequency, or a loader with a length"),)
        if total is None:
            if self.end_step is not None or self.schedule is ScheduleKind.ONE_SHOT:
                return ()
            what = "The length of the training is not known, so end_step cannot be chosen."
            return (StepError(what, where=f"{_WHERE}, end_step", fix="give Prune(end_step=...), or say how many steps the training has"),)
        last = self.schedule_for(facts).last_update
        if last < total:
            return ()
        what = f"Pruning would end at optimizer step {last}, but the training has only {total} steps (0 to {total - 1})."
        return (StepError(what, where=f"{_WHERE}, start_step and end_step", fix=f"set end_step below {total}, or train longer"),)

    def _selection_faults(self, selection: Selection) -> tuple[IncError, ...]:
        found: list[IncError] = []
        if not selection.chosen:
            found.append(_nothing_to_prune(selection))
        for choice in selection.chosen:
            if not self.min_sparsity_per_op <= choice.target_sparsity <= self.max_sparsity_per_op:
                low, high = self.min_sparsity_per_op, self.max_sparsity_per_op
                asked = f"Sparsity {choice.target_sparsity:g} of {choice.info.name}"
                fix = "change target_sparsity, min_sparsity_per_op or max_sparsity_per_op"
                found.append(
                    StepError(
                        f"{asked} cannot be reached: operators stay within {low:g} to {high:g}.",
                        where=f"{_WHERE}, target_sparsity",
                        fix=fix,
                    )
                )
                break
        return tuple(found)


class PruneRun:
    """Pruning within one training."""

    def __init__(self, config: Prune, access: AccessesWeights, schedule: Schedule, state: Arrays) -> None:
        self._config = config
        self._access = access
        self._schedule = schedule
        self._state = state
        self._hooks: PruneHooks | None = None
        self._selection = Selection(chosen=(), excluded=())

    def prepare(self, handle: ModelHandle) -> ModelHandle:
        """Nothing before the optimizer, but for the masks of a checkpoint."""
        restored = {name.removeprefix(_MASK): array.astype(np.bool_) for name, array in self._state.items() if name.startswith(_MASK)}
        return _with_masks(handle, restored)

    def hooks(self, handle: ModelHandle) -> TrainingHooks:
        """Hooks on this model's weights."""
        self._weights = self._access.weights(handle)
        self._selection = select(self._weights.prunable(), self._config)
        begun = int(self._state[_STEPS]) if _STEPS in self._state else 0
        self._hooks = PruneHooks(self._weights, selection=self._selection, schedule=self._schedule, config=self._config, steps_begun=begun)
        return self._hooks

    def extra_parameters(self) -> tuple[Any, ...]:
        """None."""
        return ()

    def finish(self, handle: ModelHandle) -> ModelHandle:
        """Take the masks into the handle and apply them once more."""
        masked = _with_masks(handle, self._weights.masks())
        self._access.weights(masked).apply_masks()
        return masked

    def state_arrays(self) -> dict[str, NDArray[Any]]:
        """Optimizer steps begun and masks; running scores start anew after a restart."""
        if self._hooks is None:
            return {}
        return {_STEPS: np.asarray(self._hooks.steps_begun)} | {_MASK + name: mask for name, mask in self._weights.masks().items()}

    def notes(self) -> tuple[str, ...]:
        """Weights left alone, and a schedule that the training did not finish."""
        left = [f"{name} has no effect in this version" for name in _without_effect(self._config)]
        if self._hooks is not None:
            left += [f"{setting} matches no weight" for setting in unmatched(self._weights.prunable(), self._config)]
        left += [f"not pruned: {excluded.name} ({excluded.reason})" for excluded in self._selection.excluded]
        if self._hooks is not None and not self._hooks.is_complete:
            left.append(
                f"pruning is incomplete: the training ended after {self._hooks.steps_begun} optimizer steps, "
                f"the schedule ends at step {self._schedule.last_update}"
            )
        return tuple(left)


def _nothing_to_prune(selection: Selection) -> StepError:
    if not selection.excluded:
        what = "Nothing to prune: the model has no convolution or linear layer with a weight in float."
        return StepError(what, where=_WHERE, fix="give a model that has some")
    reasons = "; ".join(f"{excluded.name}: {excluded.reason}" for excluded in selection.excluded)
    return StepError(f"Nothing to prune. {reasons}.", where=_WHERE, fix="change include, exclude, layer_types, pattern or criterion")


def _without_effect(config: PruneConfig) -> tuple[str, ...]:
    own = changed_fields(config, PruneConfig, but=_SETTINGS)
    of_overrides = (name for override in config.overrides for name in changed_fields(override, PruneOverride, but=_OVERRIDES))
    return (*own, *(f"overrides.{name}" for name in dict.fromkeys(of_overrides)))


def _with_masks(handle: ModelHandle, masks: dict[str, NDArray[np.bool_]]) -> ModelHandle:
    together = FrozenMap({**handle.state.masks, **masks})
    return attrs.evolve(handle, state=attrs.evolve(handle.state, masks=together))
