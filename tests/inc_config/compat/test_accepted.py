"""What the 1.x reader accepted although it surprises, and its coercions, one by one."""

import attrs
import pytest
from inc_config import ConfigError, Named
from inc_config.compat import dump_v1, load_v1
from inc_config.compat.document.model import Framework
from inc_config.compat.document.top import Flavour

MODEL = "model: {name: net, framework: pytorch}\n"


def document(text):
    return load_v1(MODEL + text)


def accuracy(text):
    return document(f"evaluation: {{accuracy: {{{text}}}}}\n").evaluation.accuracy


def test_framework_na_is_found_out_later():
    assert load_v1("model: {name: net, framework: NA}\n").model.framework is Framework.AUTO


@pytest.mark.parametrize(("written", "read"), [("5.0", 5.0), ("-0.1", -0.1), ("1%", 0.01), ("' 0.5 %'", 0.005), ("1e-2", 0.01)])
def test_relative_is_a_fraction_or_a_percentage(written, read):
    assert document(f"tuning: {{accuracy_criterion: {{relative: {written}}}}}\n").tuning.accuracy_criterion.relative == read


@pytest.mark.parametrize(("written", "read"), [("2", 2.0), ("0.5", 0.5), ("3%", 0.03)])
def test_absolute_may_be_whole(written, read):
    assert document(f"tuning: {{accuracy_criterion: {{absolute: {written}}}}}\n").tuning.accuracy_criterion.absolute == read


def test_two_metrics_under_metric():
    assert accuracy("metric: {topk: 5, MSE: }").metric == (Named("topk", {"k": 5}), Named("MSE"))


def test_two_datasets():
    found = accuracy("dataloader: {dataset: {MNIST: {root: a}, CIFAR10: {root: b}}}").dataloader.dataset
    assert [named.name for named in found] == ["MNIST", "CIFAR10"]


def test_metric_and_multi_metrics():
    found = accuracy("metric: {topk: 1}, multi_metrics: {MSE: , MAE: , weight: '0.3 0.7', higher_is_better: 'False, False'}")
    assert found.metric == (Named("topk", {"k": 1}),)
    assert found.multi_metrics.metrics == (Named("MSE"), Named("MAE"))
    assert found.multi_metrics.weight == (0.3, 0.7)
    assert found.multi_metrics.higher_is_better == (False, False)


def test_objective_and_multi_objectives():
    found = document("tuning: {objective: accuracy, multi_objectives: {objective: 'accuracy, footprint'}}\n").tuning
    assert found.objective == "accuracy"
    assert found.multi_objectives.objective == ("accuracy", "footprint")


@pytest.mark.parametrize("name", ["MSE", "Accuracy"])
def test_a_metric_without_arguments(name):
    assert accuracy(f"metric: {{{name}: }}").metric == (Named(name),)


def test_label_shift_may_be_negative():
    assert accuracy("postprocess: {transform: {LabelShift: -1}}").postprocess.transform == (Named("LabelShift", {"label_shift": -1}),)


def test_prune_type_may_be_anything():
    found = document("pruning: {approach: {weight_compression: {prune_type: foo}}}\n")
    assert found.pruning.approach.weight_compression.prune_type == "foo"


@pytest.mark.parametrize("version", ["1.0", "'1.0'", "1"])
def test_versions_of_1(version):
    assert document(f"version: {version}\n").version == 1.0


@pytest.mark.parametrize(
    ("written", "read"),
    [("100", (100,)), ("'100, 200'", (100, 200)), ("100 200", (100, 200)), ("[100, 200]", (100, 200)), ("['100']", (100,))],
)
def test_lists_by_commas_blanks_or_brackets(written, read):
    assert document(f"quantization: {{calibration: {{sampling_size: {written}}}}}\n").quantization.calibration.sampling_size == read


def test_names_with_commas_and_full_width_commas_are_lists():
    found = load_v1("model:\n  name: net\n  framework: tensorflow\n  inputs: a,b\n  outputs: 'c，d'\n").model
    assert (found.inputs, found.outputs) == (("a", "b"), ("c", "d"))


@pytest.mark.parametrize(
    ("written", "read"),
    [("'1,3,8,8'", (1, 3, 8, 8)), ("[1, 3]", (1, 3)), ("[[1, 3], [1]]", ((1, 3), (1,))), ("!!python/tuple [1, 3]", (1, 3))],
)
def test_shapes(written, read):
    found = accuracy(f"dataloader: {{dataset: {{dummy: {{shape: {written}}}}}}}").dataloader.dataset[0]
    assert found.args["shape"] == read


def test_null_means_no_arguments():
    text = "dataloader: {dataset: {MNIST: {root: a}}, transform: {ToTensor: null, RandomHorizontalFlip: ~, Cast: , ToArray: {}}}"
    found = accuracy(text).dataloader.transform
    assert found == (Named("ToTensor"), Named("RandomHorizontalFlip"), Named("Cast"), Named("ToArray"))


@pytest.mark.parametrize("text", ["dataloader: {dataset: {MNIST: {root: a}}, transform: , filter: }", "postprocess: {transform: }"])
def test_no_transform_and_no_filter_round_trip(text):
    found = document(f"evaluation: {{accuracy: {{{text}}}}}\n")
    section = found.evaluation.accuracy.dataloader or found.evaluation.accuracy.postprocess
    assert section.transform == ()
    assert load_v1(dump_v1(found)) == found


@pytest.mark.parametrize(
    ("section", "pruner"),
    [
        ("weight_compression", "!Pruner {start_epoch: null, names: , parameters: ~, method: null, target_sparsity: 0.5}"),
        ("weight_compression_pytorch", "!Pruner {start_step: null, pattern: , target_sparsity: 0.5}"),
        ("weight_compression_v2", "!PrunerV2 {start_step: null, op_names: , pruning_scope: null, target_sparsity: 0.5}"),
    ],
)
def test_a_null_in_a_pruner_says_nothing(section, pruner):
    found = document(f"pruning: {{approach: {{{section}: {{pruners: [{pruner}]}}}}}}\n")
    (made,) = getattr(found.pruning.approach, section).pruners
    said = {name: value for name, value in attrs.asdict(made).items() if value}
    assert said == {"target_sparsity": 0.5}
    assert load_v1(dump_v1(found)) == found


def test_null_sections_are_defaults():
    found = document("quantization:\ntuning:\n")
    assert found.quantization is not None
    assert found.tuning is not None


def test_numbers_of_optimizers_may_be_quoted():
    found = document("train: {optimizer: {SGD: {learning_rate: '1e-3', momentum: 1}}, criterion: {CrossEntropyLoss: }}\n").train
    assert found.optimizer == (Named("SGD", {"learning_rate": 0.001, "momentum": 1.0}),)


def test_iou_thresholds():
    found = accuracy("metric: {mAP: {iou_thrs: '0.5:0.05:0.95'}, VOCmAP: , COCOmAP: {anno_path: a}}").metric
    assert found[0].args["iou_thrs"] == "0.5:0.05:0.95"
    assert accuracy("metric: {mAP: {iou_thrs: 0.6}}").metric[0].args["iou_thrs"] == 0.6


def test_weight_algorithm_kl_in_files_for_lpot():
    text = "quantization: {model_wise: {weight: {algorithm: kl}}}\n"
    assert load_v1(f"# lpot\n{MODEL}{text}").quantization.model_wise.weight.algorithm == ("kl",)
    assert load_v1(MODEL + text, flavour=Flavour.LPOT).flavour is Flavour.LPOT
    with pytest.raises(ConfigError):
        load_v1(f"# lpot\n{MODEL}{text}", flavour=Flavour.V1)


def test_yaml_1_1_words_and_numbers():
    found = document("tuning: {tensorboard: yes, random_seed: 1_000, exit_policy: {timeout: 010, performance_only: Off}}\n").tuning
    assert found.tensorboard is True
    assert found.random_seed == 1000
    assert found.exit_policy.timeout == 8
    assert found.exit_policy.performance_only is False


def test_a_pattern_is_no_time():
    found = document("pruning: {approach: {weight_compression_pytorch: {pattern: 2:4}}}\n")
    assert found.pruning.approach.weight_compression_pytorch.pattern == "2:4"


def test_operators_may_have_numbers_for_names():
    found = document("quantization: {op_wise: {12: {weight: {dtype: [fp32]}}}}\n").quantization.op_wise
    assert list(found) == ["12"]


def test_anchors_and_merges():
    text = (
        "evaluation:\n  accuracy:\n    dataloader: &loader {batch_size: 2, dataset: {MNIST: {root: a}}}\n"
        "  performance:\n    dataloader:\n      <<: *loader\n      batch_size: 1\n"
    )
    found = document(text).evaluation
    assert found.performance.dataloader.batch_size == 1
    assert found.performance.dataloader.dataset == found.accuracy.dataloader.dataset


def test_a_merge_of_several_takes_the_first_that_says_it():
    found = document(
        "evaluation:\n"
        "  accuracy: {metric: {topk: 1}, dataloader: &a {batch_size: 3, dataset: {MNIST: {root: a}}}}\n"
        "  performance: {dataloader: {<<: [{shuffle: True, batch_size: 2}, *a], last_batch: discard}}\n"
    ).evaluation
    made = found.performance.dataloader
    assert (made.batch_size, made.shuffle, made.last_batch) == (2, True, "discard")
    assert made.dataset == found.accuracy.dataloader.dataset
    with pytest.raises(ConfigError, match="Unknown key '<<'"):
        document("evaluation: {performance: {<<: [{warmup: 1}, 3]}}\n")


def test_nas_words():
    found = document("nas: {approach: None, search: {search_algorithm: grid, max_trials: None, metrics: 'a b'}}\n").nas
    assert (found.approach, found.search.search_algorithm, found.search.max_trials, found.search.metrics) == (
        "basic",
        "grid",
        3,
        ("a", "b"),
    )
