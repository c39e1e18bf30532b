"""The main job on a real PyTorch model, in both modes."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from inc_adaptors.hooks import TrainingHooks
from inc_config import BenchmarkConfig, PruneConfig, PruneOverride, QuantizeConfig
from inc_config.distillation import DistillConfig
from inc_config.errors import StepError
from inc_config.pipeline import PipelineConfig
from inc_metrics import Accuracy
from inc_orchestrate import Distill, Evaluation, FitResult, LabelFree, Pipeline, Progress, Prune, Quantize, Training, load, load_result
from torch import nn

QUICK = BenchmarkConfig(warmup=1, rounds=3, min_round_s=0.005)
Make = Callable[..., Training]


def outputs(model: nn.Module, batches: list[Any]) -> np.ndarray:
    with torch.no_grad():
        return np.concatenate([model(inputs).numpy() for inputs, _ in batches])


def weights(model: nn.Module) -> dict[str, np.ndarray]:
    return {name: value.numpy().copy() for name, value in model.state_dict().items()}


def accuracy(model: nn.Module, batches: list[Any]) -> float:
    """Independent of our metrics."""
    return float(np.mean(outputs(model, batches).argmax(1) == np.concatenate([y.numpy() for _, y in batches])))


@pytest.mark.parametrize("mode", ["multi-shot", "one-shot"])
def test_prune_distill_quantize_save_load(mode: str, model: nn.Module, digits: Any, training: Make, tmp_path: Path) -> None:
    before, mode_before = weights(model), model.training
    result = Pipeline(
        [
            Prune(target_sparsity=0.5, pattern="4x1", criterion="snip_momentum"),
            Distill(teacher=copy.deepcopy(model)),
            Quantize(accuracy_loss=0.03),
        ],
        mode=mode,
        train=training(),
        calibrate=digits.calibration,
        evaluate=Evaluation(digits.evaluation, Accuracy()),
        benchmark=QUICK,
        progress=False,
    ).fit(model)
    summary = result.summary

    assert result.is_feasible
    assert summary.accuracy.original == pytest.approx(accuracy(model, digits.evaluation))
    assert summary.accuracy.final == pytest.approx(accuracy(result.model, digits.evaluation))
    assert summary.accuracy.limit == pytest.approx(0.97 * summary.accuracy.original)
    assert summary.by_precision.get("int8", 0) >= 1
    assert summary.size_after_bytes < summary.size_before_bytes
    assert [stage.name for stage in summary.stages] == (
        ["prune", "distill", "quantize"] if mode == "multi-shot" else ["prune + distill", "quantize"]
    )
    assert "masks alone give no speed" in summary.stages[0].gains[0]
    own, fastest = summary.latency
    assert own.against == "the model's own runtime in fp32 (torch)"
    assert fastest.against.startswith("the fastest fp32 runtime here")

    # Every layer but the head has a multiple of four outputs, so blocks of 4 x 1 tile them; the head is kept.
    masks = result.handle.state.masks
    assert sorted(masks) == ["conv1.weight", "conv2.weight", "fc1.weight"]
    cut = sum(int((~mask).sum()) for mask in masks.values())
    assert cut == 4 * int(0.5 * sum(mask.size for mask in masks.values()) / 4)
    assert summary.sparsity is not None
    assert summary.sparsity.pruned == pytest.approx(0.5, abs=1e-3)

    # The caller's model is as it was, to the bit.
    assert model.training == mode_before
    for name, value in weights(model).items():
        np.testing.assert_array_equal(value, before[name])

    result.save(tmp_path / "out")
    fresh = type(model)()
    again = load(tmp_path / "out", model=fresh)
    np.testing.assert_array_equal(outputs(again, digits.evaluation), outputs(result.model, digits.evaluation))
    restored = load_result(tmp_path / "out", model=type(model)())
    assert restored.summary == summary
    assert str(restored) == str(result)
    np.testing.assert_array_equal(restored.handle.state.masks["fc1.weight"], masks["fc1.weight"])


def test_masks_survive_a_later_training(model: nn.Module, trained: nn.Module, digits: Any, training: Make, quiet: Progress) -> None:
    result = Pipeline(
        [Prune(target_sparsity=0.6), Distill(teacher=copy.deepcopy(trained), train=training(epochs=3))], train=training(), progress=quiet
    ).fit(model)
    for name, mask in result.handle.state.masks.items():
        weight = result.model.get_parameter(name).detach().numpy()
        assert (weight[~mask] == 0.0).all()
        assert (weight[mask] != 0.0).mean() > 0.99
    assert result.summary.accuracy.metric == "not measured"
    assert result.summary.operators == ()


@pytest.mark.parametrize(("pattern", "per_group"), [("2:4", 2), ("1:4", 1)])
def test_n_of_m_cuts_consecutive_inputs(pattern: str, per_group: int, model: nn.Module, training: Make, quiet: Progress) -> None:
    config = Prune(target_sparsity=per_group / 4, pattern=pattern, include="fc1|conv2")
    result = Pipeline([config], train=training(epochs=1), progress=quiet).fit(model)
    fc1 = result.model.fc1.weight.detach().numpy()
    assert ((fc1.reshape(32, -1, 4) == 0).sum(axis=-1) == per_group).all()
    # Convolutions are seen as (out, kh, kw, in).
    conv2 = result.model.conv2.weight.detach().numpy().transpose(0, 2, 3, 1).reshape(16, -1, 4)
    assert ((conv2 == 0).sum(axis=-1) == per_group).all()
    left = " ".join(result.summary.notes)
    assert "conv1" in left


def test_without_an_evaluation_models_are_compared_with_the_original(model: nn.Module, digits: Any, quiet: Progress) -> None:
    batches = iter([inputs for inputs, _ in digits.calibration])
    result = Pipeline([Quantize(accuracy_loss=0.05)], calibrate=batches, benchmark=False, progress=quiet).fit(model)
    assert result.summary.accuracy.label_free
    assert "label-free" in result.summary.accuracy.metric
    assert result.summary.accuracy.original == 1.0
    assert result.summary.latency == ()


def test_dynamic_quantization_needs_no_calibration_data(digits: Any) -> None:
    torch.manual_seed(0)
    wide = nn.Sequential(nn.Flatten(), nn.Linear(256, 1024), nn.ReLU(), nn.Linear(1024, 10))
    evaluation = Evaluation(digits.evaluation, Accuracy())
    result = Pipeline([Quantize(approach="dynamic", accuracy_loss=0.9)], evaluate=evaluation, benchmark=QUICK, progress=False).fit(wide)
    assert result.summary.by_precision["int8 dynamic"] >= 1
    assert result.summary.latency


def test_an_evaluation_that_switches_modes_leaves_the_callers_model_alone(model: nn.Module, digits: Any) -> None:
    def evaluate(native: nn.Module) -> float:
        native.train()
        return 1.0

    evaluations: dict[str, Any] = {"evaluate": evaluate, "confirm": evaluate}
    Pipeline([Quantize()], calibrate=digits.calibration, benchmark=False, progress=False, **evaluations).fit(model)
    assert not model.training


def test_held_out_batches_and_confirmation_may_be_given(model: nn.Module, digits: Any, quiet: Progress) -> None:
    result = Pipeline(
        [Quantize(accuracy_loss=0.05)],
        calibrate=digits.calibration,
        evaluate=LabelFree([inputs for inputs, _ in digits.evaluation[:2]]),
        confirm=Evaluation(digits.evaluation[2:], Accuracy()),
        benchmark=False,
        progress=quiet,
    ).fit(model)
    assert result.summary.accuracy.samples == 200
    assert result.summary.accuracy.confirmed_original == pytest.approx(accuracy(model, digits.evaluation[2:]))
    assert result.summary.accuracy.confirmed == pytest.approx(accuracy(result.model, digits.evaluation[2:]))


def test_one_set_for_calibration_and_evaluation_is_noted(model: nn.Module, digits: Any, quiet: Progress) -> None:
    def fit(evaluation: list[Any]) -> FitResult:
        return Pipeline(
            [Quantize(accuracy_loss=0.5)],
            calibrate=digits.calibration,
            evaluate=Evaluation(evaluation, Accuracy()),
            benchmark=False,
            progress=Progress(quiet=True),
        ).fit(model)

    assert any("100 of 100 calibration samples are also evaluation samples" in note for note in fit(digits.calibration).summary.notes)
    assert not any("calibration samples" in note for note in fit(digits.evaluation[:1]).summary.notes)


def test_a_model_that_already_fails_is_said_before_tuning(model: nn.Module, trained: nn.Module, digits: Any, training: Make) -> None:
    progress = Progress(quiet=True)
    ruined = Prune(target_sparsity=0.97, schedule="one-shot", include=".*", start_step=19)
    result = Pipeline(
        [ruined, Quantize(accuracy_loss=0.001)],
        train=training(epochs=1),
        calibrate=digits.calibration,
        evaluate=Evaluation(digits.evaluation, Accuracy()),
        benchmark=False,
        progress=progress,
    ).fit(model)
    assert any("the model entering quantize already misses the criterion" in note for note in progress.notes)
    assert not result.is_feasible
    assert "NOT met" in str(result)


def test_the_stage_may_be_the_baseline(model: nn.Module, digits: Any, training: Make, quiet: Progress) -> None:
    ruined = Prune(target_sparsity=0.9, schedule="one-shot", start_step=19)
    result = Pipeline(
        [ruined, Quantize(accuracy_loss=0.1, baseline="stage")],
        train=training(epochs=1),
        calibrate=digits.calibration,
        evaluate=Evaluation(digits.evaluation, Accuracy()),
        benchmark=False,
        progress=quiet,
    ).fit(model)
    entering = result.summary.stages[0].accuracy
    assert entering is not None
    assert result.summary.accuracy.limit == pytest.approx(0.9 * entering)


def my_loop(digits: Any, *, calls: tuple[str, ...]) -> Callable[[nn.Module, TrainingHooks], None]:
    def loop(model: nn.Module, hooks: TrainingHooks) -> None:
        model.train()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for step, (inputs, targets) in enumerate(digits.train):
            if "begin" in calls:
                hooks.on_step_begin(step)
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(inputs), targets)
            loss.backward()
            if "before" in calls:
                hooks.on_before_optimizer_step()
            optimizer.step()
            if "after" in calls:
                hooks.on_after_optimizer_step()

    return loop


def test_the_users_own_loop_trains(model: nn.Module, digits: Any, quiet: Progress) -> None:
    own = Training(loop=my_loop(digits, calls=("begin", "before", "after")), steps=20)
    result = Pipeline([Prune(target_sparsity=0.5)], train=own, progress=quiet).fit(model)
    assert result.summary.sparsity is not None
    assert result.summary.sparsity.pruned == pytest.approx(0.5, abs=1e-3)


def test_a_loop_that_forgets_a_required_hook_is_an_error(model: nn.Module, digits: Any, quiet: Progress) -> None:
    own = Training(loop=my_loop(digits, calls=("begin",)), steps=20)
    with pytest.raises(StepError, match="never called on_before_optimizer_step"):
        Pipeline([Prune(target_sparsity=0.5)], train=own, progress=quiet).fit(model)


def test_a_training_that_ends_before_the_schedule_is_noted(model: nn.Module, digits: Any, quiet: Progress) -> None:
    own = Training(loop=my_loop(digits, calls=("before", "after")))
    result = Pipeline([Prune(target_sparsity=0.5, end_step=100)], train=own, progress=quiet).fit(model)
    assert any("pruning is incomplete: the training ended after 20 optimizer steps" in note for note in result.summary.notes)


def test_a_teacher_may_return_more_than_the_student(model: nn.Module, trained: nn.Module, training: Make, quiet: Progress) -> None:
    class Talkative(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = trained

        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"hidden": x.mean(dim=1), "logits": self.inner(x)}

    before, after = (
        Pipeline([Distill(teacher=teacher)], train=training(epochs=1), progress=quiet).fit(model) for teacher in (trained, Talkative())
    )
    for name, value in weights(after.model).items():
        np.testing.assert_array_equal(value, weights(before.model)[name])


def test_data_that_can_be_read_only_once_is_trained_on_whole(model: nn.Module, digits: Any, quiet: Progress) -> None:
    seen: list[torch.Tensor] = []

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        seen.append(targets)
        return nn.functional.cross_entropy(outputs, targets)

    once = Training(iter(digits.train[:4]), loss, lambda parameters: torch.optim.SGD(parameters, lr=0.01), epochs=1)
    Pipeline([Prune(end_step=2)], train=once, progress=quiet).fit(model)
    assert len(seen) == 4


def test_patterns_that_match_nothing_are_said(model: nn.Module, training: Make, quiet: Progress) -> None:
    step = Prune(include=["conv2", "konv1"], exclude="fc9", overrides=[PruneOverride(include="conv3", target_sparsity=0.1)])
    notes = "\n".join(Pipeline([step], train=training(epochs=1), progress=quiet).fit(model).summary.notes)
    for setting in ("include 'konv1'", "exclude 'fc9'", "overrides[0].include 'conv3'"):
        assert f"{setting} matches no weight" in notes
    assert "'conv2' matches no weight" not in notes


def test_configurations_become_the_same_pipeline(
    model: nn.Module, trained: nn.Module, digits: Any, training: Make, quiet: Progress
) -> None:
    config = PipelineConfig(
        steps=[PruneConfig(target_sparsity=0.3), DistillConfig(temperature=2.0), QuantizeConfig(accuracy_loss=0.5)], mode="one-shot"
    )
    pipeline = Pipeline.from_config(
        config,
        teacher=trained,
        train=training(epochs=1),
        calibrate=digits.calibration,
        evaluate=Evaluation(digits.evaluation, Accuracy()),
        benchmark=False,
        progress=quiet,
    )
    assert [type(step) for step in pipeline.steps] == [Prune, Distill, Quantize]
    assert [stage.name for stage in pipeline.fit(model).summary.stages] == ["prune + distill", "quantize"]


def test_translations_show_their_notes_and_lists_will_do() -> None:
    class Translation:
        config = (PruneConfig(),)
        notes = ("key x was dropped",)

    progress = Progress(quiet=True)
    assert [type(step) for step in Pipeline.from_config(Translation(), progress=progress).steps] == [Prune]
    assert progress.notes == ["key x was dropped"]
    assert [type(step) for step in Pipeline.from_config([QuantizeConfig()], mode="one-shot").steps] == [Quantize]
    with pytest.raises(StepError, match="Item 0 is a dict, which is no step's configuration"):
        Pipeline.from_config([{"kind": "prune"}])


def test_a_run_with_a_workspace_does_not_train_twice(model: nn.Module, digits: Any, training: Make, tmp_path: Path) -> None:
    losses: list[float] = []

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        found = nn.functional.cross_entropy(outputs, targets)
        losses.append(float(found.detach()))
        return found

    def fit(seed: int = 0) -> FitResult:
        return Pipeline(
            [Prune(target_sparsity=0.5), Quantize(accuracy_loss=0.5)],
            train=attrs.evolve(training(epochs=1, seed=seed), loss=loss),
            calibrate=digits.calibration,
            evaluate=Evaluation(digits.evaluation, Accuracy()),
            workspace=tmp_path,
            benchmark=False,
            progress=Progress(quiet=True),
        ).fit(model)

    first = fit()
    trained = len(losses)
    second = fit()
    assert len(losses) == trained > 0
    np.testing.assert_array_equal(outputs(second.model, digits.evaluation), outputs(first.model, digits.evaluation))
    assert len(second.summary.trials) == len(first.summary.trials)
    with pytest.raises(Exception, match="The workspace holds a training stage of another run"):
        fit(seed=1)


class Pair(nn.Module):
    """A model of two inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right, self.head = nn.Linear(20, 64), nn.Linear(12, 64), nn.Linear(64, 4)

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        mixed: torch.Tensor = self.head(torch.relu(self.left(left) + self.right(right)))
        return mixed


@pytest.mark.parametrize("form", ["flat", "nested", "dict"])
def test_models_of_several_inputs_take_their_batches_in_every_form(form: str, quiet: Progress) -> None:
    def batch() -> Any:
        left, right, target = torch.randn(8, 20), torch.randn(8, 12), torch.randint(0, 4, (8,))
        forms: dict[str, Any] = {
            "flat": (left, right, target), "nested": ((left, right), target), "dict": ({"right": right, "left": left}, target),
        }  # fmt: skip
        return forms[form]

    batches = [batch() for _ in range(6)]
    unlabelled = [each[:2] if form == "flat" else each[0] for each in batches] if form != "nested" else [each[:1] for each in batches]
    training = Training(batches, nn.functional.cross_entropy, lambda parameters: torch.optim.SGD(parameters, lr=0.05), epochs=2)
    steps = [Prune(target_sparsity=0.5), Distill(teacher=Pair()), Quantize(accuracy_loss=1.0)]
    evaluate = Evaluation(batches, Accuracy())
    result = Pipeline(steps, mode="one-shot", train=training, calibrate=unlabelled, evaluate=evaluate, benchmark=False, progress=quiet).fit(
        Pair()
    )
    assert result.summary.accuracy.samples == 48
    assert result.summary.sparsity is not None
    assert result.summary.sparsity.pruned == pytest.approx(0.5)


def test_settings_that_nothing_carries_out_are_said(model: nn.Module, training: Make) -> None:
    config = Prune(target_sparsity=0.3, initial_sparsity=0.1, overrides=[PruneOverride(include="fc1", scope="local")])
    result = Pipeline([config], train=training(epochs=1), progress=False).fit(model)
    assert "prune: initial_sparsity has no effect in this version" in result.summary.notes
    assert "prune: overrides.scope has no effect in this version" in result.summary.notes


def test_a_pattern_that_nothing_carries_out_is_an_error(model: nn.Module, training: Make) -> None:
    with pytest.raises(StepError, match="the pattern channelx1 is not offered yet"):
        Pipeline([Prune(pattern="channelx1")], train=training(epochs=1), progress=False).fit(model)
