"""From quantization, tuning and evaluation of 1.x to today's configuration: the mapping table, row by row."""

import pytest
from inc_config import (
    Approach,
    ConfigError,
    Device,
    Fault,
    MixedPrecisionConfig,
    Named,
    ObjectiveKind,
    OpConstraint,
    QuantizeAwareConfig,
    QuantizeConfig,
    Runtime,
    Target,
    TensorConstraint,
    Unfit,
)
from inc_config.compat import NoteCode, load_v1, translate
from inc_config.compat.document.model import Framework
from inc_config.compat.document.top import V1Document
from inc_config.compat.translate.target import RUNTIMES, target_of_backend, target_of_framework
from inc_config.quantization import GraphFormat

MODEL = "model: {name: net, framework: %s}\n"


def translated(text, framework="pytorch"):
    return translate(load_v1(MODEL % framework + text))


def step(text, framework="pytorch"):
    (only,) = translated(text, framework).config.steps
    return only


def notes(translation):
    return {(note.code, note.path, note.line) for note in translation.notes if note.path != "$.model.framework"}


@pytest.mark.parametrize("framework", [framework for framework in Framework if framework is not Framework.AUTO])
def test_a_framework_is_a_target(framework):
    found = step("quantization:\n", framework.value).target
    assert found == Target(runtime=RUNTIMES[framework]) == target_of_framework(framework)
    runtime = {"tens": "tensorflow", "pyto": "torch", "mxne": "mxnet", "onnx": "onnxruntime"}[framework.value[:4]]
    assert found.runtime is Runtime(runtime)


def test_na_has_no_target():
    found = translated("device: gpu\nquantization:\n", "NA")
    assert found.config.steps[0].target is None
    assert (NoteCode.CHANGED, "$.device", 2) in notes(found)
    assert translated("device: cpu\nquantization:\n", "NA").notes[0].path == "$.quantization"


@pytest.mark.parametrize(
    ("backend", "target"),
    [
        ("default", None),
        ("ipex", Target(runtime=Runtime.TORCH)),
        ("itex", Target(runtime=Runtime.TENSORFLOW)),
        ("onnxrt_trt_ep", Target(runtime=Runtime.TENSORRT, device=Device.CUDA)),
        ("onnxrt_cuda_ep", Target(runtime=Runtime.ONNXRUNTIME, device=Device.CUDA)),
        ("onnxrt_dnnl_ep", Target(runtime=Runtime.ONNXRUNTIME)),
    ],
)
def test_a_backend_is_a_target(backend, target):
    assert target_of_backend(backend) == target


def test_a_gpu_is_cuda():
    assert target_of_backend("itex", "gpu").device is Device.CUDA
    assert step("device: gpu\nquantization:\n").target.device is Device.CUDA


@pytest.mark.parametrize(
    ("framework", "graph_format", "approach"),
    [
        ("onnxrt_qdq", GraphFormat.QDQ, Approach.STATIC),
        ("onnxrt_qlinearops", GraphFormat.QOPERATOR, Approach.STATIC),
        ("onnxrt_qoperator", GraphFormat.QOPERATOR, Approach.STATIC),
        ("onnxrt_integerops", GraphFormat.DEFAULT, Approach.DYNAMIC),
        ("pytorch", GraphFormat.DEFAULT, Approach.STATIC),
    ],
)
def test_onnx_frameworks_are_formats(framework, graph_format, approach):
    found = step("quantization:\n", framework)
    assert (found.graph_format, found.approach) == (graph_format, approach)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("post_training_static_quant", Approach.STATIC),
        ("post_training_dynamic_quant", Approach.DYNAMIC),
        ("post_training_auto_quant", Approach.AUTO),
    ],
)
def test_approaches(old, new):
    found = step(f"quantization: {{approach: {old}}}\n")
    assert type(found) is QuantizeConfig
    assert found.approach is new


def test_integerops_quantizes_dynamically_whatever_the_approach():
    found = translated("quantization: {approach: post_training_static_quant}\n", "onnxrt_integerops")
    assert found.config.steps[0].approach is Approach.DYNAMIC
    assert (NoteCode.CHANGED, "$.quantization.approach", 2) in notes(found)
    assert found.config.calibration is None


def test_quantization_aware_training():
    found = translated(
        "quantization:\n  approach: quant_aware_training\n  calibration: {sampling_size: 10}\n"
        "  train: {epoch: 2, optimizer: {SGD: {learning_rate: 0.1}}, criterion: {CrossEntropyLoss: }}\n"
    )
    (only,) = found.config.steps
    assert type(only) is QuantizeAwareConfig
    assert only.training.optimizer == Named("sgd", {"learning_rate": 0.1})
    assert (NoteCode.DROPPED, "$.quantization.calibration", 4) in notes(found)
    bare = translated("quantization: {approach: quant_aware_training}\n")
    assert (NoteCode.MANUAL, "$.quantization.approach", 2) in notes(bare)
    static = translated("quantization: {train: {optimizer: {Adam: }, criterion: {CrossEntropyLoss: }}}\n")
    assert (NoteCode.DROPPED, "$.quantization.train", 2) in notes(static)


def test_sampling_sizes_are_samples_and_further_options():
    found = step("quantization: {calibration: {sampling_size: '100, 200, 300'}}\n")
    assert found.calibration_samples == 100
    assert found.tuning.calibration_samples == (200, 300)


def test_calibration_data_are_read_in_order():
    found = translated("quantization: {calibration: {dataloader: {shuffle: True, dataset: {MNIST: {root: a}}}}}\n")
    assert found.config.calibration.shuffle is False
    assert found.config.calibration.batch_size == 64
    path = "$.quantization.calibration.dataloader"
    assert {(NoteCode.CHANGED, f"{path}.shuffle", 2), (NoteCode.CHANGED, path, 2)} <= notes(found)


def test_recipes():
    found = translated(
        "quantization:\n  recipes: {first_conv_or_matmul_quantization: False, "
        "fast_bias_correction: True, scale_propagation_concat: False,\n"
        "    pre_post_process_quantization: False, last_conv_or_matmul_quantization: False, ffn_matmul_quantization: True}\n"
        "  advance: {bias_correction: weight_empirical}\n"
    )
    recipes = found.config.steps[0].recipes
    assert dict(recipes.changed) == {
        "first_conv_or_matmul": False,
        "last_conv_or_matmul": False,
        "pre_post_process": False,
        "fast_bias_correction": True,
        "weight_correction": True,
        "scale_propagation_concat": False,
    }
    assert (NoteCode.DROPPED, "$.quantization.recipes.ffn_matmul_quantization", 4) in notes(found)


def test_constraints_of_operators():
    found = translated(
        "quantization:\n  model_wise: {weight: {granularity: per_channel, scheme: 'sym, "
        "asym_float', bit: 7.0}, activation: {algorithm: kl}}\n"
        "  optype_wise: {Conv: {activation: {dtype: [uint8, fp32]}}}\n"
        "  op_wise: {layer1.0/conv: {weight: {dtype: [fp32]}}, 'layer(2|3).*': {activation: {algorithm: [minmax, placeholder]}}}\n"
    )
    assert found.config.steps[0].constraints == (
        OpConstraint(
            weight=TensorConstraint(granularities="per_channel", schemes=["symmetric", "asymmetric"]),
            activation=TensorConstraint(algorithms="kl"),
            unfit=Unfit.IGNORE,
        ),
        OpConstraint(types="Conv", activation=TensorConstraint(dtypes=["uint8", "fp32"]), unfit=Unfit.IGNORE),
        OpConstraint(names="layer1.0/conv", weight=TensorConstraint(dtypes="fp32"), unfit=Unfit.IGNORE),
        OpConstraint(patterns="layer(2|3).*", activation=TensorConstraint(algorithms="minmax"), unfit=Unfit.IGNORE),
    )
    assert {
        (NoteCode.DROPPED, "$.quantization.model_wise.weight.bit", 3),
        (NoteCode.DROPPED, "$.quantization.op_wise.layer(2|3).*.activation.algorithm", 5),
        (NoteCode.CHANGED, "$.quantization.model_wise.weight.scheme", 3),
        (NoteCode.CHANGED, "$.quantization.model_wise", 3),
    } <= notes(found)


def test_default_qconfig_is_for_every_other_operator():
    found = step(
        (
            "quantization:\n  op_wise:\n    default_qconfig: {weight: {dtype: [fp32]}}\n"
            "    a.b: {weight: {dtype: [int8]}}\n    'c.*|d': {weight: {}}\n"
        ),
        "pytorch_fx",
    )
    assert found.constraints == (
        OpConstraint(patterns=r"(?!(?:a\.b|c.*|d)$).*", weight=TensorConstraint(dtypes="fp32"), unfit=Unfit.IGNORE),
        OpConstraint(names="a.b", weight=TensorConstraint(dtypes="int8"), unfit=Unfit.IGNORE),
    )
    alone = step("quantization: {op_wise: {default_qconfig: {activation: {compute_dtype: [uint8], dtype: [fp32]}}}}\n")
    assert alone.constraints == (OpConstraint(activation=TensorConstraint(dtypes="fp32"), unfit=Unfit.IGNORE),)


def test_an_expression_that_is_none_is_a_fault_at_its_place():
    with pytest.raises(ConfigError) as caught:
        translated("quantization:\n  op_wise:\n    'conv(1': {weight: {dtype: [fp32]}}\n")
    (fault,) = caught.value.faults
    assert (fault.path, fault.line) == ("$.quantization.op_wise.conv(1", 4)


def test_the_accuracy_criterion():
    found = step("tuning: {accuracy_criterion: {absolute: 2, higher_is_better: False}}\n")
    assert (found.accuracy_loss, found.loss_kind.value, found.higher_is_better) == (2.0, "absolute", False)
    negative = translated("tuning: {accuracy_criterion: {relative: -0.1}}\n")
    assert negative.config.steps[0].accuracy_loss == 0.0
    assert (NoteCode.CHANGED, "$.tuning.accuracy_criterion.relative", 2) in notes(negative)
    assert (NoteCode.CHANGED, "$.tuning.accuracy_criterion.relative", 2) in notes(
        translated("tuning: {accuracy_criterion: {relative: 5.0}}\n")
    )


def test_strategies():
    found = step("tuning: {strategy: {name: tpe, accuracy_weight: 0.5}}\n")
    assert found.tuning.strategy == Named("tpe", {"accuracy_weight": 0.5})
    hawq = translated("tuning: {strategy: {name: hawq_v2, hawq_v2_loss: loss}}\n")
    assert (NoteCode.MANUAL, "$.tuning.strategy.hawq_v2_loss", 2) in notes(hawq)
    assert step("quantization: {quant_level: 0}\n").tuning.strategy == Named("conservative")
    auto = translated("quantization: {quant_level: auto}\ntuning: {strategy: {name: mse}}\n")
    assert auto.config.steps[0].tuning.strategy == Named("auto")
    assert (NoteCode.CHANGED, "$.quantization.quant_level", 2) in notes(auto)
    assert step("quantization: {quant_level: 1}\ntuning: {strategy: {name: mse}}\n").tuning.strategy == Named("mse")


def test_objectives():
    def kinds(text):
        return [(item.kind, item.weight, item.higher_is_better) for item in step(text).tuning.objectives]

    assert kinds("quantization:\n") == [(ObjectiveKind.LATENCY, 1.0, None)]
    assert kinds("tuning: {objective: footprint}\n") == [(ObjectiveKind.MEMORY, 1.0, None)]
    several = "tuning: {objective: modelsize, multi_objectives: {objective: [accuracy, performance], weight: [0.7, 0.3]}}\n"
    assert kinds(several) == [(ObjectiveKind.ACCURACY, 0.7, None), (ObjectiveKind.LATENCY, 0.3, None)]
    assert (NoteCode.DROPPED, "$.tuning.objective", 2) in notes(translated(several))
    one = "tuning: {objective: modelsize, multi_objectives: {objective: accuracy}}\n"
    assert kinds(one) == [(ObjectiveKind.SIZE, 1.0, None)]
    assert (NoteCode.DROPPED, "$.tuning.multi_objectives", 2) in notes(translated(one))
    assert kinds("tuning: {multi_objectives: {objective: accuracy}}\n") == [(ObjectiveKind.ACCURACY, 1.0, None)]
    nothing = "tuning: {multi_objectives: {objective: [accuracy, modelsize], weight: [0.0, 0.0], higher_is_better: [True, False]}}\n"
    assert kinds(nothing) == [(ObjectiveKind.LATENCY, 1.0, None)]


def test_the_exit_policy():
    first = step("tuning: {exit_policy: {max_trials: 7}}\n").tuning.exit_policy
    assert (first.max_trials, first.timeout_s, first.first_success) == (7, 0.0, True)
    timed = step("tuning: {exit_policy: {timeout: 60}}\n").tuning.exit_policy
    assert (timed.max_trials, timed.timeout_s, timed.first_success) == (100, 60.0, False)
    none = translated("tuning: {exit_policy: {max_trials: 0}}\n")
    assert none.config.steps[0].tuning.exit_policy.max_trials == 1
    assert (NoteCode.CHANGED, "$.tuning.exit_policy.max_trials", 2) in notes(none)
    fast = translated("tuning: {exit_policy: {performance_only: True}}\nevaluation: {accuracy: {metric: {topk: 1}}}\n")
    assert fast.config.steps[0].tuning.exit_policy.max_trials == 1
    assert fast.config.evaluation is None


def test_seed_workspace_and_what_was_dropped():
    found = translated("tuning: {random_seed: -7, tensorboard: True, workspace: {path: here, resume: a.snapshot}}\n")
    assert found.config.steps[0].tuning.seed == 7
    assert str(found.config.workspace) == "here"
    assert {
        (NoteCode.CHANGED, "$.tuning.random_seed", 2),
        (NoteCode.DROPPED, "$.tuning.tensorboard", 2),
        (NoteCode.DROPPED, "$.tuning.workspace.resume", 2),
    } <= notes(found)


def test_diagnosis():
    found = step("tuning: {diagnosis: {op_list: [a, b], iteration_list: [1, 4], inspect_type: weight}}\n").tuning.diagnosis
    assert (found.ops, found.batches, found.inspect.value) == (("a", "b"), (0, 3), "weight")
    assert str(found.folder) == "nc_workspace/inspect_saved"
    assert step("tuning: {diagnosis: {save_to_disk: False}}\n").tuning.diagnosis.folder is None
    assert step("tuning: {diagnosis: {diagnosis_after_tuning: False}}\n").tuning.diagnosis is None


def test_settings_from_python():
    document = load_v1(MODEL % "pytorch")
    found = translate(V1Document(model=document.model, use_bf16=False, reduce_range=True)).config.steps[0]
    assert [str(item) for item in found.excluded_precisions] == ["bf16"]
    assert found.reduce_range is True


def test_metrics_have_the_numbers_of_1_x():
    found = translated("evaluation: {accuracy: {metric: {Accuracy: }, iteration: 5}}\n").config.evaluation
    assert found.metrics[0].metric == Named("accuracy-v1")
    assert found.batches == 5
    assert translated("evaluation: {accuracy: {metric: {topk: 5}, iteration: -1}}\n").config.evaluation.batches is None
    several = translated("evaluation: {accuracy: {multi_metrics: {topk: 5, MSE: , weight: [0.2, 0.8], higher_is_better: [True, False]}}}\n")
    assert [(item.metric.name, item.weight, item.higher_is_better) for item in several.config.evaluation.metrics] == [
        ("topk", 0.2, True),
        ("mse", 0.8, False),
    ]


def test_a_metric_that_counts_less_than_nothing_is_a_fault():
    with pytest.raises(ConfigError, match=r"weight cannot be -1\.0") as caught:
        translated("evaluation: {accuracy: {multi_metrics: {topk: 1, weight: [-1.0]}}}\n")
    assert caught.value.faults[0].line == 2


def test_what_an_evaluation_leaves_to_code():
    no_metric = translated("evaluation: {accuracy: {dataloader: {batch_size: 1, dataset: {MNIST: {root: a}}}}}\n")
    assert no_metric.config.evaluation is None
    assert (NoteCode.MANUAL, "$.evaluation.accuracy", 2) in notes(no_metric)
    no_data = translated("evaluation: {accuracy: {metric: {topk: 1}, configs: {cores_per_instance: 1}}}\n")
    assert no_data.config.evaluation.data is None
    assert {(NoteCode.MANUAL, "$.evaluation.accuracy", 2), (NoteCode.DROPPED, "$.evaluation.accuracy.configs", 2)} <= notes(no_data)


def test_performance_is_a_benchmark():
    found = translated(
        "evaluation:\n  performance:\n    warmup: 9\n    iteration: 30\n    postprocess: {transform: {LabelShift: 1}}\n"
        "    configs: {cores_per_instance: 4, num_of_instance: 7, inter_num_of_threads: 2, kmp_blocktime: 0, kmp_affinity: compact}\n"
        "    dataloader: {batch_size: 3, dataset: {dummy: {shape: [3, 4]}}}\n"
    )
    benchmark = found.config.benchmark
    assert (benchmark.warmup, benchmark.iterations, benchmark.batch_size, benchmark.instances) == (9, 30, 3, 7)
    assert (benchmark.cores_per_instance, benchmark.threads, benchmark.inter_op_threads) == (4, 4, 2)
    assert (benchmark.kmp_blocktime, benchmark.kmp_affinity) == (0, "compact")
    assert benchmark.data.dataset == Named("dummy", {"shape": (3, 4)})
    assert (NoteCode.DROPPED, "$.evaluation.performance.postprocess", 6) in notes(found)
    bare = translated("evaluation: {performance: {iteration: -1}}\n").config.benchmark
    assert (bare.warmup, bare.iterations, bare.data) == (5, 0, None)


LOADER = "quantization: {calibration: {dataloader: {batch_size: 1, %s}}}\n"


def test_loaders():
    found = translated(
        LOADER % "last_batch: discard, distributed: True, dataset: {COCORaw: {root: a}}, filter: {LabelBalance: {size: 2}}, "
        "transform: {Resize: {size: [300, 200]}, CenterCrop: {size: [8]}, ToTensor: }",
        "onnxrt_qdq",
    )
    loader = found.config.calibration
    assert (loader.last_batch.value, loader.distributed, loader.filter) == ("discard", True, Named("LabelBalance", {"size": 2}))
    assert loader.transforms == (Named("Resize", {"size": (200, 300)}), Named("CenterCrop", {"size": 8}), Named("ToTensor"))
    assert (NoteCode.CHANGED, "$.quantization.calibration.dataloader.transform.Resize.size", 2) in notes(found)
    kept = translated(LOADER % "dataset: {MNIST: {root: a}}, filter: {LabelBalance: {size: 2}}, transform: {Resize: {size: [300, 200]}}")
    assert kept.config.calibration.transforms == (Named("Resize", {"size": (300, 200)}),)
    assert (NoteCode.CHANGED, "$.quantization.calibration.dataloader.filter", 2) in notes(kept)
    two = translated(LOADER % "dataset: {MNIST: {root: a}, CIFAR10: {root: b}}")
    assert two.config.calibration.dataset.name == "MNIST"
    assert (NoteCode.DROPPED, "$.quantization.calibration.dataloader.dataset", 2) in notes(two)


def test_resize_crop_imagenet_keeps_the_formula_of_the_framework():
    text = LOADER % (
        "dataset: {ImagenetRaw: {data_path: a}}, "
        "transform: {ResizeCropImagenet: {height: 8, width: 8, mean_value: [0.1, 0.2, 0.3], scale: 0.5, data_format: channels_last}}"
    )
    tensorflow = translated(text, "tensorflow").config.calibration.transforms[0]
    assert (tensorflow.args["scale"], tensorflow.args["data_format"]) == (0.5, "channels_last")
    assert "std_value" not in tensorflow.args
    found = translated(text, "onnxrt_qdq")
    expected = {"height": 8, "width": 8, "mean_value": (0.1, 0.2, 0.3), "std_value": (0.229, 0.224, 0.225)}
    assert found.config.calibration.transforms == (Named("ResizeCropImagenet", expected),)
    path = "$.quantization.calibration.dataloader.transform.ResizeCropImagenet"
    assert {(NoteCode.CHANGED, path, 2), (NoteCode.DROPPED, f"{path}.scale", 2), (NoteCode.DROPPED, f"{path}.data_format", 2)} <= notes(
        found
    )


def test_mixed_precision():
    found = step("mixed_precision: {precisions: 'bf16, fp32', op_wise: {activation: {dtype: bf16}}}\ntuning: {random_seed: 3}\n")
    assert type(found) is MixedPrecisionConfig
    assert [str(item) for item in found.precisions] == ["bf16"]
    assert found.constraints == (OpConstraint(activation=TensorConstraint(dtypes="bf16"), unfit=Unfit.IGNORE),)
    assert found.tuning.seed == 3


def test_graph_optimization_is_mixed_precision():
    found = translated("graph_optimization: {precisions: fp32, op_wise: {conv1: {weight: {dtype: [bf16]}}, pool: {weight: {}}}}\n")
    (only,) = found.config.steps
    assert only.precisions == ()
    assert only.constraints == (OpConstraint(names="conv1", weight=TensorConstraint(dtypes="bf16"), unfit=Unfit.IGNORE),)
    assert {(NoteCode.CHANGED, "$.graph_optimization", 2), (NoteCode.CHANGED, "$.graph_optimization.precisions", 2)} <= notes(found)
    both = translated("mixed_precision: {precisions: fp16}\ngraph_optimization: {}\n")
    assert (NoteCode.DROPPED, "$.graph_optimization", 3) in notes(both)


def test_model_conversion_finishes_a_trained_model():
    found = translated("model_conversion: {source: QAT, destination: default}\n", "tensorflow")
    assert found.config.steps == (QuantizeAwareConfig(target=Target(runtime=Runtime.TENSORFLOW)),)
    assert (NoteCode.CHANGED, "$.model_conversion", 2) in notes(found)


def test_a_file_without_a_step_is_for_quantization():
    found = translated("tuning: {random_seed: 1}\n")
    assert type(found.config.steps[0]) is QuantizeConfig
    assert any(note.today == "$.steps[0]" for note in found.notes)


def test_searches_are_not_offered():
    nas = "nas: {approach: basic}\n"
    alone = translated(f"{nas}evaluation: {{accuracy: {{metric: {{topk: 5}}}}}}\n")
    assert alone.config.steps == ()
    assert alone.config.evaluation.metrics[0].metric == Named("topk", {"k": 5})
    assert [note.today for note in alone.notes if note.path == "$.nas"] == ["$.steps"]
    both = translated(f"{nas}auto_distillation: {{search: {{search_space: {{}}}}}}\n")
    assert both.config.steps == ()
    assert {(NoteCode.NOT_OFFERED, "$.nas", 2), (NoteCode.NOT_OFFERED, "$.auto_distillation", 3)} <= notes(both)
    found = translated(nas + "quantization:\n")
    assert (NoteCode.NOT_OFFERED, "$.nas", 2) in notes(found)


def test_an_excerpt_about_judging_and_timing_has_no_step():
    text = "evaluation: {accuracy: {metric: {topk: 1}}, performance: {warmup: 3}}\n"
    found = translate(load_v1(text))
    assert found.config.steps == ()
    assert found.config.benchmark.warmup == 3
    assert (NoteCode.MANUAL, "$", 1) in notes(found)
    assert len(translate(load_v1(f"{text}tuning:\n  ...\n")).config.steps) == 0
    assert len(translate(load_v1(f"{text}tuning:\n  random_seed: 1\n  ...\nmodel:\n  ...\n")).config.steps) == 1


ORIGINS = """\
model: {name: net, framework: tensorflow, inputs: a}
device: gpu
quantization:
  approach: post_training_static_quant
  calibration: {sampling_size: [1, 2], dataloader: {dataset: {MNIST: {root: a}}, transform: {ToArray: , ParseDecodeVoc: }}}
  recipes: {fast_bias_correction: True}
  optype_wise: {Conv: {weight: {dtype: [bf16]}}}
  op_wise: {a: {}, 'b.*': {weight: {dtype: [fp16]}}}
tuning:
  diagnosis: {}
  strategy: {name: mse}
evaluation:
  accuracy:
    metric: {topk: 1, GLUE: }
    postprocess: {transform: {LabelShift: 1, Collect: {length: 3}}}
    dataloader: {distributed: True, dataset: {MNIST: {root: a}}}
  performance: {configs: {num_of_instance: 2}}
"""


@pytest.mark.parametrize(
    ("today", "path", "line"),
    [
        ("$.steps[0]", "$.quantization.approach", 4),
        ("$.steps[0].target.runtime", "$.model.framework", 1),
        ("$.steps[0].target.device", "$.device", 2),
        ("$.steps[0].graph_format", "$.model.framework", 1),
        ("$.steps[0].recipes.fast_bias_correction", "$.quantization.recipes.fast_bias_correction", 6),
        ("$.steps[0].tuning.calibration_samples", "$.quantization.calibration.sampling_size", 5),
        ("$.steps[0].tuning.strategy", "$.tuning.strategy.name", 11),
        ("$.steps[0].tuning.diagnosis", "$.tuning.diagnosis", 10),
        ("$.steps[0].constraints[0].weight.dtypes", "$.quantization.optype_wise.Conv", 7),
        ("$.steps[0].constraints[1].weight.dtypes", "$.quantization.op_wise.b.*", 8),
        ("$.model.inputs", "$.model.inputs", 1),
        ("$.calibration.transforms[1]", "$.quantization.calibration.dataloader.transform.ParseDecodeVoc", 5),
        ("$.evaluation.metrics[1].metric", "$.evaluation.accuracy.metric.GLUE", 14),
        ("$.evaluation.postprocess[1]", "$.evaluation.accuracy.postprocess.transform.Collect", 15),
        ("$.evaluation.data.distributed", "$.evaluation.accuracy.dataloader.distributed", 16),
        ("$.benchmark.instances", "$.evaluation.performance.configs.num_of_instance", 17),
        ("$.workspace", "$", 1),
    ],
)
def test_what_is_not_offered_is_found_in_the_old_file(today, path, line):
    found = translate(load_v1(ORIGINS)).locate(Fault(path=today, what="", fix=""))
    assert (found.path, found.line) == (path, line)
    assert found.column


@pytest.mark.parametrize(
    ("text", "today", "path"),
    [
        ("pruning: {approach: {weight_compression: {initial_sparsity: 0.1}}}", "initial_sparsity", "weight_compression.initial_sparsity"),
        ("pruning: {approach: {weight_compression: {prune_type: pattern_lock}}}", "keep_zeros", "weight_compression.prune_type"),
        (
            "pruning: {approach: {weight_compression_v2: {pruning_type: snip_progressive}}}",
            "progressive",
            "weight_compression_v2.pruning_type",
        ),
        (
            "pruning: {approach: {weight_compression: {pruners: [!Pruner {}, !Pruner {names: a, initial_sparsity: 0.1}]}}}",
            "overrides[0].initial_sparsity",
            "weight_compression.pruners[1].initial_sparsity",
        ),
        (
            "pruning: {approach: {weight_compression_v2: {pruners: [!PrunerV2 {op_names: a, pruning_scope: local}]}}}",
            "overrides[0].scope",
            "weight_compression_v2.pruners[0]",
        ),
    ],
)
def test_what_is_not_offered_of_a_pruning_is_found_in_the_old_file(text, today, path):
    found = translated(text + "\n").locate(Fault(path=f"$.steps[0].{today}", what="", fix=""))
    assert (found.path, found.line) == (f"$.pruning.approach.{path}", 2)


def test_a_policy_of_lpot_is_found_in_the_old_file():
    found = translated("# lpot\npruning:\n  magnitude:\n    p1: {weights: [a], init_sparsity: 0.1, target_sparsity: 0.5}\n")
    located = found.locate(Fault(path="$.steps[0].overrides[0].initial_sparsity", what="", fix=""))
    assert (located.path, located.line) == ("$.pruning.magnitude.p1.init_sparsity", 5)


def test_notes_belong_to_lines_of_both_documents():
    found = translated(
        "pruning: {approach: {weight_compression_pytorch: {target_sparsity: 0.5}}}\nquantization: {calibration: {sampling_size: 9}}\n"
    )
    assert [type(step).__name__ for step in found.config.steps] == ["PruneConfig", "QuantizeConfig"]
    assert any(note.today == "$.calibration" for note in found.notes)
    (calibration,) = [note for note in found.notes if note.today == "$.calibration"]
    assert str(calibration).endswith("where: $.quantization, line 3")  # the model line comes first


def test_tuning_without_anything_to_tune_is_told():
    found = translated("pruning: {approach: {weight_compression_pytorch: {target_sparsity: 0.5}}}\ntuning: {random_seed: 1}\n")
    assert (NoteCode.DROPPED, "$.tuning", 3) in notes(found)
