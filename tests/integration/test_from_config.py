"""Pipelines from 1.x files and from documents of today, on digits that lie as images on the disk."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from inc_adaptors.detect import adaptor_for
from inc_config import EvaluationConfig, LoaderConfig, Named, PipelineConfig, PruneConfig, QuantizeConfig, TrainingConfig, load, to_python
from inc_config.compat import load_v1, translate
from inc_config.errors import DataError, EvaluationError, IncError, StepError
from inc_orchestrate import FitResult, Pipeline, Progress
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn

TRANSFORM = "{Resize: {size: [16, 16]}, ToTensor: {}}"


class Net(nn.Module):
    """Two convolutions heavy enough for integers, and two linear layers."""

    def __init__(self, channels: int = 24) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, channels, 5, padding=2)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.pool = nn.MaxPool2d(4)
        self.fc1 = nn.Linear(channels * 16, 32)
        self.head = nn.Linear(32, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(torch.relu(self.conv2(torch.relu(self.conv1(x)))))
        return self.head(torch.relu(self.fc1(x.flatten(1))))


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``train``, ``calibration`` and ``validation``, each a folder of classes with 8 x 8 images in colour."""
    root = tmp_path_factory.mktemp("digits")
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    parts = {"train": order[:600], "calibration": order[600:660], "validation": order[700:900]}
    for part, rows in parts.items():
        for row in rows:
            place = root / part / str(labels[row])
            place.mkdir(parents=True, exist_ok=True)
            grey = (images[row].reshape(8, 8) / 16 * 255).astype(np.uint8)
            Image.fromarray(grey).convert("RGB").save(place / f"{row}.png")
    return root


@pytest.fixture(scope="module")
def trained(folder: Path) -> nn.Module:
    """Trained by a document of today on the same data (above 90 %)."""
    torch.manual_seed(0)
    text = f"""
    steps: [{{kind: prune, target_sparsity: 0.01, schedule: one-shot}}]
    training:
      data:
        dataset: {{ImageFolder: {{root: {folder}/train}}}}
        transforms: [{{Resize: {{size: [16, 16]}}}}, ToTensor]
        batch_size: 50
        shuffle: true
      optimizer: {{adam: {{learning_rate: 3e-3}}}}
      epochs: 6
    """
    return fit(load(text), Net()).model


@pytest.fixture
def model(trained: nn.Module) -> nn.Module:
    return copy.deepcopy(trained)


@pytest.fixture(scope="module")
def onnx_path(trained: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    adaptor: Any = adaptor_for(trained)
    path = tmp_path_factory.mktemp("onnx") / "digits.onnx"
    adaptor.export_onnx(adaptor.open(trained), path, example_inputs=torch.zeros(2, 3, 16, 16))
    return path


def fit(config: Any, model: Any, **options: Any) -> FitResult:
    return Pipeline.from_config(config, **({"benchmark": False, "progress": Progress(quiet=True)} | options)).fit(model)


def loader_v1(folder: Path, part: str, *, batch_size: int = 50, shuffle: bool = False) -> str:
    dataset = f"{{ImageFolder: {{root: {folder}/{part}}}}}"
    return f"{{batch_size: {batch_size}, shuffle: {str(shuffle).lower()}, dataset: {dataset}, transform: {TRANSFORM}}}"


def ptq_v1(folder: Path, framework: str) -> str:
    return f"""
model:
  name: digits
  framework: {framework}
quantization:
  approach: post_training_static_quant
  calibration:
    sampling_size: 60
    dataloader: {loader_v1(folder, "calibration", batch_size=20)}
  op_wise: {{'conv1': {{weight: {{dtype: ['fp32']}}, activation: {{dtype: ['fp32']}}}}}}
tuning:
  accuracy_criterion:
    relative: 0.05
  exit_policy:
    max_trials: 5
evaluation:
  accuracy:
    metric: {{topk: 1}}
    dataloader: {loader_v1(folder, "validation")}
"""


def train_v1(folder: Path, criterion: str, *, epochs: int = 4) -> str:
    return f"""
  train:
    epoch: {epochs}
    optimizer: {{SGD: {{learning_rate: 0.01, momentum: 0.5}}}}
    criterion: {criterion}
    dataloader: {loader_v1(folder, "train", shuffle=True)}
"""


def prune_v1(folder: Path) -> str:
    return f"""
model: {{name: digits, framework: pytorch}}
pruning:{train_v1(folder, "{CrossEntropyLoss: {reduction: mean}}")}
  approach:
    weight_compression:
      initial_sparsity: 0.0
      target_sparsity: 0.6
      start_epoch: 0
      end_epoch: 1
      prune_type: basic_magnitude
      names: ['fc1.weight', 'conv2.weight']
evaluation:
  accuracy:
    metric: {{topk: 1}}
    dataloader: {loader_v1(folder, "validation")}
"""


def distill_v1(folder: Path) -> str:
    criterion = "{KnowledgeDistillationLoss: {temperature: 2.0, loss_types: ['CE', 'KL'], loss_weights: [0.5, 0.5]}}"
    return f"""
model: {{name: digits, framework: pytorch}}
distillation:{train_v1(folder, criterion, epochs=5)}
evaluation:
  accuracy:
    metric: {{topk: 1}}
    dataloader: {loader_v1(folder, "validation")}
"""


@pytest.mark.parametrize("framework", ["pytorch", "pytorch_fx"])
def test_a_1x_file_quantizes_a_torch_model(folder: Path, model: nn.Module, framework: str) -> None:
    summary = fit(translate(load_v1(ptq_v1(folder, framework))), model).summary
    assert summary.accuracy.original > 0.85
    assert summary.accuracy.final >= summary.accuracy.original * 0.95
    by_name = {row.op: row for row in summary.operators}
    assert by_name["conv2"].precision == "int8"
    assert by_name["conv1"].precision == "fp32"
    assert "constraint" in by_name["conv1"].reason


@pytest.mark.parametrize("framework", ["onnxrt_qlinearops", "onnxrt_qdq"])
def test_a_1x_file_quantizes_an_onnx_model(folder: Path, onnx_path: Path, framework: str) -> None:
    summary = fit(translate(load_v1(ptq_v1(folder, framework))), onnx_path).summary
    assert summary.accuracy.original > 0.85
    assert summary.accuracy.final >= summary.accuracy.original * 0.95
    assert sum(row.precision == "int8" for row in summary.operators) >= 2


def test_a_1x_file_prunes(folder: Path, model: nn.Module) -> None:
    result = fit(translate(load_v1(prune_v1(folder))), model)
    named = dict(result.model.named_parameters())
    zeros = {name: float((named[name] == 0).float().mean()) for name in ("fc1.weight", "conv2.weight", "head.weight", "conv1.weight")}
    assert zeros["fc1.weight"] > 0.5
    assert max(zeros["head.weight"], zeros["conv1.weight"]) < 0.05
    assert result.summary.accuracy.final > 0.8


def test_a_1x_file_distills(folder: Path, model: nn.Module, trained: nn.Module) -> None:
    torch.manual_seed(1)
    model.head.reset_parameters()  # type: ignore[operator]  # a Linear
    config = translate(load_v1(distill_v1(folder)))
    accuracy = fit(config, model, teacher=trained).summary.accuracy
    assert accuracy.original < 0.5
    assert accuracy.final > 0.75
    with pytest.raises(StepError, match="Distill has no teacher"):
        fit(config, model)


def test_two_1x_files_train_together_in_one_shot(folder: Path, model: nn.Module, trained: nn.Module) -> None:
    progress = Progress(quiet=True)
    both = [translate(load_v1(prune_v1(folder))), translate(load_v1(distill_v1(folder)))]
    result = fit(both, model, mode="one-shot", teacher=trained, progress=progress)
    assert [stage.name for stage in result.summary.stages] == ["prune + distill"]
    assert float((result.model.fc1.weight == 0).float().mean()) > 0.5
    assert any("share one training" in note for note in progress.notes)


def test_two_1x_files_one_after_the_other_keep_their_trainings(folder: Path, model: nn.Module, trained: nn.Module) -> None:
    both = [translate(load_v1(prune_v1(folder))), translate(load_v1(ptq_v1(folder, "pytorch")))]
    result = fit(both, model)
    assert [stage.name for stage in result.summary.stages] == ["prune", "quantize"]
    assert result.summary.accuracy.is_met


def test_quantization_aware_training_is_refused_before_any_work(folder: Path) -> None:
    qat = ptq_v1(folder, "pytorch").replace("post_training_static_quant", "quant_aware_training")
    translation = translate(load_v1(qat))
    with pytest.raises(StepError, match="The step 'quantize-aware' is not offered yet"):
        Pipeline.from_config([translate(load_v1(prune_v1(folder))), translation], mode="one-shot", progress=Progress(quiet=True))


def test_a_file_without_a_step_is_refused_at_its_place_unless_another_has_one(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "nas.yaml"
    path.write_text("model: {name: ofa, framework: pytorch}\nnas: {approach: basic}\n")
    search = translate(load_v1(path))
    with pytest.raises(StepError, match=r"There is no step.\n  where: \$\.nas in .*nas\.yaml, line 2\n  fix:   name at least one"):
        Pipeline.from_config(search, progress=Progress(quiet=True))
    with pytest.raises(StepError, match=r"There is no step.\n  where: \$\.steps\n"):
        Pipeline.from_config(load("steps: []"), progress=Progress(quiet=True))
    progress = Progress(quiet=True)
    pipeline = Pipeline.from_config([search, translate(load_v1(prune_v1(folder)))], progress=progress)
    assert [type(step).__name__ for step in pipeline.steps] == ["Prune"]
    assert any("nas: The search is not offered" in note for note in progress.notes)


def test_what_is_not_offered_is_told_with_the_place_in_the_old_file(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "qat.yaml"
    path.write_text(ptq_v1(folder, "pytorch").replace("post_training_static_quant", "quant_aware_training"))
    with pytest.raises(StepError, match=r"where: \$\.quantization\.approach in .*qat\.yaml, line 6\n"):
        Pipeline.from_config(translate(load_v1(path)), progress=Progress(quiet=True))
    two = [load("steps: [{kind: prune, progressive: true}]"), PruneConfig(low_memory=True)]
    with pytest.raises(IncError, match=r"\$\.steps\[0\]\.progressive of item 0[^$]*\$\.steps\[0\]\.low_memory of item 1"):
        Pipeline.from_config(two, progress=Progress(quiet=True))


def config_of(folder: Path) -> PipelineConfig:
    def loader(part: str) -> LoaderConfig:
        transforms = [Named("Resize", {"size": [16, 16]}), "ToTensor"]
        return LoaderConfig(dataset=Named("ImageFolder", {"root": str(folder / part)}), transforms=transforms, batch_size=50)

    return PipelineConfig(
        steps=[PruneConfig(target_sparsity=0.3, schedule="one-shot"), QuantizeConfig(accuracy_loss=0.1)],
        training=TrainingConfig(data=loader("train"), optimizer=Named("sgd", {"learning_rate": 0.01}), steps=4, steps_per_epoch=3),
        calibration=loader("calibration"),
        evaluation=EvaluationConfig(metrics=["accuracy", Named("topk", {"k": 2})], data=loader("validation"), batches=2),
        confirmation=EvaluationConfig(metrics="accuracy", data=loader("validation")),
    )


def test_the_printed_python_builds_the_same_pipeline(folder: Path, model: nn.Module) -> None:
    config = config_of(folder)
    names: dict[str, Any] = {}
    exec(to_python(config), names)
    assert names["config"] == config
    pipeline = names["pipeline"]
    assert [type(step).__name__ for step in pipeline.steps] == ["Prune", "Quantize"]
    result = fit(names["config"], model)
    assert result.summary.accuracy.samples == 100
    assert result.summary.accuracy.confirmed is not None
    assert len(result.summary.accuracy.others) == 1


def test_what_is_given_in_code_comes_first(folder: Path, model: nn.Module) -> None:
    batches = [(torch.zeros(4, 3, 16, 16), torch.zeros(4, dtype=torch.int64))]
    config = PipelineConfig(
        steps=[PruneConfig(target_sparsity=0.5, schedule="one-shot", training=TrainingConfig(steps=2))],
        evaluation=EvaluationConfig(metrics="accuracy"),
    )
    result = fit(config, model, train_loader=batches, evaluation_loader=batches)
    assert result.summary.accuracy.samples == 4
    with pytest.raises(StepError, match="The training has no data"):
        fit(config, model)
    assert Pipeline.from_config(config, evaluate=len).evaluate is len


@pytest.mark.parametrize(
    ("changes", "error", "what"),
    [
        (
            {"calibration": LoaderConfig(dataset=Named("ImageFolder", {"root": "/nowhere"}))},
            DataError,
            r"no such folder[^$]*\$.calibration.dataset",
        ),
        ({"calibration": LoaderConfig(dataset=Named("ImageFolder", {"rot": "."}))}, DataError, "no argument 'rot'"),
        ({"calibration": LoaderConfig(dataset=Named("Synthetic", {"inputs": {"shape": [3]}}), transforms=["Resize"])}, DataError, "Resize"),
        (
            {
                "evaluation": EvaluationConfig(
                    metrics=Named("topk", {"kk": 1}), data=LoaderConfig(dataset=Named("Synthetic", {"inputs": {"shape": [3]}}))
                )
            },
            EvaluationError,
            "cannot be made so",
        ),
        (
            {
                "evaluation": EvaluationConfig(
                    metrics=Named("COCOmAP", {"map_key": "all"}), data=LoaderConfig(dataset=Named("Synthetic", {"inputs": {"shape": [3]}}))
                )
            },
            EvaluationError,
            r"Unknown map_key 'all'[^$]*\$.evaluation.metrics\[0\]\n  fix:   one of DetectionBoxes_Precision/mAP",
        ),
        ({"steps": [PruneConfig(progressive=True)]}, StepError, r"progressive is not offered yet[^$]*\$.steps\[0\].progressive"),
        ({"steps": [PruneConfig(progressive=True, low_memory=True)]}, IncError, "2 faults"),
    ],
)
def test_what_cannot_be_made_is_told_with_its_place(folder: Path, changes: dict[str, Any], error: type[IncError], what: str) -> None:
    with pytest.raises(error, match=what):
        Pipeline.from_config(attrs.evolve(config_of(folder), **changes), progress=Progress(quiet=True))


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"loss": Named("mse", {"reduction": "none"})}, "Unknown reduction 'none'"),
        ({"loss": Named("mse", {"reduce": True})}, "mse has no argument 'reduce'"),
        ({"optimizer": Named("sgd", {"learning_rate": -1})}, "sgd: Invalid learning rate"),
    ],
)
def test_what_the_framework_cannot_make_is_told(folder: Path, model: nn.Module, changes: dict[str, Any], what: str) -> None:
    config = config_of(folder)
    with pytest.raises(StepError, match=what):
        fit(attrs.evolve(config, training=attrs.evolve(config.training, **changes)), model)


def test_an_onnx_model_cannot_train_by_names(folder: Path, onnx_path: Path) -> None:
    with pytest.raises(IncError, match="NamesTraining"):
        fit(config_of(folder), onnx_path)


def test_notes_are_told_and_what_is_beside_the_point_too(folder: Path) -> None:
    progress = Progress(quiet=True)
    document = load("{steps: [quantize], benchmark: {instances: 2, cores_per_instance: 1}}")
    Pipeline.from_config(document, progress=progress)
    assert progress.notes == [
        "$.benchmark.instances: instances is not offered yet.",
        "$.benchmark.cores_per_instance: cores_per_instance is not offered yet.",
    ]
