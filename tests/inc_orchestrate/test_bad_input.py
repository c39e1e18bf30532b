"""Bad input is refused before any work, with what, where and fix."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from inc_config import TuningConfig
from inc_config.errors import DataError, EvaluationError, IncError, MissingRoleError, ModelError, PlanError, StepError, StoreError
from inc_metrics import Accuracy
from inc_orchestrate import Distill, Evaluation, Pipeline, PipelineError, Progress, Prune, Quantize, Training, load
from torch import nn

Make = Callable[..., Training]


def never(*_: Any) -> Any:
    pytest.fail("work has started")


@pytest.fixture
def fit(digits: Any) -> Callable[..., Any]:
    def run(steps: list[Any], model: Any, **options: Any) -> Any:
        given = {"calibrate": digits.calibration, "evaluate": Evaluation(digits.evaluation[:1], Accuracy()), "benchmark": False}
        return Pipeline(steps, **(given | {"progress": Progress(quiet=True)} | options)).fit(model)

    return run


def refused(error: type[IncError], message: str, run: Callable[..., Any], *arguments: Any, **options: Any) -> None:
    with pytest.raises(error) as caught:
        run(*arguments, **options)
    assert message in str(caught.value)
    assert caught.value.where
    assert caught.value.fix


def test_unknown_models(fit: Callable[..., Any], tmp_path: Path) -> None:
    refused(ModelError, "dict", fit, [Quantize()], {"weights": 1})
    refused(ModelError, "absent.onnx", fit, [Quantize()], str(tmp_path / "absent.onnx"))


def test_orders_modes_and_trainings(fit: Callable[..., Any], model: nn.Module, training: Make) -> None:
    refused(StepError, "comes after step 0", fit, [Quantize(), Prune()], model, train=training())
    refused(StepError, "Unknown pipeline mode", fit, [Quantize()], model, mode="both")
    refused(StepError, "prune needs a training", fit, [Prune()], model)
    refused(StepError, "steps is a Quantize, not a list", fit, Quantize(), model)
    refused(StepError, "The device 'cuda:77' is not there", fit, [Prune()], model, train=training(device="cuda:77"))
    refused(
        StepError, "share one training, but 2 different", fit, [Prune(train=training()), Prune(train=training())], model, mode="one-shot"
    )


def test_teachers(fit: Callable[..., Any], model: nn.Module, training: Make, onnx_path: Path) -> None:
    refused(StepError, "Distill has no teacher", fit, [Distill()], model, train=training())
    refused(StepError, "The teacher is the student itself", fit, [Distill(teacher=model)], model, train=training())
    refused(StepError, "teacher is a onnxrt model, the student a torch model", fit, [Distill(teacher=onnx_path)], model, train=training())
    refused(StepError, "The teacher cannot run", fit, [Distill(teacher=nn.Linear(3, 10))], model, train=training())
    other = copy.deepcopy(model)
    other.head = nn.Linear(32, 12)
    refused(
        StepError, "outputs do not fit the student's: (50, 12) against (50, 10)", fit, [Distill(teacher=other)], model, train=training()
    )


def test_steps_the_adaptor_cannot_do(fit: Callable[..., Any], onnx_path: Path, training: Make) -> None:
    whole = "prune needs the role AccessesWeights, which the adaptor 'onnxrt' does not have"
    refused(PipelineError, whole, fit, [Prune()], onnx_path, train=training())
    refused(
        MissingRoleError, "prune needs the role AccessesWeights", fit, [Prune(end_step=1)], onnx_path, train=Training(loop=never, steps=5)
    )


def test_a_model_that_is_quantized_already(fit: Callable[..., Any], model: nn.Module, training: Make) -> None:
    quantized = fit([Quantize()], model).model
    refused(StepError, "A quantized model cannot be trained: conv2 computes on integers", fit, [Prune()], quantized, train=training())
    no_layers = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(256))
    refused(StepError, "no convolution or linear layer with a weight in float", fit, [Prune()], no_layers, train=training())
    whole = fit([Quantize(accuracy_loss=1.0)], nn.Sequential(nn.Flatten(), nn.Linear(256, 10))).model
    refused(PlanError, "already_quantized: its weight is int8", fit, [Quantize()], whole)


def test_schedules_and_targets_that_cannot_be_reached(fit: Callable[..., Any], model: nn.Module, training: Make) -> None:
    def prune(**options: Any) -> list[Any]:
        return [Prune(**options)]

    short = training(epochs=None, steps=10)
    refused(
        StepError,
        "would end at optimizer step 10, but the training has only 10 steps (0 to 9)",
        fit,
        prune(end_step=10),
        model,
        train=short,
    )
    refused(StepError, "length of the training is not known", fit, prune(), model, train=never)
    refused(StepError, "Sparsity 0.99 of conv1.weight cannot be reached", fit, prune(target_sparsity=0.99), model, train=short)
    refused(StepError, "Nothing to prune. conv1.weight: matches no include pattern", fit, prune(include="absent"), model, train=short)
    refused(StepError, "does not divide into blocks of 7x1", fit, prune(pattern="7x1"), model, train=short)
    refused(StepError, "snip_momentum has no option momentum", fit, prune(criterion={"snip_momentum": {"momentum": 1}}), model, train=short)
    refused(
        StepError, "decay must be a number in [0, 1), got 1.5", fit, prune(criterion={"snip_momentum": {"decay": 1.5}}), model, train=short
    )


def test_data(fit: Callable[..., Any], model: nn.Module, digits: Any, training: Make) -> None:
    inputs, _ = digits.calibration[0]
    refused(DataError, "needs calibration data", fit, [Quantize()], model, calibrate=None)
    refused(PipelineError, "no data to judge quantized models by", fit, [Quantize()], model, calibrate=None, evaluate=None)
    refused(DataError, "not a single batch", fit, [Quantize()], model, calibrate=[])
    refused(DataError, "A int is not a source of batches", fit, [Quantize()], model, calibrate=3)
    refused(DataError, "non-finite", fit, [Quantize()], model, calibrate=[inputs * float("nan")])
    refused(DataError, "can be read only once", fit, [Quantize()], model, evaluate=Evaluation(iter(digits.evaluation), Accuracy()))
    refused(DataError, "evaluation data is empty", fit, [Quantize()], model, evaluate=Evaluation([], Accuracy()))
    refused(DataError, "training data is empty", fit, [Prune()], model, train=Training([], len, len, epochs=1))
    refused(DataError, "can be read only once", fit, [Prune()], model, train=Training(iter([1]), len, len, epochs=3))
    unlabelled = Training([inputs], len, len, epochs=1)
    refused(DataError, "training batches have no targets", fit, [Prune(end_step=0)], model, train=unlabelled)


def test_batches_that_do_not_fit_show_both_sides(fit: Callable[..., Any], onnx_path: Path, digits: Any) -> None:
    inputs, _ = digits.calibration[0]
    for batch in (inputs[:, :, :8], inputs.double().long(), (inputs, inputs, inputs)):
        refused(
            DataError,
            "float32[?, 1, 16, 16]" if not isinstance(batch, tuple) else "model has inputs: x",
            fit,
            [Quantize()],
            onnx_path,
            calibrate=[batch],
        )


def test_evaluations(fit: Callable[..., Any], model: nn.Module) -> None:
    refused(EvaluationError, "returned None instead of a number", fit, [Quantize()], model, evaluate=lambda _: None)
    refused(EvaluationError, "returned nan", fit, [Quantize()], model, evaluate=lambda _: float("nan"))
    refused(EvaluationError, "raised KeyError", fit, [Quantize()], model, evaluate=lambda _: {}["top1"])
    refused(EvaluationError, "not a int", fit, [Quantize()], model, evaluate=3)
    refused(StepError, "benchmark= takes", fit, [Quantize()], model, benchmark="fast")


def test_nothing_quantizable_lists_the_reasons(fit: Callable[..., Any], model: nn.Module) -> None:
    refused(PlanError, "conv2 (Conv): excluded_by_user", fit, [Quantize(exclude=".*")], model)


def test_folders_that_cannot_be_written(fit: Callable[..., Any], model: nn.Module, training: Make, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("taken")
    refused(StoreError, "cannot be written", fit, [Quantize()], model, workspace=file / "below")
    refused(StoreError, "cannot be written", fit, [Quantize(tuning=TuningConfig(ledger=file / "below"))], model)
    result = fit([Prune()], model, train=training(epochs=1), evaluate=None, calibrate=None)
    refused(StoreError, "", result.save, file)


def test_several_faults_are_told_together_and_nothing_has_run(fit: Callable[..., Any], model: nn.Module) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    untouched = Training([1], never, never, epochs=1)
    with pytest.raises(PipelineError) as caught:
        fit([Prune(criterion="nope"), Distill(), Quantize()], model, train=untouched, calibrate=None, evaluate="accuracy", benchmark="fast")
    text = str(caught.value)
    for part in ("nope", "Distill has no teacher", "needs calibration data", "evaluate= takes", "benchmark= takes"):
        assert part in text
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_saved_folder_that_was_changed_or_given_another_model(
    fit: Callable[..., Any], model: nn.Module, training: Make, tmp_path: Path
) -> None:
    result = fit([Prune()], model, train=training(epochs=1), evaluate=None, calibrate=None)
    folder = result.save(tmp_path / "saved")
    refused(ModelError, "", load, folder)
    refused(ModelError, "", load, folder, model=nn.Linear(2, 2))
    refused(IncError, "", load, folder, model={"not": "a model"})
    target = next(folder.glob("*.safetensors"))
    content = bytearray(target.read_bytes())
    content[-1] ^= 1
    target.write_bytes(bytes(content))
    refused(StoreError, "SHA-256", load, folder, model=type(model)())
