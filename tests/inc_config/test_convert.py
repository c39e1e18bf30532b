import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inc_config import (
    INT8,
    ConfigError,
    DistillLayersConfig,
    DistillSelfConfig,
    EvaluationConfig,
    IntegerType,
    LoaderConfig,
    Named,
    OpPlan,
    PerChannel,
    PruneConfig,
    QuantizationPlan,
    QuantizeConfig,
    Target,
    TensorKey,
    TensorPlan,
    TrainingConfig,
    TuningConfig,
    from_json,
    structure,
    to_json,
    unstructure,
)
from inc_config.convert import load_json

RELAXED = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(data=st.data())
@RELAXED
def test_every_configuration_survives_json(any_config, data):
    config = data.draw(any_config)
    assert from_json(to_json(config), type(config)) == config


@given(data=st.data())
@RELAXED
def test_what_is_unstructured_is_plain_json_data(any_config, data):
    document = unstructure(data.draw(any_config))
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def faults(data, cls):
    with pytest.raises(ConfigError) as caught:
        structure(data, cls)
    return {fault.path: fault for fault in caught.value.faults}


def test_all_faults_are_reported_together_with_path_value_and_fix():
    found = faults(
        {
            "approach": "statik",
            "accuracy_los": 0.1,
            "calibration_samples": "many",
            "tuning": {"exit_policy": {"max_trials": 0}, "objectives": [{"kind": "speed"}]},
        },
        QuantizeConfig,
    )
    assert found["$.approach"].what == "Unknown approach 'statik'."
    assert found["$.approach"].fix == "use one of static, dynamic, auto, weight_only; did you mean 'static'?"
    assert "did you mean 'accuracy_loss'" in found["$.accuracy_los"].fix
    assert found["$.calibration_samples"].what == "'many' is not a whole number."
    assert found["$.tuning.exit_policy.max_trials"].what == "max_trials cannot be 0."
    assert found["$.tuning.exit_policy.max_trials"].fix == "give a whole number of at least 1"
    assert "latency" in found["$.tuning.objectives[0].kind"].fix


@pytest.mark.parametrize(
    ("cls", "data", "path"),
    [
        (QuantizeConfig, [], "$"),
        (QuantizeConfig, "x", "$"),
        (QuantizeConfig, {"higher_is_better": 1}, "$.higher_is_better"),
        (QuantizeConfig, {"accuracy_loss": True}, "$.accuracy_loss"),
        (QuantizeConfig, {"accuracy_loss": "0.1"}, "$.accuracy_loss"),
        (QuantizeConfig, {"recipes": [1]}, "$.recipes"),
        (QuantizeConfig, {"recipes": {"a": 1}}, "$.recipes.a"),
        (QuantizeConfig, {"recipes": {"smooth_quant": {"alphas": [-1]}}}, "$.recipes.smooth_quant.alphas[0]"),
        (QuantizeConfig, {"constraints": [{"types": "Conv"}]}, "$.constraints[0]"),
        (QuantizeConfig, {"constraints": [{"weight": {"dtypes": ["int9"]}}]}, "$.constraints[0].weight.dtypes[0]"),
        (QuantizeConfig, {"constraints": [{"weight": {"schemes": "sym"}}]}, "$.constraints[0].weight.schemes[0]"),
        (QuantizeConfig, {"excluded_precisions": "int8"}, "$.excluded_precisions[0]"),
        (QuantizeConfig, {"weight_only": {"group_size": 0}}, "$.weight_only.group_size"),
        (QuantizeConfig, {"activation_threshold": {"kl": {"a": float("nan")}}}, "$.activation_threshold"),
        (EvaluationConfig, {"metrics": []}, "$.metrics"),
        (EvaluationConfig, {"metrics": [{"metric": "topk", "weight": 1}], "every": True}, "$.every"),
        (EvaluationConfig, {"metrics": [{"metric": "topk", "weight": 0}]}, "$.metrics"),
        (EvaluationConfig, {"metrics": [{"metric": "topk", "weight": -1}]}, "$.metrics[0].weight"),
        (EvaluationConfig, {"metrics": [{"a": {}, "b": {}}]}, "$.metrics[0]"),
        (TrainingConfig, {"epochs": 1, "steps": 1}, "$.steps"),
        (LoaderConfig, {}, "$.dataset"),
        (PruneConfig, {"epochs": {"start": 3, "end": 2}}, "$.epochs.end"),
        (PruneConfig, {"epochs": {"end": 2}, "frequency": 2}, "$.epochs"),
        (PruneConfig, {"initial_sparsity": 0.6}, "$.initial_sparsity"),
        (DistillLayersConfig, {"mappings": []}, "$.mappings"),
        (DistillSelfConfig, {"levels": [{"pairs": []}]}, "$.levels[0].pairs"),
        (QuantizeConfig, {"exclude": 3}, "$.exclude"),
        (QuantizeConfig, {"exclude": ["("]}, "$.exclude[0]"),
        (QuantizeConfig, {"activation_threshold": 3}, "$.activation_threshold"),
        (QuantizeConfig, {"activation_threshold": {"a": {}, "b": {}}}, "$.activation_threshold"),
        (QuantizeConfig, {"target": {}}, "$.target.runtime"),
        (QuantizeConfig, {"target": {"runtime": ["torch"]}}, "$.target.runtime"),
        (TuningConfig, {"objectives": "latency"}, "$.objectives"),
        (TuningConfig, {"objectives": []}, "$.objectives"),
        (TuningConfig, {"ledger": 3}, "$.ledger"),
        (PruneConfig, {"pattern": "4y1"}, "$.pattern"),
        (PruneConfig, {"pattern": 124}, "$.pattern"),
        (PruneConfig, {"pattern": "4:2"}, "$.pattern"),
        (PruneConfig, {"overrides": {"include": "a"}}, "$.overrides"),
        (PruneConfig, {"overrides": [{}]}, "$.overrides[0].include"),
        (PruneConfig, {"pattern": "2:4", "target_sparsity": 0.8}, "$.target_sparsity"),
        (TensorPlan, {"dtype": "int9"}, "$.dtype"),
        (TensorPlan, {"dtype": "fp32"}, "$.dtype"),
        (TensorPlan, {"granularity": "per_row"}, "$.granularity"),
        (TensorPlan, {"granularity": {"kind": "per_row"}}, "$.granularity.kind"),
        (TensorPlan, {"granularity": {"kind": "per_channel"}}, "$.granularity.axis"),
        (OpPlan, {"compute_dtype": "int"}, "$.compute_dtype"),
        (QuantizationPlan, {"target": {"runtime": "torch"}, "ops": {}}, "$.ops"),
        (QuantizationPlan, {"target": {"runtime": "torch"}, "ops": [{"op": {"scope": "a"}}]}, "$.ops[0].plan"),
    ],
)
def test_a_wrong_value_is_a_fault_at_its_path(cls, data, path):
    found = faults(data, cls)
    assert list(found) == [path]
    assert found[path].what.endswith(".")
    assert found[path].fix


def test_limits_are_told_beside_each_other_and_beside_wrong_types():
    data = {
        "target_sparsity": 1.5,
        "frequency": 0,
        "start_step": -1,
        "pattern": "4y1",
        "include": "(",
        "progressive": "yes",
        "scope": "here",
        "training": {"epochs": 0, "steps": 0},
    }
    with pytest.raises(ConfigError) as caught:
        structure(data, PruneConfig)
    told = [fault.path for fault in caught.value.faults]
    names = [name for name in data if name != "training"]
    assert sorted(told) == sorted([*(f"$.{name}" for name in names), "$.training.epochs", "$.training.steps"])


def test_an_error_of_a_library_is_a_fault_too():
    found = faults({"op": {"scope": "a"}, "role": "bias"}, TensorKey)
    assert "'role' must match regex" in found["$"].what
    deep = {}
    for _ in range(5000):
        deep = {"a": deep}
    assert "recursion" in faults({"activation_threshold": {"kl": deep}}, QuantizeConfig)["$.activation_threshold"].what


def test_an_operator_that_stands_twice_in_a_plan_is_a_fault():
    entry = {"op": {"scope": "a"}, "plan": {}}
    found = faults({"target": {"runtime": "torch"}, "ops": [entry, entry]}, QuantizationPlan)
    assert "stands twice" in found["$.ops"].what


def test_short_spellings_are_accepted():
    assert structure({"granularity": "per_tensor", "threshold": {"percentile": {"p": 99.9}}}, TensorPlan).threshold == Named(
        "percentile", {"p": 99.9}
    )
    assert structure({"granularity": {"kind": "per_channel", "axis": 0}}, TensorPlan).granularity == PerChannel(0)
    assert structure({"exclude": "head"}, QuantizeConfig).exclude == ("head",)
    assert structure({"accuracy_loss": 1}, QuantizeConfig).accuracy_loss == 1.0


def test_text_that_is_not_json_is_an_error_with_the_source():
    for text in ("{", '{"a": 1, "a": 2}', "[" * 100_000):
        with pytest.raises(ConfigError, match="Not JSON") as caught:
            from_json(text, QuantizeConfig, source="conf.json")
        assert caught.value.where == "$ in conf.json"
    with pytest.raises(ValueError, match="the key 'a' stands twice"):
        load_json('{"a": 1, "b": 1, "a": 2}')


def test_dtypes_are_written_as_words():
    plan = OpPlan(weight=TensorPlan(dtype=IntegerType(4, signed=False)), compute_dtype=INT8)
    document = unstructure(plan)
    assert (document["weight"]["dtype"], document["compute_dtype"]) == ("uint4", "int8")
    assert unstructure(Target(runtime="torch")) == {"runtime": "torch", "isa": "native", "device": "cpu"}
