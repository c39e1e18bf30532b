# ruff: noqa: S101 - the suites are tests
"""The laws of ``roles.Trains``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from inc_config.errors import DataError

from inc_adaptors.batches import leaves, to_numpy
from inc_adaptors.hooks import NoHooks
from inc_adaptors.roles import Trains
from inc_adaptors.testing.case import Case, RecordingHooks, assert_close, assert_same

STEP = ("on_step_begin", "on_after_compute_loss", "on_before_optimizer_step", "on_after_optimizer_step", "on_step_end")


class _NoLoss(NoHooks):
    def on_after_compute_loss(self, inputs: Any, outputs: Any, loss: Any, teacher_outputs: Any = None) -> Any:
        return loss * 0.0


class TrainsConformance:
    """The framework's training loop with hooks."""

    def test_the_adaptor_has_the_role(self, case: Case) -> None:
        """``require`` finds it."""
        assert isinstance(case.adaptor, Trains)

    def test_hooks_are_called_in_the_documented_order(self, case: Case) -> None:
        """Steps are optimizer steps, counted from 0 over all epochs; epochs count from 0."""
        hooks = RecordingHooks()
        training = case.new_training(epochs=2, steps=None)
        case.adaptor.train(case.open(), training, hooks)
        per_epoch = len(list(training.loader))
        expected: list[tuple[str, int | None]] = [("on_train_begin", None)]
        for epoch in range(2):
            expected.append(("on_epoch_begin", epoch))
            for step in range(epoch * per_epoch, (epoch + 1) * per_epoch):
                expected += [(name, step if name == "on_step_begin" else None) for name in STEP]
            expected.append(("on_epoch_end", None))
        assert hooks.calls == [*expected, ("on_train_end", None)]

    def test_a_number_of_steps_is_kept(self, case: Case) -> None:
        """Within an epoch and over several; progress ends at the total."""
        per_epoch = len(list(case.new_training().loader))
        for steps in (2, per_epoch + 1):
            hooks, seen = RecordingHooks(), list[tuple[int, int]]()
            training = case.new_training(epochs=None, steps=steps)
            case.adaptor.train(case.open(), training, hooks, progress=lambda done, total, seen=seen: seen.append((done, total)))
            assert [number for name, number in hooks.calls if name == "on_step_begin"] == list(range(steps))
            assert [name for name, _ in hooks.calls].count("on_epoch_begin") == -(-steps // per_epoch)
            assert [name for name, _ in hooks.calls].count("on_epoch_end") == -(-steps // per_epoch)
            assert seen[-1] == (steps, steps)
            assert seen == sorted(seen)

    def test_training_lowers_the_loss_and_ends_in_evaluation_mode(self, case: Case) -> None:
        """And keeps the handle's framework."""
        hooks = RecordingHooks()
        trained = case.adaptor.train(case.open(), case.new_training(epochs=4, steps=None), hooks)
        quarter = len(hooks.losses) // 4
        assert np.mean(hooks.losses[-quarter:]) < np.mean(hooks.losses[:quarter])
        assert trained.framework == case.adaptor.name
        first = case.outputs(trained)
        assert_same(case.outputs(trained), first)

    def test_training_a_copy_leaves_the_original_bit_identical(self, case: Case) -> None:
        """A copy is independent."""
        original = case.open()
        before, outputs = case.adaptor.fingerprint(original), case.outputs(original)
        trained = case.adaptor.train(case.adaptor.copy(original), case.new_training(), NoHooks())
        assert case.adaptor.fingerprint(trained) != before
        assert case.adaptor.fingerprint(original) == before
        assert_same(case.outputs(original), outputs)

    def test_the_loss_that_hooks_return_is_the_one_differentiated(self, case: Case) -> None:
        """A loss made zero trains nothing (running averages aside)."""
        handle = case.open()
        optimizers: list[Any] = []
        training = case.new_training()
        make = training.optimizer

        def optimizer(parameters: Any) -> Any:
            held = list(parameters)
            optimizers.append([to_numpy(parameter).copy() for parameter in held])
            optimizers.append(held)
            return make(held)

        training.optimizer = optimizer
        case.adaptor.train(handle, training, _NoLoss())
        before, held = optimizers
        assert before
        assert all(np.array_equal(old, to_numpy(new)) for old, new in zip(before, held, strict=True))

    def test_the_optimizer_is_built_once(self, case: Case) -> None:
        """For all epochs."""
        training = case.new_training(epochs=3, steps=None)
        made: list[Any] = []
        make = training.optimizer

        def optimizer(parameters: Any) -> Any:
            made.append(make(parameters))
            return made[-1]

        training.optimizer = optimizer
        case.adaptor.train(case.open(), training, NoHooks())
        assert len(made) == 1

    def test_equal_seeds_train_equal_models(self, case: Case) -> None:
        """From equal models and data."""
        models = [case.adaptor.train(case.open(), case.new_training(), NoHooks()) for _ in range(2)]
        assert_close(case.outputs(models[0]), case.outputs(models[1]))

    def test_a_teacher_is_frozen_and_its_outputs_reach_the_hooks(self, case: Case) -> None:
        """It computes what its model computes, and training leaves it as it was."""
        native = case.make_model(1)
        teacher = case.adaptor.teacher(native)
        batch = case.batches[0]
        assert_close(tuple(to_numpy(leaf) for _, leaf in leaves(teacher(batch))), case.adaptor.predict(case.adaptor.open(native), batch))
        before = case.adaptor.fingerprint(case.adaptor.open(native))
        hooks = RecordingHooks()
        training = case.new_training()
        case.adaptor.train(case.open(), training, hooks, teacher=teacher)
        assert len(hooks.teacher_outputs) == len(list(training.loader))
        assert all(outputs is not None for outputs in hooks.teacher_outputs)
        assert case.adaptor.fingerprint(case.adaptor.open(native)) == before

    def test_no_teacher_gives_no_teacher_outputs(self, case: Case) -> None:
        """None, not an empty array."""
        hooks = RecordingHooks()
        case.adaptor.train(case.open(), case.new_training(), hooks)
        assert set(hooks.teacher_outputs) == {None}

    def test_no_data_is_refused(self, case: Case) -> None:
        """Before the first hook that could change something."""
        with pytest.raises(DataError):
            case.adaptor.train(case.open(), case.new_training(loader=[]), NoHooks())

    def test_a_loader_for_one_pass_is_refused_for_several_epochs(self, case: Case) -> None:
        """It would train one epoch and say two."""
        once = iter(list(case.new_training().loader))
        with pytest.raises(DataError):
            case.adaptor.train(case.open(), case.new_training(loader=once, epochs=2, steps=None), NoHooks())
