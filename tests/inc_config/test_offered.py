import pytest
from inc_config import PipelineConfig, PruneConfig, load, not_offered, plugins
from inc_config.offered import is_beside_the_point

REGISTERED = {
    "inc.datasets": ("ImageFolder",),
    "inc.transforms": ("Resize", "Collect"),
    "inc.metrics": ("accuracy", "topk"),
    "inc.strategies": ("basic", "sensitivity_first"),
    "inc.criteria": ("magnitude",),
    "inc.steps": ("prune", "distill", "quantize", "mine"),
}


@pytest.fixture
def installed(monkeypatch):
    """What other packages register, whatever is installed here."""
    monkeypatch.setattr(plugins, "names", lambda group: REGISTERED[group])


def found(text):
    return {fault.path: fault.what for fault in not_offered(load(text))}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("steps: [quantize-aware]", "$.steps[0]"),
        ("steps: [{kind: distill-layers, mappings: [{student: a}]}]", "$.steps[0]"),
        ("steps: [{kind: prune, initial_sparsity: 0.1}]", "$.steps[0].initial_sparsity"),
        ("steps: [{kind: prune, regularizer: {}}]", "$.steps[0].regularizer"),
        ("steps: [{kind: prune, progressive: true}]", "$.steps[0].progressive"),
        ("steps: [{kind: prune, pattern: mha}]", "$.steps[0].pattern"),
        ("steps: [{kind: prune, overrides: [{include: a, scope: local}]}]", "$.steps[0].overrides[0].scope"),
        ("steps: [{kind: prune, overrides: [{include: a, pattern: channelx1}]}]", "$.steps[0].overrides[0].pattern"),
        ("steps: [{kind: quantize, approach: weight_only}]", "$.steps[0].approach"),
        ("steps: [{kind: quantize, reduce_range: true}]", "$.steps[0].reduce_range"),
        (
            "steps: [{kind: quantize, recipes: {scale_propagation_max_pooling: false}}]",
            "$.steps[0].recipes.scale_propagation_max_pooling",
        ),
        ("steps: [{kind: quantize, target: {runtime: tensorflow}}]", "$.steps[0].target.runtime"),
        ("steps: [{kind: quantize, target: {runtime: torch, device: cuda}}]", "$.steps[0].target.device"),
        ("steps: [{kind: quantize, constraints: [{weight: {algorithms: gptq}}]}]", "$.steps[0].constraints[0].weight.algorithms"),
        ("steps: [{kind: quantize, constraints: [{weight: {dtypes: nf4}}]}]", "$.steps[0].constraints[0].weight.dtypes"),
        ("{steps: [prune], training: {scheduler: cosine}}", "$.training.scheduler"),
        ("{steps: [prune], calibration: {dataset: ImageFolder, distributed: true}}", "$.calibration.distributed"),
        ("{steps: [prune], evaluation: {metrics: accuracy, postprocess: [Resize, Collect]}}", "$.evaluation.postprocess[1]"),
    ],
)
def test_what_nothing_carries_out_is_said(installed, text, path):
    faults = found(text)
    assert list(faults) == [path]
    assert faults[path].endswith("is not offered yet.")


@pytest.mark.parametrize(
    ("text", "path", "what"),
    [
        ("{steps: [prune], calibration: {dataset: MNIST}}", "$.calibration.dataset", "Unknown dataset 'MNIST'."),
        (
            "{steps: [prune], calibration: {dataset: ImageFolder, transforms: [Resize, Flip]}}",
            "$.calibration.transforms[1]",
            "Unknown transform 'Flip'.",
        ),
        (
            "{steps: [prune], evaluation: {metrics: topk, postprocess: LabelShft}}",
            "$.evaluation.postprocess[0]",
            "Unknown transform 'LabelShft'.",
        ),
        ("{steps: [prune], evaluation: {metrics: [top_k, bleu]}}", "$.evaluation.metrics[1].metric", "Unknown metric 'bleu'."),
        (
            "{steps: [prune], calibration: {dataset: ImageFolder, filter: LabelBalence}}",
            "$.calibration.filter",
            "Unknown filter 'LabelBalence'.",
        ),
        ("{steps: [prune], training: {loss: hinge}}", "$.training.loss", "Unknown loss 'hinge'."),
        ("{steps: [prune], training: {optimizer: lamb}}", "$.training.optimizer", "Unknown optimizer 'lamb'."),
        ("steps: [{kind: prune, criterion: snip}]", "$.steps[0].criterion", "Unknown criterion 'snip'."),
        (
            "steps: [{kind: quantize, activation_threshold: entropy}]",
            "$.steps[0].activation_threshold",
            "Unknown activation_threshold 'entropy'.",
        ),
        ("steps: [{kind: quantize, tuning: {strategy: bayesian}}]", "$.steps[0].tuning.strategy", "Unknown strategy 'bayesian'."),
    ],
)
def test_a_name_that_nobody_registered_is_said(installed, text, path, what):
    assert found(text) == {path: what}


def test_what_is_carried_out_is_no_fault(installed):
    text = """
    steps:
      - {kind: prune, epochs: {end: 3}, overrides: [{include: a, target_sparsity: 0.1}]}
      - distill
      - kind: quantize
        target: {runtime: onnxruntime}
        graph_format: qoperator
        recipes: {first_conv_or_matmul: false, smooth_quant: {alphas: [0.6]}, graph_level: all, fast_bias_correction: true}
        excluded_precisions: [bf16]
        constraints: [{weight: {dtypes: [int8, fp32], algorithms: [minmax, gptq]}, activation: {algorithms: kl, dtypes: fp32}}]
        tuning: {diagnosis: null, objectives: [{kind: accuracy, higher_is_better: true}, {kind: size, higher_is_better: false}]}
    training: {data: {dataset: ImageFolder, transforms: [Resize]}, loss: mse, optimizer: adamw, steps_per_epoch: 3}
    """
    assert found(text) == {}


def test_names_are_not_judged_where_nothing_is_installed(monkeypatch):
    monkeypatch.setattr(plugins, "names", lambda group: ())
    assert found("{steps: [prune], calibration: {dataset: MNIST}, training: {loss: hinge}}") == {"$.training.loss": "Unknown loss 'hinge'."}


def test_how_a_model_is_timed_or_named_is_beside_the_point(installed):
    text = "{steps: [quantize], benchmark: {instances: 2}, model: {inputs: x}}"
    assert all(map(is_beside_the_point, not_offered(load(text))))
    assert set(found(text)) == {"$.benchmark.instances", "$.model.inputs"}
    assert not is_beside_the_point(*not_offered(PipelineConfig(steps=[PruneConfig(progressive=True)])))
