import json
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inc_config import (
    ConfigError,
    DistillConfig,
    PipelineConfig,
    PipelineMode,
    PruneConfig,
    QuantizeConfig,
    dump,
    load,
    not_offered,
    to_json,
    to_yaml,
)
from inc_config.errors import StoreError
from inc_config.io import parse

PIPELINE = PipelineConfig(steps=[PruneConfig(pattern="2:4"), DistillConfig(), QuantizeConfig(exclude_types=["1e3", "0o7", "yes", "2:4"])])
RELAXED = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(data=st.data())
@RELAXED
def test_every_configuration_survives_yaml(any_config, data):
    config = data.draw(any_config)
    assert parse(to_yaml(config), type(config)) == config


@given(data=st.data())
@RELAXED
def test_every_pipeline_survives_yaml_and_json_text(any_pipeline, data):
    pipeline = data.draw(any_pipeline)
    assert load(to_yaml(pipeline)) == pipeline
    assert load(to_json(pipeline)) == pipeline
    assert load(json.dumps(json.loads(to_json(pipeline)), indent="\t")) == pipeline


@pytest.mark.parametrize("name", ["pipeline.yaml", "pipeline.yml", "pipeline.json"])
def test_a_file_is_written_and_read_by_its_suffix(tmp_path, name):
    assert load(dump(PIPELINE, tmp_path / name)) == PIPELINE
    assert load(str(tmp_path / name)) == PIPELINE
    assert os.listdir(tmp_path) == [name]


def test_what_a_user_would_write_is_short():
    text = """
    mode: one-shot
    steps:
      - kind: prune
        target_sparsity: 0.8
        criterion: snip_momentum
      - distill
      - kind: quantize
        accuracy_loss: 1e-2
        activation_threshold: {percentile: {percentile: 99.9}}
    """
    config = load(text)
    assert config.mode is PipelineMode.ONE_SHOT
    assert [type(step) for step in config.steps] == [PruneConfig, DistillConfig, QuantizeConfig]
    assert config.steps[2].accuracy_loss == 0.01
    assert config.steps[2].activation_threshold.args == {"percentile": 99.9}


def test_five_faults_are_reported_with_their_lines_in_order(tmp_path):
    path = tmp_path / "conf.yaml"
    path.write_text(
        "steps:\n"
        "- kind: prune\n"
        "  schedule: cubik\n"
        "- kind: quantise\n"
        "- kind: quantize\n"
        "  accuracy_loss: 1%\n"
        "  tuning:\n"
        "    exit_policy: {max_trials: 0}\n"
        "mod: one-shot\n"
    )
    with pytest.raises(ConfigError) as caught:
        load(path)
    found = [(fault.path, fault.line) for fault in caught.value.faults]
    assert found == [
        ("$.steps[0].schedule", 3),
        ("$.steps[1].kind", 4),
        ("$.steps[2].accuracy_loss", 6),
        ("$.steps[2].tuning.exit_policy.max_trials", 8),
        ("$.mod", 9),
    ]
    text = str(caught.value)
    assert text.startswith(f"5 faults in {path}:")
    sections = "steps, mode, model, training, calibration, evaluation, confirmation, benchmark, workspace"
    assert f"Unknown key 'mod'.\n  where: $.mod, line 9, column 1\n  fix:   use one of {sections}; did you mean 'mode'?" in text


def test_json_faults_have_lines_too():
    with pytest.raises(ConfigError) as caught:
        load('{\n  "steps": [\n    {"kind": "prune", "frequency": 0}\n  ]\n}')
    assert [(f.path, f.line) for f in caught.value.faults] == [("$.steps[0].frequency", 3)]
    with pytest.raises(ConfigError, match="frequency cannot be 0"):
        load('{\n\t"steps": [{"kind": "prune", "frequency": 0, "criterion": "\\ud83d\\ude00"}]}')


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "None is not a mapping"),
        ("quantize", "'quantize' is not a mapping"),
        ("[]", r"\[\] is not a mapping"),
        ("mode: one-shot", "Missing key 'steps'"),
        ("steps: quantize", "'quantize' is not a list"),
        ("steps: [3]", "Unknown kind 3"),
        ('{"steps": ["quantize"], "steps": []}', "'steps' stands twice"),
        ("{" * 2000, "deeper than|Not YAML"),
    ],
)
def test_a_text_that_is_no_pipeline_is_an_error(text, what):
    with pytest.raises(ConfigError, match=what):
        load(text)


def test_every_bad_item_of_one_list_is_told_at_its_own_place():
    text = """
steps:
- kind: prune
  include: ['a(', ok, 'b[']
  exclude: [1, b, 2.5]
- kind: quantize
  constraints: [{weight: {dtypes: [int9, int8, fp7], group_sizes: [0, 32, -1]}}]
  tuning: {calibration_samples: [0, 5, 1.5, -1]}
evaluation: {metrics: [3, accuracy, []]}
"""
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert [(fault.path, fault.line) for fault in caught.value.faults] == [
        ("$.steps[0].include[0]", 4),
        ("$.steps[0].include[2]", 4),
        ("$.steps[0].exclude[0]", 5),
        ("$.steps[0].exclude[2]", 5),
        ("$.steps[1].constraints[0].weight.dtypes[0]", 7),
        ("$.steps[1].constraints[0].weight.dtypes[2]", 7),
        ("$.steps[1].constraints[0].weight.group_sizes[0]", 7),
        ("$.steps[1].constraints[0].weight.group_sizes[2]", 7),
        ("$.steps[1].tuning.calibration_samples[0]", 8),
        ("$.steps[1].tuning.calibration_samples[2]", 8),
        ("$.steps[1].tuning.calibration_samples[3]", 8),
        ("$.evaluation.metrics[0]", 9),
        ("$.evaluation.metrics[2]", 9),
    ]


def test_faults_of_the_text_are_told_beside_those_of_what_it_says():
    text = "steps:\n- kind: prune\n  frequency: 0\n  frequency: 1\n- !!python/object:os.system quantise\nmod: one-shot\n"
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert [(fault.path, fault.line) for fault in caught.value.faults] == [
        ("$.steps[0].frequency", 3),
        ("$.steps[0].frequency", 4),
        ("$.steps[1]", 5),
        ("$.steps[1]", 5),
        ("$.mod", 6),
    ]
    with pytest.raises(ConfigError, match="stands twice"):
        load("{steps: [prune], steps: [prune]}")


def test_a_document_without_a_step_can_be_read_though_not_run():
    config = load("{steps: [], benchmark: {warmup: 3}}")
    assert config.steps == ()
    assert load(to_yaml(config)) == config
    assert [fault.path for fault in not_offered(config)] == ["$.steps"]


def test_files_that_cannot_be_read_or_written_are_errors(tmp_path):
    with pytest.raises(ConfigError, match="Cannot read the file: No such file") as caught:
        load(tmp_path / "none.yaml")
    assert str(tmp_path / "none.yaml") in caught.value.where
    (tmp_path / "latin.yaml").write_bytes("steps: [é]".encode("latin-1"))
    with pytest.raises(ConfigError, match="Not text in UTF-8: byte 0xe9 at offset 8"):
        load(tmp_path / "latin.yaml")
    with pytest.raises(StoreError, match="no suffix that names a format"):
        dump(PIPELINE, tmp_path / "pipeline.toml")
    with pytest.raises(StoreError, match="Cannot write: No such file"):
        dump(PIPELINE, tmp_path / "no" / "pipeline.json")


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    (tmp_path / "conf.yaml").write_bytes(b"\xef\xbb\xbfsteps: [quantize]\n")
    assert load(tmp_path / "conf.yaml").steps == (QuantizeConfig(),)
