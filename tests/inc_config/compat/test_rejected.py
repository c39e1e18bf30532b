"""The inputs that the 1.x reader refused, one by one: each is refused here with its path, line, value and what to write instead."""

import pytest
from inc_config import ConfigError
from inc_config.compat import load_v1

MODEL = "model: {name: net, framework: pytorch}\n"
LOADER = "evaluation:\n  accuracy:\n    metric: {topk: 1}\n    dataloader:\n"
TRAIN = "pruning:\n  train:\n    optimizer: {SGD: {learning_rate: 0.1}}\n"
COMPRESS = "pruning:\n  approach:\n    weight_compression:\n"
DATA = "      dataset: {ImageFolder: {root: a}}\n"


def tuning(text):
    return f"{MODEL}tuning:\n  {text}\n"


def metric(text):
    return f"{MODEL}evaluation:\n  accuracy:\n    metric: {text}\n"


def transform(text):
    return f"{MODEL}{LOADER}{DATA}      transform:\n        {text}\n"


def criterion(text):
    return f"{MODEL}{TRAIN}    criterion:\n      {text}\n"


def quantization(text):
    return f"{MODEL}quantization:\n  {text}\n"


REJECTED = {
    "missing model": ("version: 1.0\nquantization: {approach: post_training_static_quant}\n", "$", 1),
    "an empty file": ("", "$", 1),
    "missing name": ("model:\n  framework: pytorch\n", "$.model", 2),
    "missing framework": ("model:\n  name: net\n", "$.model", 2),
    "unknown framework": ("model:\n  name: net\n  framework: caffe\n", "$.model.framework", 3),
    "differently cased framework": ("model:\n  name: net\n  framework: PyTorch\n", "$.model.framework", 3),
    "unknown key at the top": (f"{MODEL}quantisation: {{}}\n", "$.quantisation", 2),
    "unknown key in a section": ("model: {name: net, framework: pytorch, path: a}\n", "$.model.path", 1),
    "unknown key deep inside": (f"{MODEL}quantization: {{calibration: {{size: 1}}}}\n", "$.quantization.calibration.size", 2),
    "version 2.0": (f"version: 2.0\n{MODEL}", "$.version", 1),
    "a version that is no number": (f"version: new\n{MODEL}", "$.version", 1),
    "device tpu": (f"{MODEL}device: tpu\n", "$.device", 2),
    "relative and absolute": (tuning("accuracy_criterion: {relative: 0.01, absolute: 0.01}"), "$.tuning.accuracy_criterion", 3),
    "neither relative nor absolute": (tuning("accuracy_criterion: {}"), "$.tuning.accuracy_criterion", 3),
    "an empty criterion": (tuning("accuracy_criterion:"), "$.tuning.accuracy_criterion", 3),
    "higher_is_better alone": (tuning("accuracy_criterion: {higher_is_better: True}"), "$.tuning.accuracy_criterion", 3),
    "relative as int": (tuning("accuracy_criterion: {relative: 1}"), "$.tuning.accuracy_criterion.relative", 3),
    "relative as numeric string": (tuning("accuracy_criterion: {relative: '0.01'}"), "$.tuning.accuracy_criterion.relative", 3),
    "absolute as numeric string": (tuning("accuracy_criterion: {absolute: '0.01'}"), "$.tuning.accuracy_criterion.absolute", 3),
    "unknown strategy": (tuning("strategy: {name: lazy}"), "$.tuning.strategy.name", 3),
    "capitalised strategy": (tuning("strategy: {name: Basic}"), "$.tuning.strategy.name", 3),
    "strategy without name": (tuning("strategy: {accuracy_weight: 1.0}"), "$.tuning.strategy", 3),
    "float timeout": (tuning("exit_policy: {timeout: 0.5}"), "$.tuning.exit_policy.timeout", 3),
    "string for a bool": (tuning("exit_policy: {performance_only: 'True'}"), "$.tuning.exit_policy.performance_only", 3),
    "unknown objective": (tuning("objective: speed"), "$.tuning.objective", 3),
    "objectives and weights as strings": (
        tuning("multi_objectives: {objective: 'accuracy, performance', weight: '0.5 0.5'}"),
        "$.tuning.multi_objectives.weight",
        3,
    ),
    "fewer weights than objectives": (
        tuning("multi_objectives: {objective: [accuracy, performance], weight: [1.0]}"),
        "$.tuning.multi_objectives.weight",
        3,
    ),
    "more directions than objectives": (
        tuning("multi_objectives: {objective: [accuracy], higher_is_better: [True, False]}"),
        "$.tuning.multi_objectives.higher_is_better",
        3,
    ),
    "topk 3": (metric("{topk: 3}"), "$.evaluation.accuracy.metric.topk", 4),
    "topk without a number": (metric("{topk: }"), "$.evaluation.accuracy.metric.topk", 4),
    "unknown metric": (metric("{accuracy: }"), "$.evaluation.accuracy.metric.accuracy", 4),
    "iou_thrs 1.5": (metric("{mAP: {iou_thrs: 1.5}}"), "$.evaluation.accuracy.metric.mAP.iou_thrs", 4),
    "map_points 5": (metric("{mAP: {map_points: 5}}"), "$.evaluation.accuracy.metric.mAP.map_points", 4),
    "output_index_mapping without boxes": (
        metric("{COCOmAPv2: {output_index_mapping: {scores: 1, classes: 2}}}"),
        "$.evaluation.accuracy.metric.COCOmAPv2.output_index_mapping",
        4,
    ),
    "dataloader without dataset": (f"{MODEL}{LOADER}      batch_size: 1\n", "$.evaluation.accuracy.dataloader", 6),
    "batch_size 0": (f"{MODEL}{LOADER}      batch_size: 0\n{DATA}", "$.evaluation.accuracy.dataloader.batch_size", 6),
    "unknown dataset": (f"{MODEL}{LOADER}      dataset: {{Cifar: {{root: a}}}}\n", "$.evaluation.accuracy.dataloader.dataset.Cifar", 6),
    "last_batch drop": (f"{MODEL}{LOADER}      last_batch: drop\n{DATA}", "$.evaluation.accuracy.dataloader.last_batch", 6),
    "Resize without size": (transform("Resize: {}"), "$.evaluation.accuracy.dataloader.transform.Resize", 8),
    "Normalize with int mean": (transform("Normalize: {mean: [0, 0, 0]}"), "$.evaluation.accuracy.dataloader.transform.Normalize.mean", 8),
    "an argument for ToTensor": (transform("ToTensor: {size: 1}"), "$.evaluation.accuracy.dataloader.transform.ToTensor.size", 8),
    "unknown approach": (quantization("approach: static"), "$.quantization.approach", 3),
    "weight algorithm kl": (quantization("model_wise: {weight: {algorithm: kl}}"), "$.quantization.model_wise.weight.algorithm", 3),
    "op_wise scalar dtype": (
        quantization("op_wise: {conv1: {weight: {dtype: int8}}}"),
        "$.quantization.op_wise.conv1.weight.dtype",
        3,
    ),
    "op_wise int4": (quantization("op_wise: {conv1: {weight: {dtype: [int4]}}}"), "$.quantization.op_wise.conv1.weight.dtype", 3),
    "bit 8.0": (quantization("model_wise: {weight: {bit: 8.0}}"), "$.quantization.model_wise.weight.bit", 3),
    "bit as int": (quantization("model_wise: {weight: {bit: 7}}"), "$.quantization.model_wise.weight.bit", 3),
    "sampling_size float": (quantization("calibration: {sampling_size: 10.5}"), "$.quantization.calibration.sampling_size", 3),
    "unknown recipe": (quantization("recipes: {smooth_quant: True}"), "$.quantization.recipes.smooth_quant", 3),
    "train without criterion": (f"{MODEL}{TRAIN}", "$.pruning.train", 4),
    "two optimizers": (
        f"{MODEL}pruning: {{train: {{optimizer: {{Adam: , SGD: {{learning_rate: 0.1}}}}, criterion: {{CrossEntropyLoss: }}}}}}\n",
        "$.pruning.train.optimizer",
        2,
    ),
    "unknown reduction": (criterion("CrossEntropyLoss: {reduction: None_}"), "$.pruning.train.criterion.CrossEntropyLoss.reduction", 6),
    "start_epoch after end_epoch": (
        f"{MODEL}{TRAIN}    criterion: {{CrossEntropyLoss: }}\n    start_epoch: 3\n    end_epoch: 2\n",
        "$.pruning.train.start_epoch",
        6,
    ),
    "int sparsity": (f"{MODEL}{COMPRESS}      target_sparsity: 0\n", "$.pruning.approach.weight_compression.target_sparsity", 5),
    "initial above target": (
        f"{MODEL}{COMPRESS}      target_sparsity: 0.1\n      initial_sparsity: 0.2\n",
        "$.pruning.approach.weight_compression.initial_sparsity",
        6,
    ),
    "target 1.0": (f"{MODEL}{COMPRESS}      target_sparsity: 1.0\n", "$.pruning.approach.weight_compression.target_sparsity", 5),
    "pruners as plain dicts": (
        f"{MODEL}{COMPRESS}      pruners:\n        - prune_type: basic_magnitude\n",
        "$.pruning.approach.weight_compression.pruners[0]",
        6,
    ),
    "pruners as a mapping": (
        f"{MODEL}{COMPRESS}      pruners: {{a: 1}}\n",
        "$.pruning.approach.weight_compression.pruners",
        5,
    ),
    "unknown tag": (f"{MODEL}{COMPRESS}      pruners:\n        - !PatternLockPruner {{}}\n", "$", 6),
    "unknown Pruner argument": (
        f"{MODEL}{COMPRESS}      pruners:\n        - !Pruner {{kind: a}}\n",
        "$.pruning.approach.weight_compression.pruners[0].kind",
        6,
    ),
    "update_frequency int": (f"{MODEL}{COMPRESS}      update_frequency: 2\n", "$.pruning.approach.weight_compression.update_frequency", 5),
    "KD temperature int": (
        criterion("KnowledgeDistillationLoss: {temperature: 1}"),
        "$.pruning.train.criterion.KnowledgeDistillationLoss.temperature",
        6,
    ),
    "KD weights that do not sum to 1": (
        criterion("KnowledgeDistillationLoss: {loss_weights: [0.5, 0.6]}"),
        "$.pruning.train.criterion.KnowledgeDistillationLoss.loss_weights",
        6,
    ),
    "KD weights below 0": (
        criterion("KnowledgeDistillationLoss: {loss_weights: [-0.5, 1.5]}"),
        "$.pruning.train.criterion.KnowledgeDistillationLoss.loss_weights",
        6,
    ),
    "KD with three types and two weights": (
        criterion("KnowledgeDistillationLoss: {loss_types: [CE, KL, MSE], loss_weights: [0.5, 0.5]}"),
        "$.pruning.train.criterion.KnowledgeDistillationLoss.loss_weights",
        6,
    ),
    "layer mapping of 3": (
        criterion("IntermediateLayersKnowledgeDistillationLoss: {layer_mappings: [[a, b, c]]}"),
        "$.pruning.train.criterion.IntermediateLayersKnowledgeDistillationLoss.layer_mappings",
        6,
    ),
    "self-distillation weight 1": (
        criterion("SelfKnowledgeDistillationLoss: {layer_mappings: [[a, b]], loss_weights: [1.0]}"),
        "$.pruning.train.criterion.SelfKnowledgeDistillationLoss.loss_weights",
        6,
    ),
    "self-distillation of three outputs": (
        criterion("SelfKnowledgeDistillationLoss: {layer_mappings: [[a, b, c]]}"),
        "$.pruning.train.criterion.SelfKnowledgeDistillationLoss.layer_mappings",
        6,
    ),
    "mixed_precision int8": (f"{MODEL}mixed_precision: {{precisions: int8}}\n", "$.mixed_precision.precisions", 2),
    "graph_optimization fp16": (f"{MODEL}graph_optimization: {{precisions: fp16}}\n", "$.graph_optimization.precisions", 2),
    "conversion source PTQ": (f"{MODEL}model_conversion: {{source: PTQ, destination: default}}\n", "$.model_conversion.source", 2),
    "cores_per_instance 0": (
        f"{MODEL}evaluation: {{performance: {{configs: {{cores_per_instance: 0}}}}}}\n",
        "$.evaluation.performance.configs.cores_per_instance",
        2,
    ),
    "diagnosis bool": (tuning("diagnosis: True"), "$.tuning.diagnosis", 3),
    "loss_weights split at commas": (
        tuning("multi_objectives: {objective: [accuracy, performance], weight: '0.3, 0.7'}"),
        "$.tuning.multi_objectives.weight",
        3,
    ),
    "a multi_metrics weight too few": (
        f"{MODEL}evaluation: {{accuracy: {{multi_metrics: {{topk: 1, MSE: , weight: [1.0]}}}}}}\n",
        "$.evaluation.accuracy.multi_metrics.weight",
        2,
    ),
    "a list as multi_metrics": (f"{MODEL}evaluation: {{accuracy: {{multi_metrics: 3}}}}\n", "$.evaluation.accuracy.multi_metrics", 2),
    "lpot keys without magnitude": (f"{MODEL}pruning: {{start_epoch: 0}}\n", "$.pruning.start_epoch", 2),
    "lpot keys without magnitude in a file for lpot": (f"# lpot\n{MODEL}pruning: {{frequency: 2}}\n", "$.pruning.frequency", 3),
    "lpot pruning in no time": (
        f"{MODEL}pruning: {{magnitude: {{p: {{}}}}, start_epoch: 2, end_epoch: 2, init_sparsity: 0.0, target_sparsity: 0.5}}\n",
        "$.pruning.end_epoch",
        2,
    ),
    "nas approach": (f"{MODEL}nas: {{approach: random}}\n", "$.nas.approach", 2),
    "nas trials": (f"{MODEL}nas: {{search: {{max_trials: 0}}}}\n", "$.nas.search.max_trials", 2),
    "auto_distillation without search": (f"{MODEL}auto_distillation: {{}}\n", "$.auto_distillation", 2),
    "a text for a section": (f"{MODEL}quantization: static\n", "$.quantization", 2),
    "a text for a dataset": (f"{MODEL}{LOADER}      dataset: ImageFolder\n", "$.evaluation.accuracy.dataloader.dataset", 6),
    "an empty metric": (metric("{}"), "$.evaluation.accuracy.metric", 4),
    "a number for arguments": (transform("ToTensor: 3"), "$.evaluation.accuracy.dataloader.transform.ToTensor", 8),
    "a number for arguments of Resize": (transform("Resize: 3"), "$.evaluation.accuracy.dataloader.transform.Resize", 8),
    "a text for operators": (quantization("op_wise: conv1"), "$.quantization.op_wise", 3),
    "no name": ("model: {name: , framework: pytorch}\n", "$.model.name", 1),
    "a flag as name": ("model: {name: yes, framework: pytorch}\n", "$.model.name", 1),
    "a seed as list": (tuning("random_seed: [1]"), "$.tuning.random_seed", 3),
    "a learning rate in words": (
        f"{MODEL}pruning: {{train: {{optimizer: {{SGD: {{learning_rate: small}}}}, criterion: {{CrossEntropyLoss: }}}}}}\n",
        "$.pruning.train.optimizer.SGD.learning_rate",
        2,
    ),
    "a mapping as size": (transform("Resize: {size: {a: 1}}"), "$.evaluation.accuracy.dataloader.transform.Resize.size", 8),
    "an empty size": (transform("Resize: {size: []}"), "$.evaluation.accuracy.dataloader.transform.Resize.size", 8),
    "words as size": (transform("Resize: {size: 'large'}"), "$.evaluation.accuracy.dataloader.transform.Resize.size", 8),
    "size 0": (transform("Resize: {size: 0}"), "$.evaluation.accuracy.dataloader.transform.Resize.size", 8),
    "directions in words": (
        tuning("multi_objectives: {objective: [accuracy, performance], higher_is_better: 'up, down'}"),
        "$.tuning.multi_objectives.higher_is_better",
        3,
    ),
    "a list as search space": (f"{MODEL}nas: {{search: {{search_space: [1]}}}}\n", "$.nas.search.search_space", 2),
    "a number without end": (
        f"{MODEL}nas: {{search: {{search_space: {{a: .inf}}}}}}\n",
        "$.nas.search.search_space.a",
        2,
    ),
}


@pytest.mark.parametrize("name", REJECTED)
def test_it_is_refused_at_its_place(name):
    text, path, line = REJECTED[name]
    with pytest.raises(ConfigError) as caught:
        load_v1(text)
    found = [(fault.path, fault.line) for fault in caught.value.faults]
    assert (path, line) in found, caught.value
    assert all(fault.column and fault.what and fault.fix for fault in caught.value.faults)


def test_each_fault_names_the_value_and_what_is_allowed():
    with pytest.raises(ConfigError) as caught:
        load_v1("model: {name: net, framework: onnxrt}\ndevice: TPU\ntuning: {exit_policy: {timeout: 1.5}}\n")
    framework, device, timeout = caught.value.faults
    assert "'onnxrt'" in framework.what
    assert "onnxrt_qdq" in framework.fix
    assert "'TPU'" in device.what
    assert "cpu, gpu" in device.fix
    assert "1.5" in timeout.what
    assert "whole number" in timeout.fix


def test_all_faults_are_reported_together_in_the_order_of_the_file(tmp_path):
    path = tmp_path / "conf.yaml"
    path.write_text(
        "model:\n  name: net\n  framework: caffe\ndevice: tpu\nquantization:\n  approach: static\n  recipes: {x: 1}\n"
        "tuning:\n  objective: speed\n  objective: performance\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_v1(path)
    assert [fault.line for fault in caught.value.faults] == [3, 4, 6, 7, 9, 10]
    assert caught.value.source == str(path)
    assert "stands twice; first in line 9" in caught.value.faults[-1].what
    assert str(caught.value).startswith(f"6 faults in {path}:")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("quantization: {op_wise: {a: {weight: {dtype: [int4, int8, fp8]}}}}", ["int4", "fp8"]),
        ("quantization: {model_wise: {weight: {granularity: 'per_tensor, per_row, per_block'}}}", ["per_row", "per_block"]),
        ("quantization: {calibration: {sampling_size: [0, 5, 1.5]}}", ["0", "1.5"]),
        ("tuning: {multi_objectives: {objective: [speed, accuracy, tempo], weight: [a, 0.1, b]}}", ["speed", "tempo", "'a'", "'b'"]),
        ("tuning: {multi_objectives: {objective: [accuracy, performance], higher_is_better: [0, 'no']}}", ["0", "'no'"]),
        (f"{LOADER}      dataset: {{dummy: {{shape: [a, 3, b]}}}}", ["'a'", "'b'"]),
        (f"{LOADER}      dataset: {{dummy: {{shape: [[1, a], [b, 2]], low: 'c d'}}}}", ["'a'", "'b'", "'c'", "'d'"]),
        ("evaluation: {accuracy: {metric: {MAP: , Topk: }}}", ["'MAP'", "'Topk'"]),
    ],
)
def test_every_bad_item_of_one_list_is_told(text, values):
    with pytest.raises(ConfigError) as caught:
        load_v1(f"{MODEL}{text}\n")
    said = [fault.what for fault in caught.value.faults]
    assert len(said) == len(values)
    assert all(value in what for value, what in zip(values, said, strict=True))


def test_a_bad_item_is_told_at_its_own_line_and_once():
    text = f"{MODEL}quantization:\n  op_wise:\n    a:\n      weight:\n        dtype:\n          - int4\n          - int8\n          - fp8\n"
    with pytest.raises(ConfigError) as caught:
        load_v1(text)
    assert [(fault.line, fault.column) for fault in caught.value.faults] == [(7, 13), (9, 13)]
    with pytest.raises(ConfigError) as caught:
        load_v1(f"{MODEL}mixed_precision: {{precisions: 'int8, int8'}}\n")
    assert len(caught.value.faults) == 1


@pytest.mark.parametrize(
    ("tag", "fix"),
    [
        ("!pruner", "did you mean !Pruner?"),
        ("!PRUNER", "did you mean !Pruner?"),
        ("!prunerV2", "did you mean !PrunerV2?"),
        ("!PatternLockPruner", "did you mean !Pruner? The kind of pruner is named by its key 'prune_type'"),
        ("!Prune", "write plain values, or !Pruner under 'pruners'"),
        ("!!python/object/apply:os.system", "write plain values"),
    ],
)
def test_a_tag_that_seems_to_be_a_pruner_is_told_the_right_one(tag, fix):
    with pytest.raises(ConfigError) as caught:
        load_v1(f"{MODEL}{COMPRESS}      pruners:\n        - {tag}\n          end_epoch: 3\n")
    (fault,) = caught.value.faults
    assert (fault.path, fault.line) == ("$", 6)
    assert fault.fix.startswith(fix)
