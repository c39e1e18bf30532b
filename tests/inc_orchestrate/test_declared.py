"""Data, trainings and evaluations by name, and several documents as one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from inc_adaptors.detect import adaptor_for
from inc_config import (
    BenchmarkConfig,
    EpochWindow,
    EvaluationConfig,
    LoaderConfig,
    MetricConfig,
    Named,
    PipelineConfig,
    PruneConfig,
    QuantizeConfig,
    TrainingConfig,
)
from inc_config.errors import DataError, EvaluationError, StepError
from inc_orchestrate import Pipeline, Progress, Prune, Quantize, Training
from inc_orchestrate.configured import configured
from inc_orchestrate.declared import FirstBatches, evaluation_of, live_steps, loader_of, training_of
from PIL import Image
from torch import nn

SYNTHETIC = Named("Synthetic", {"inputs": {"shape": [4]}, "labels": {"shape": [], "dtype": "int64", "high": 3}, "samples": 10})
DATA = LoaderConfig(dataset=SYNTHETIC, batch_size=4)


@pytest.fixture(scope="module")
def adaptor() -> Any:
    return adaptor_for(nn.Linear(1, 1))


def test_a_loader_is_made_as_described() -> None:
    loader = loader_of(LoaderConfig(dataset=SYNTHETIC, batch_size=4, last_batch="discard", shuffle=True, seed=5), where="$")
    assert [len(labels) for _, labels in loader] == [4, 4]
    assert (loader.shuffle, loader.seed) == (True, 5)


def test_a_filter_keeps_images_with_so_many_boxes(tmp_path: Path) -> None:
    boxes = {"one.png": 1, "two.png": 2, "three.png": 2}
    images = [{"id": number, "file_name": name, "height": 8, "width": 8} for number, name in enumerate(boxes)]
    (tmp_path / "images").mkdir()
    for name in boxes:
        Image.new("RGB", (8, 8)).save(tmp_path / "images" / name)
    annotations = [
        {"id": 10 * number + box, "image_id": number, "category_id": 1, "bbox": [0, 0, 2, 2], "area": 4, "iscrowd": 0}
        for number, count in enumerate(boxes.values())
        for box in range(count)
    ]
    written = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "cat"}]}
    (tmp_path / "boxes.json").write_text(json.dumps(written))
    dataset = Named("COCORaw", {"root": str(tmp_path), "img_dir": "images", "anno_dir": "boxes.json"})
    for size, count in ((1, 1), (2, 2)):
        config = LoaderConfig(dataset=dataset, filter=Named("LabelBalance", {"size": size}), batch_size=1)
        assert len(loader_of(config, where="$").dataset) == count
    with pytest.raises(DataError, match=r"keeps no item[^$]*\$.calibration.filter"):
        loader_of(LoaderConfig(dataset=dataset, filter=Named("LabelBalance", {"size": 9})), where="$.calibration")
    with pytest.raises(DataError, match=r"\$.calibration.filter"):
        loader_of(LoaderConfig(dataset=SYNTHETIC, filter="LabelBalance"), where="$.calibration")


def test_the_first_batches_are_read_as_often_as_asked() -> None:
    few = FirstBatches([1, 2, 3], 2)
    assert [*few, *few] == [1, 2, 1, 2]
    assert len(few) == 2
    assert len(FirstBatches([1], 2)) == 1


def test_a_training_is_made_as_described(adaptor: Any) -> None:
    config = TrainingConfig(data=DATA, epochs=2, steps_per_epoch=2, device="cpu", seed=7)
    training = training_of(config, adaptor)
    assert (training.total_steps, training.steps_per_epoch, training.device, training.seed) == (4, 2, "cpu", 7)
    assert training_of(TrainingConfig(), adaptor, loader=[1, 2, 3]).total_steps == 3
    assert training_of(TrainingConfig(steps=9, data=DATA), adaptor).total_steps == 9
    with pytest.raises(StepError, match="The training has no data"):
        training_of(TrainingConfig(), adaptor)


def test_steps_with_equal_trainings_share_one(adaptor: Any) -> None:
    config = TrainingConfig(data=DATA)
    own = Training(loop=lambda model, hooks: None)
    steps = live_steps(
        [Prune(training=config), Prune(training=config), Prune(training=config, train=own), Quantize()], adaptor, loader=None
    )
    assert steps[0].train is steps[1].train is not None
    assert steps[2].train is own


def test_an_evaluation_needs_data_from_somewhere() -> None:
    config = EvaluationConfig(metrics=["accuracy", Named("topk", {"k": 2})], batches=2)
    assert evaluation_of(config) is None
    evaluation = evaluation_of(config, loader=[1, 2, 3])
    assert evaluation is not None
    assert list(evaluation.loader) == [1, 2]
    assert (evaluation.weights, evaluation.every) == (None, False)
    weighted = evaluation_of(EvaluationConfig(metrics=["accuracy", MetricConfig(metric="topk", weight=0.5)]), loader=[1])
    assert weighted is not None
    assert weighted.weights == (1.0, 0.5)
    same = EvaluationConfig(metrics=["accuracy", MetricConfig(metric="topk", higher_is_better=True)])
    assert evaluation_of(same, loader=[1]) is not None
    with pytest.raises(EvaluationError, match="higher is better"):
        evaluation_of(EvaluationConfig(metrics=["accuracy", MetricConfig(metric="topk", higher_is_better=False)]), loader=[1])
    assert [type(metric).__name__ for metric in evaluation.make_metrics()] == ["Accuracy", "TopK"]


def test_a_shift_of_labels_counts_in_the_evaluation(model: nn.Module, digits: Any) -> None:
    off_by_one = [(inputs[targets < 9], targets[targets < 9] + 1) for inputs, targets in digits.evaluation]
    step = Prune(
        target_sparsity=0.01, schedule="one-shot", training=TrainingConfig(steps=1, optimizer=Named("sgd", {"learning_rate": 1e-6}))
    )
    accuracies = []
    for postprocess in ((), (Named("LabelShift", {"label_shift": 1}),)):
        config = PipelineConfig(steps=[step], evaluation=EvaluationConfig(metrics="accuracy", postprocess=postprocess))
        made = Pipeline.from_config(config, train_loader=digits.train, evaluation_loader=off_by_one, progress=Progress(quiet=True))
        accuracies.append(made.fit(model).summary.accuracy.original)
    assert accuracies[0] < 0.2
    assert accuracies[1] > 0.9


def test_of_several_documents_every_section_is_the_first_that_has_it() -> None:
    first = PipelineConfig(steps=[PruneConfig()], training=TrainingConfig(epochs=1), mode="one-shot")
    second = PipelineConfig(steps=[QuantizeConfig()], calibration=DATA, benchmark=BenchmarkConfig(rounds=3))
    third = PipelineConfig(steps=[PruneConfig()], training=TrainingConfig(epochs=2), benchmark=BenchmarkConfig(rounds=5))
    found = configured([first, second], mode="multi-shot")
    assert (found.section("calibration"), found.section("benchmark").rounds) == (DATA, 3)
    assert [step.training for step in found.steps if isinstance(step, PruneConfig)] == [TrainingConfig(epochs=1)]
    assert found.notes == ()
    apart = configured([first, second, third], mode="multi-shot")
    assert [step.training.epochs for step in apart.steps if isinstance(step, PruneConfig)] == [1, 2]
    assert apart.notes == ("several documents have benchmark; the first one counts",)
    together = configured([first, second, third], mode=None)
    assert [step.training.epochs for step in together.steps if isinstance(step, PruneConfig)] == [1, 1]
    assert "share one training in one shot" in together.notes[-1]


def test_a_single_step_and_documents_and_live_steps_mix() -> None:
    live = Quantize()
    found = configured([PipelineConfig(steps=[PruneConfig()]), live], mode=None)
    assert found.steps == (PruneConfig(), live)
    assert configured(PruneConfig(), mode=None).steps == (PruneConfig(),)
    assert Pipeline.from_config(QuantizeConfig(), progress=Progress(quiet=True)).steps == (live,)


def test_epochs_become_steps_by_the_length_of_the_data(model: nn.Module, digits: Any, training: Any) -> None:
    step = Prune(target_sparsity=0.5, epochs=EpochWindow(start=1, end=2), schedule="linear")
    pipeline = Pipeline([step], train=training(epochs=3), progress=Progress(quiet=True))
    (stage,) = pipeline.fit(model).summary.stages
    assert stage.sparsity == pytest.approx(0.5, abs=0.2)
    with pytest.raises(StepError, match="Pruning would end at optimizer step 40"):
        Pipeline([step], train=training(epochs=2)).fit(model)
    unknown = Training((batch for batch in digits.train), nn.CrossEntropyLoss(), training().optimizer, epochs=1)
    with pytest.raises(StepError, match="How many steps an epoch has is not known"):
        Pipeline([step], train=unknown).fit(model)
