import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inc_config import json_schema, load
from inc_config.brief import changed
from inc_config.cli import main
from inc_config.cli.opened import is_v1
from inc_config.cli.show import table
from inc_config.compat import load_v1, translate
from inc_config.pipeline import step_kind

V1 = """\
model:
  name: resnet
  framework: pytorch
quantization:
  approach: post_training_static_quant
  calibration:
    sampling_size: 100
tuning:
  accuracy_criterion:
    relative: 0.02
  tensorboard: true
evaluation:
  accuracy:
    metric:
      topk: 5
"""
TODAY = """\
# how the student is made
mode: one-shot
training: {data: {dataset: ImageFolder, transforms: [ToArray], shuffle: true}, steps: 9, seed: 3}
steps:
  - {kind: prune, target_sparsity: 0.8, epochs: {end: 3}}
  - distill
  - kind: quantize
    exclude_types: [Gemm, Add]
    tuning: {exit_policy: {timeout_s: 60}, objectives: [{kind: size}]}
    loss_kind: absolute
"""
FIVE_FAULTS = """\
steps:
- kind: prune
  schedule: cubik
- kind: quantise
- kind: quantize
  accuracy_loss: 1%
  tuning:
    exit_policy: {max_trials: 0}
mod: one-shot
"""
FIVE_V1_FAULTS = """\
model:
  name: resnet
  framework: caffe
device: tpu
quantization:
  approach: magic
tuning:
  exit_policy:
    timeout: 1.5
  objectiv: accuracy
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text, name="conf.yaml"):
        (tmp_path / name).write_text(text)
        return name

    return write


@pytest.mark.parametrize(("text", "lines"), [(FIVE_FAULTS, [3, 4, 6, 8, 9]), (FIVE_V1_FAULTS, [3, 4, 6, 9, 10])])
def test_check_prints_every_fault_with_its_line(file, capsys, text, lines):
    assert main(["check", file(text)]) == 1
    out = capsys.readouterr().out
    assert out.startswith("5 faults in conf.yaml:\n")
    assert [int(line.split(", line ")[1].split(",")[0]) for line in out.splitlines() if "  where: " in line] == lines


def test_check_tells_files_of_both_kinds_apart(file, capsys):
    assert main(["check", file(V1, "old.yaml"), file("steps: [quantize]", "new.yaml")]) == 0
    old, *notes, new = capsys.readouterr().out.splitlines()
    assert old.startswith(f"old.yaml: ok (1.x, {len(notes)} notes")
    assert any("tensorboard" in note for note in notes)
    assert new == "new.yaml: ok"


def test_check_goes_on_after_a_fault_and_names_what_is_not_offered(file, capsys):
    text = "steps:\n- kind: prune\n  progressive: true\n"
    assert main(["check", "none.yaml", file(text), file("{}", "empty.json"), file(V1, "old.yaml")]) == 1
    out = capsys.readouterr().out
    assert "Cannot read the file: No such file" in out
    assert "progressive is not offered yet.\n  where: $.steps[0].progressive in conf.yaml, line 3, column 3" in out
    assert "Missing key 'steps'" in out
    assert "old.yaml: ok" in out


def test_check_accepts_what_leaves_the_model_the_same(file, capsys):
    assert main(["check", file("steps: [quantize]\nbenchmark: {instances: 4}\n")]) == 0
    out = capsys.readouterr().out
    assert out == "conf.yaml: ok\n  without effect on the model: $.benchmark.instances: instances is not offered yet.\n"


def test_check_says_that_quantization_aware_training_is_not_offered_yet(file, capsys):
    text = V1.replace("post_training_static_quant", "quant_aware_training")
    assert main(["check", file(text)]) == 1
    assert "The step 'quantize-aware' is not offered yet." in capsys.readouterr().out


def test_migrate_writes_what_the_translation_says(file, capsys):
    name = file(V1)
    assert main(["migrate", name]) == 0
    text = capsys.readouterr().out
    expected = translate(load_v1(name))
    assert load(text) == expected.config
    for note in expected.notes:
        assert " ".join(note.text.split()) in text
    on_a_line = [line for line in text.splitlines() if "  # " in line]
    assert len(on_a_line) >= 1
    assert "#" in text.splitlines()[0]
    assert main(["migrate", name, "-o", "new.yaml"]) == 0
    assert load("new.yaml") == expected.config
    assert Path(name).read_text() == V1


SEARCH = """\
model: {name: ofa, framework: pytorch}
evaluation: {accuracy: {metric: {topk: 5}}}
nas:
  approach: dynas
"""


def test_a_file_that_asks_for_a_search_alone_is_refused_shown_and_migrated(file, capsys):
    name = file(SEARCH)
    assert main(["check", name]) == 1
    assert "There is no step.\n  where: $.nas in conf.yaml, line 3, column 1\n  fix:   name at least one" in capsys.readouterr().out
    assert main(["show", name]) == 0
    out = capsys.readouterr().out
    assert "steps       none: the model stays as it is" in out
    assert "note: nas: The search is not offered" in out
    assert main(["migrate", name, "-o", "new.yaml"]) == 0
    text = Path("new.yaml").read_text()
    assert text.startswith("steps: []  # nas: The search is not offered")
    assert load("new.yaml") == translate(load_v1(name)).config
    assert main(["check", "new.yaml"]) == 1
    assert "There is no step.\n  where: $.steps in new.yaml, line 1" in capsys.readouterr().out


def test_check_names_the_place_in_the_old_file_of_what_is_not_offered(file, capsys):
    text = V1.replace("post_training_static_quant", "quant_aware_training").replace(
        "      topk: 5\n", "      topk: 5\n    dataloader:\n      distributed: True\n      dataset: {MNIST: {root: a}}\n"
    )
    assert main(["check", file(text)]) == 1
    out = capsys.readouterr().out
    assert out.startswith("2 faults in conf.yaml:\n")
    assert "where: $.quantization.approach, line 5, column 3" in out
    assert "where: $.evaluation.accuracy.dataloader.distributed, line 17, column 7" in out
    assert "one process reads all the data" in out


def test_check_accepts_an_old_file_that_leaves_the_model_the_same(file, capsys):
    assert main(["check", file(V1 + "  performance: {configs: {num_of_instance: 4}}\n")]) == 0
    out = capsys.readouterr().out
    assert "without effect on the model: $.evaluation.performance.configs.num_of_instance: instances is not offered yet." in out


@pytest.mark.parametrize(
    ("text", "what"),
    [("", "The file is empty."), ("# nothing\n", "The file is empty."), ("- 3\n", "This is no configuration: it holds [3].")],
)
def test_a_file_that_is_no_document_is_told_what_to_write(file, capsys, text, what):
    assert main(["check", file(text)]) == 1
    out = capsys.readouterr().out
    assert out.startswith(f"{what}\n  where: $ in conf.yaml")
    assert "fix:   write steps, such as 'steps: [quantize]', or the sections of a 1.x file" in out


def test_migrate_comments_the_lines_that_changed_meaning(file, capsys):
    text = V1.replace(
        "  tensorboard: true\n", "  exit_policy: {timeout: 60}\n  random_seed: -7\n  workspace: {path: runs, resume: old.snapshot}\n"
    )
    assert main(["migrate", file(text)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("# tuning.workspace.resume: 1.x snapshots cannot be read")
    assert lines[1].startswith("# quantization: It has no calibration dataloader")
    commented = {line.split(":")[0].strip(): line.partition("  # ")[2] for line in lines if "  # " in line}
    assert list(commented) == ["timeout_s", "seed", "evaluation"]
    assert commented["seed"] == "random_seed: Seeds are not negative; the sign is dropped."


def test_notes_with_odd_letters_stay_comments(file, capsys):
    name = r'"conv\a\x85: {x # \u2028"'
    model = "model: {name: a, framework: pytorch}\n"
    text = f"{model}quantization:\n  op_wise: {{{name}: {{activation: {{dtype: [fp32], compute_dtype: [int8]}}}}}}\n"
    assert main(["migrate", file(text)]) == 0
    assert load(capsys.readouterr().out) == translate(load_v1(text)).config


def test_migrate_refuses_what_it_must_not_do(file, capsys):
    name = file(V1)
    assert main(["migrate", name, "-o", name]) == 1
    assert "This would replace the 1.x file" in capsys.readouterr().err
    assert main(["migrate", name, "-o", "no/such/folder.yaml"]) == 1
    assert "Cannot write: No such file" in capsys.readouterr().err
    assert main(["migrate", file("steps: [prune]", "new.yaml")]) == 1
    assert "This is no 1.x file" in capsys.readouterr().err
    assert Path(name).read_text() == V1


def test_show_says_what_will_happen(file, capsys):
    assert main(["show", file(TODAY)]) == 0
    rows = capsys.readouterr().out.splitlines()
    text = "\n".join(rows)
    assert "mode         one-shot: one training for all" in rows
    assert "80 % of the weights become zero in pattern 1x1, by magnitude, global, cubic schedule" in text
    assert "epochs.end: 3" in text
    assert "0.5 x own loss + 0.5 x kl to the teacher at temperature 4" in text
    assert "at most 0.01 (absolute) accuracy lost; strategy sensitivity_first, up to 100 trials or 60 s" in text
    assert "exclude_types: Gemm, Add" in text
    assert "9 steps of sgd(learning_rate=0.001) on cross_entropy, seed 3, ImageFolder -> ToArray, batches of 1, shuffle True" in text
    assert "tuning.objectives[0].kind: size" in text


def test_show_tells_notes_and_what_is_not_offered(file, capsys):
    text = """
    model: {name: resnet}
    training: {}
    evaluation: {metrics: [{topk: {k: 5}}], data: {dataset: ImageFolder}}
    workspace: runs
    steps:
      - quantize-aware
      - mixed-precision
      - {kind: distill-layers, mappings: [{student: a, teacher: b}], training: {epochs: 2}}
    """.replace("\n    ", "\n")
    assert main(["show", file(text)]) == 0
    out = capsys.readouterr().out
    assert "model               resnet" in out
    assert "not offered yet: $.steps[0]: The step 'quantize-aware' is not offered yet." in out
    assert "metrics[0].metric: topk(k=5)" in out
    assert "training: 2 epochs of sgd(learning_rate=0.001) on cross_entropy, batches given at run time" in out
    assert "mappings[0].student: a" in out
    assert "workspace           runs" in out
    assert main(["show", file(V1)]) == 0
    assert "note: " in capsys.readouterr().out


@pytest.mark.parametrize("text", ["{steps: [quantize], benchmark: {}}", "model: {name: a, framework: NA}\nevaluation: {performance: {}}\n"])
def test_a_section_of_defaults_is_shown(file, capsys, text):
    assert main(["show", file(text)]) == 0
    assert any(line.split() == ["benchmark", "with", "the", "defaults"] for line in capsys.readouterr().out.splitlines())


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_pipeline_can_be_shown_with_every_section_and_field(any_pipeline, data):
    pipeline = data.draw(any_pipeline)
    text = table(pipeline)
    for name, value in changed(pipeline).items():
        if value is not None and name not in ("steps", "mode", "model"):
            assert f"\n{name} " in text
    for number, step in enumerate(pipeline.steps, start=1):
        assert f"\n{number}. {step_kind(step)} " in text


def test_what_has_a_place_but_no_settings_is_shown(file, capsys):
    assert main(["show", file("steps: [{kind: quantize, tuning: {diagnosis: {}}}]")]) == 0
    assert "tuning.diagnosis: with the defaults" in capsys.readouterr().out


def test_a_mode_with_one_step_and_a_step_with_nothing_to_say(file, capsys):
    assert main(["show", file("{steps: [{kind: distill-self, levels: [{pairs: [{student: a, teacher: b}]}]}], mode: one-shot}")]) == 0
    assert "one-shot: one training\n" in capsys.readouterr().out


def test_schema_is_the_schema(capsys):
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json_schema()


def test_a_wrong_call_shows_how(capsys):
    for arguments in ([], ["check"], ["transmogrify"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2


@pytest.mark.parametrize(
    ("text", "old"),
    [
        ("model:\n  name: a\n", True),
        ("  model :\n    name: a\n", True),
        ("model: {name: a}\nsteps: [prune]\n", False),
        ("evaluation: {metrics: accuracy}\nsteps:\n- prune\n", False),
        ('{"model": {}}', False),
        ("pruning:\n  train:\n", True),
        ("steps: 3", False),
        ("  evaluation: {metrics: accuracy}\n  steps: [prune]\n", False),
        ("something: else", False),
        ("training: {epochs: 3}\nevaluation: {metrics: accuracy}\n", False),
        ("step: [quantize]\nevaluation: {metrics: accuracy}\n", False),
        ('{"model": {"name": "a"}, "quantization": {}}', True),
        ("{quantization: {}, model: {name: a}}", True),
        ('{"quantization": {}, "steps": []}', False),
        ("quantization:\ncalibration:\nsampling_size: 3\n", True),
    ],
)
def test_a_1x_file_is_known_by_its_sections(text, old):
    assert is_v1(text) is old


def test_a_document_that_is_indented_as_a_whole_is_one_of_1_x(tmp_path, capsys):
    text = "        model:\n          name: net\n          framework: pytorch\n        pruning:\n"
    path = tmp_path / "indented.yaml"
    path.write_text(text)
    assert main(["check", str(path)]) == 0
    assert "(1.x, " in capsys.readouterr().out


def closed_pipe():
    read, write = os.pipe()
    os.close(read)
    return os.fdopen(write, "w")


def test_the_command_stops_quietly_when_nobody_reads(monkeypatch):
    with closed_pipe() as out:
        monkeypatch.setattr(sys, "stdout", out)
        assert main(["schema"]) == 1
        monkeypatch.undo()
    with closed_pipe() as out:
        done = subprocess.run(
            [sys.executable, "-m", "inc_config.cli", "schema"], stdout=out, stderr=subprocess.PIPE, check=False, timeout=60
        )
    assert (done.returncode, done.stderr) == (1, b"")


def test_python_dash_m_runs_the_command(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["inc-config", "schema"])
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("inc_config.cli", run_name="__main__")
    assert caught.value.code == 0
    assert '"$schema"' in capsys.readouterr().out
