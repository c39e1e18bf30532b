"""Spellings that documents and templates use though the 1.x reader refused them: read as they are meant, with a note that says so."""

import pytest
from inc_config import ConfigError, Named
from inc_config.compat import NoteCode, dump_v1, load_v1
from inc_config.compat.document.model import Framework

MODEL = "model: {name: net, framework: pytorch}\n"


def codes(document):
    return [note.code for note in document.notes]


def same(quirky, straight):
    """The quirky text has the meaning of the straight one, which needs no note."""
    found, meant = load_v1(quirky), load_v1(straight)
    assert found == meant, dump_v1(found)
    assert meant.notes == ()
    return found


STRAIGHT = """\
model:
  name: net
  framework: pytorch
distillation:
  train:
    end_epoch: 10
    iteration: 100
    dataloader:
      batch_size: 256
      dataset:
        ImageFolder:
          root: data/train
      transform:
        RandomResizedCrop:
          size: 224
        ToTensor:
        Normalize:
          mean: [0.5]
          std: [0.2]
    criterion:
      KnowledgeDistillationLoss:
        temperature: 1.0
    optimizer:
      SGD:
        learning_rate: 0.1
evaluation:
  accuracy:
    metric:
      topk: 1
    postprocess:
      transform:
        LabelShift: 1
"""


def test_a_text_without_any_indentation_is_read():
    flat = "\n".join(line.strip() for line in STRAIGHT.split("\n"))
    found = same(flat, STRAIGHT)
    assert codes(found) == [NoteCode.INDENTATION] * 3
    shown = found.notes[1].text
    assert found.notes[1].path == "$.distillation"
    assert found.notes[1].line == 4
    assert "    dataloader:\n      batch_size: 256\n      dataset:\n        ImageFolder:\n          root: data/train" in f"\n{shown}"


LEVELS = [
    ("  train:\n", "train:\n"),
    ("    dataloader:\n", "  dataloader:\n"),
    ("          root: data/train\n", "        root: data/train\n"),
    ("      dataset:\n        ImageFolder:\n          root: data/train\n", "    dataset:\n      ImageFolder:\n        root: data/train\n"),
    ("          size: 224\n", "        size: 224\n"),
    ("          mean: [0.5]\n          std: [0.2]\n", "        mean: [0.5]\n        std: [0.2]\n"),
    ("        temperature: 1.0\n", "      temperature: 1.0\n"),
    ("      KnowledgeDistillationLoss:\n        temperature: 1.0\n", "    KnowledgeDistillationLoss:\n      temperature: 1.0\n"),
    ("        learning_rate: 0.1\n", "      learning_rate: 0.1\n"),
    ("      SGD:\n        learning_rate: 0.1\n", "    SGD:\n      learning_rate: 0.1\n"),
    ("      topk: 1\n", "    topk: 1\n"),
    ("    metric:\n      topk: 1\n", "  metric:\n    topk: 1\n"),
    ("  name: net\n  framework: pytorch\n", "name: net\nframework: pytorch\n"),
    ("        LabelShift: 1\n", "      LabelShift: 1\n"),
    (
        "    criterion:\n      KnowledgeDistillationLoss:\n        temperature: 1.0\n",
        "  criterion:\n    KnowledgeDistillationLoss:\n      temperature: 1.0\n",
    ),
]


@pytest.mark.parametrize(("straight", "quirky"), LEVELS)
def test_one_level_too_far_left_at_any_depth(straight, quirky):
    assert straight in STRAIGHT
    found = same(STRAIGHT.replace(straight, quirky), STRAIGHT)
    assert set(codes(found)) == {NoteCode.INDENTATION}


def test_an_uneven_column_is_read_as_one_that_fits():
    straight = (
        "model:\n    name: net\n    framework: pytorch\nquantization:\n"
        "    calibration:\n        sampling_size: 5\n    approach: quant_aware_training\n"
    )
    quirky = straight.replace("    framework", "   framework").replace("    approach", "      approach")
    found = same(quirky, straight)
    assert codes(found) == [NoteCode.INDENTATION] * 2
    assert "    framework: pytorch" in found.notes[0].text.split("\n")


def test_a_line_too_far_right_is_read_beside_its_neighbour():
    same("model:\n  name: net\n     framework: pytorch\n", "model:\n  name: net\n  framework: pytorch\n")


def test_settings_in_the_column_of_the_dash():
    straight = MODEL + (
        "pruning:\n  approach:\n    weight_compression:\n      pruners:\n        - !Pruner\n          names: [a]\n          end_epoch: 2\n"
        "        - !Pruner\n          names: [b]\n"
    )
    same(straight.replace("          ", "        "), straight)


def test_settings_of_a_pruner_in_the_column_of_its_list():
    straight = MODEL + "pruning:\n  approach:\n    weight_compression:\n      pruners:\n      - !Pruner\n        method: per_channel\n"
    same(straight.replace("        method", "      method"), straight)


def test_a_key_that_fits_in_two_places_is_a_fault():
    text = MODEL + "pruning:\napproach:\n  weight_compression:\n    pruners:\n      - !Pruner\n        end_epoch: 3\nnames: [a]\n"
    with pytest.raises(ConfigError, match=r"'names' could belong to \$\.pruning\.approach\.weight_compression or .*pruners\[0\]") as caught:
        load_v1(text)
    assert caught.value.faults[0].line == 8


TRAIN = "train: {optimizer: {Adam: }, criterion: {CrossEntropyLoss: }}\n"


def test_a_flat_section_takes_the_training_that_stands_beside_it():
    found = load_v1(MODEL + "quantization:\napproach: quant_aware_training\n" + TRAIN)
    assert found.train is None
    assert found.quantization.train is not None
    assert codes(found) == [NoteCode.INDENTATION]


def test_a_training_beside_two_flat_sections_is_a_fault():
    with pytest.raises(ConfigError, match=r"'train' could belong to \$ or \$\.pruning"):
        load_v1(MODEL + "quantization: {approach: quant_aware_training}\npruning:\napproach: {weight_compression: {}}\n" + TRAIN)


def test_a_key_that_fits_in_two_places_further_in_is_a_fault():
    text = (
        "model: {name: a, framework: pytorch}\nevaluation:\n  accuracy:\n    dataloader: {batch_size: 1, dataset: {MNIST: {root: a}}}\n"
        "    postprocess:\n      transform: {LabelShift: 1}\n"
    )
    assert load_v1(text).notes == ()
    # 'shape' is nobody's; 'scheme' fits weight only, 'dtype' fits the operator that was written last
    with pytest.raises(ConfigError, match="Unknown key 'shape'"):
        load_v1(text + "shape: 1\n")


def test_a_written_key_stays_where_it_is_known():
    text = "model: {name: a, framework: pytorch}\nquantization:\ntrain: {optimizer: {Adam: }, criterion: {CrossEntropyLoss: }}\n"
    found = load_v1(text)
    assert found.train is not None
    assert found.quantization.train is None
    assert found.notes == ()


def test_operators_without_indentation_are_read_by_their_names():
    straight = (
        "model:\n  name: net\n  framework: pytorch\nquantization:\n  op_wise:\n    conv1:\n      activation:\n        dtype: [fp32]\n"
        "      weight:\n        dtype: [fp32]\n    conv2:\n      weight:\n        dtype: [fp32]\ntuning:\n  random_seed: 1\n"
    )
    same("\n".join(line.strip() for line in straight.split("\n")), straight)


def test_braces_are_not_mended():
    with pytest.raises(ConfigError, match=r"Unknown key 'size'|Missing argument"):
        load_v1(MODEL + "evaluation: {accuracy: {dataloader: {dataset: {MNIST: {root: a}}, transform: {Resize: , size: 3}}}}\n")


LISTS = "dataloader:\n      batch_size: 1\n      dataset:\n        {dash}ImageFolder:\n          {pad}root: a\n      transform:\n"


def test_list_syntax_of_datasets_and_transforms():
    straight = (
        "model:\n  name: net\n  framework: pytorch\nevaluation:\n  performance:\n    dataloader:\n      dataset:\n        ImageFolder:\n"
        "          root: a\n      transform:\n        Resize:\n          size: 8\n        ToTensor:\n"
    )
    quirky = straight.replace("        ImageFolder:\n", "        - ImageFolder:\n    ").replace(
        "        Resize:\n", "        - Resize:\n    "
    )
    found = same(quirky.replace("        ToTensor:\n", "        - ToTensor\n"), straight)
    assert codes(found) == [NoteCode.SPELLING] * 2
    assert "dataset:\n  ImageFolder:\n    root: a" in found.notes[0].text
    with pytest.raises(ConfigError):
        load_v1(straight.replace("        ImageFolder:\n          root: a\n", "        - [a, b]\n"))


@pytest.mark.parametrize(
    ("short", "full"),
    [("onnxrt_qlinear", Framework.ONNXRT_QLINEAROPS), ("onnxrt_integer", Framework.ONNXRT_INTEGEROPS)],
)
def test_short_names_of_frameworks(short, full):
    found = load_v1(f"model:\n  name: net\n  framework: {short}\n")
    assert found.model.framework is full
    assert codes(found) == [NoteCode.SPELLING]
    assert found.notes[0].line == 3
    assert full.value in found.notes[0].text


def test_reduction_none():
    text = MODEL + "train: {optimizer: {Adam: }, criterion: {CrossEntropyLoss: {reduction: %s}}}\n"
    found = load_v1(text % "None")
    assert found == load_v1(text % "none")
    assert codes(found) == [NoteCode.SPELLING]


def test_full_width_commas():
    text = "model:\n  name: net\n  framework: tensorflow\n  inputs: [a，'b，c'] # d，e\n  outputs: \"x，y\"\n"
    found = load_v1(text)
    assert found.model.inputs == ("a", "b，c")
    assert found.model.outputs == ("x", "y")
    assert codes(found) == [NoteCode.SPELLING]
    assert "inputs: [a,'b，c'] # d，e" in found.notes[0].text


def test_reshape_and_keras_rescale():
    text = MODEL + (
        "evaluation:\n  accuracy:\n    dataloader:\n      dataset: {MNIST: {root: a}}\n"
        "      transform: {KerasRescale: {rescale: [127.5, 1]}}\n"
        "    postprocess: {transform: {Reshape: [-1, 10]}}\n"
    )
    found = load_v1(text).evaluation.accuracy
    assert found.dataloader.transform == (Named("KerasRescale", {"rescale": (127.5, 1.0)}),)
    assert found.postprocess.transform == (Named("Reshape", {"shape": (-1, 10)}),)


def test_a_missing_comma_and_surplus_brackets():
    straight = (
        "model:\n  name: net\n  framework: pytorch\nquantization:\n  op_wise: {\n    'a': {\n"
        "      'weight': {'dtype': ['fp32']}\n    },\n    'b': {\n      'weight': {'dtype': ['fp32']}\n    }\n  }\n"
    )
    found = same(straight.replace("    },\n    'b'", "    }   # first\n\n    'b'"), straight)
    assert codes(found) == [NoteCode.SYNTAX]
    assert "    },   # first" in found.notes[0].text
    assert codes(same(straight + "  }\n", straight)) == [NoteCode.SYNTAX]
    assert codes(same(straight.replace("['fp32']}\n    },", "['fp32']}}]\n    },"), straight)) == [NoteCode.SYNTAX]


def test_an_elision_is_told_and_read_as_absent():
    text = (
        "model:\n  name: net\n  framework: pytorch\n  inputs: ...\nevaluation:\n"
        "  accuracy:\n    metric:\n      ...\n    dataloader:\n    …\n"
        "  performance:\n    warmup: 3\n    ...\n"
    )
    found = load_v1(text)
    assert found.model.inputs is None
    assert (found.evaluation.accuracy.metric, found.evaluation.accuracy.dataloader) == (None, None)
    assert found.evaluation.performance.warmup == 3
    assert [(note.code, note.line) for note in found.notes] == [(NoteCode.ELISION, line) for line in (4, 7, 9, 13)]


def test_an_elision_excuses_what_is_missing_around_it():
    text = MODEL + (
        "evaluation:\n  accuracy:\n    dataloader:\n      batch_size: 3\n"
        "      ...\n    metric:\n      topk: ...\n    multi_metrics:\n      ...\n"
    )
    found = load_v1(text)
    assert found.evaluation.accuracy.dataloader is None
    assert found.evaluation.accuracy.metric is None
    assert found.evaluation.accuracy.multi_metrics is None
    assert sum(note.code is NoteCode.ELISION for note in found.notes) >= 3
    with pytest.raises(ConfigError, match="Missing key 'dataset'"):
        load_v1(text.replace("      ...\n    metric", "    metric"))


def test_an_elision_excuses_a_section_that_says_too_little():
    found = load_v1(MODEL + "tuning:\n  accuracy_criterion:\n    relative: ...\n  objective: performance\n")
    assert found.tuning.accuracy_criterion is None
    assert found.tuning.objective == "performance"
    assert NoteCode.ELISION in {note.code for note in found.notes}


def test_an_elision_in_a_list_or_mapping_of_ones_own():
    found = load_v1("model:\n  name: net\n  framework: tensorflow\n  inputs: [a, ...]\n...\n")
    assert found.model.inputs == ("a",)
    assert codes(found) == [NoteCode.ELISION] * 2
    text = MODEL + (
        "evaluation:\n  accuracy:\n    multi_metrics:\n      topk: 1\n      ...\n"
        "    dataloader:\n      dataset:\n        MNIST:\n          ...\n"
    )
    accuracy = load_v1(text).evaluation.accuracy
    assert accuracy.multi_metrics.metrics == (Named("topk", {"k": 1}),)
    assert accuracy.dataloader is None


def test_an_elided_model_is_an_excerpt():
    found = load_v1("model:\n  ...\nquantization:\n  approach: quant_aware_training\n")
    assert found.model is None
    assert NoteCode.EXCERPT in codes(found)


def test_an_excerpt_has_no_model():
    found = load_v1("evaluation:\n  accuracy:\n    metric: {topk: 1}\n")
    assert found.model is None
    assert codes(found) == [NoteCode.EXCERPT]
    assert str(found.notes[0]).endswith("where: $, line 1")


def test_flat_settings_of_an_empty_pruner_are_its_own():
    straight = (
        "model:\n  name: net\n  framework: pytorch\npruning:\n  approach:\n"
        "    weight_compression_pytorch:\n      end_step: 9\n      pruners:\n"
    )
    straight += "        - !Pruner\n          pattern: 4x1\n          prune_type: snip\n"
    same("\n".join(line.strip() for line in straight.split("\n")), straight)


def test_no_pruners_are_none():
    found = load_v1(MODEL + "pruning:\n  approach:\n    weight_compression:\n      pruners:\n")
    assert found.pruning.approach.weight_compression.pruners == ()


def test_a_long_repair_is_shown_in_part():
    lines = "\n".join(f"conv{index}:\nweight:\ndtype: [fp32]" for index in range(40))
    found = load_v1(f"{MODEL}quantization:\nop_wise:\n{lines}\n")
    assert len(found.quantization.op_wise) == 40
    assert "lines more" in found.notes[0].text


def test_a_repair_shows_every_kind_of_value():
    text = MODEL + (
        "pruning:\napproach:\n  weight_compression:\n    names: {a: [b, 'c']}\n"
        "    pruners:\n      - !Pruner\n        names:\n          - a\n      - !Pruner {}\n"
    )
    with pytest.raises(ConfigError):
        load_v1(text)
    found = load_v1(text.replace("{a: [b, 'c']}", "[b, 'c']"))
    assert found.notes[0].text.endswith(
        "pruning:\n  approach:\n    weight_compression:\n      names: [b, 'c']\n      pruners:\n        - !Pruner\n          names:\n"
        "            - a\n        - !Pruner {}"
    )


def test_a_key_in_the_column_of_a_dash_ends_its_list():
    straight = "model:\n  name: net\n  inputs:\n    - a\n  framework: pytorch\n"
    same(straight.replace("  framework", "    framework"), straight)
    beside = "model:\n  name: net\n  inputs:\n  - a\n  framework: pytorch\n"
    same(beside.replace("  name", "    name"), straight)


def test_names_whose_arguments_are_left_out_are_left_out():
    text = MODEL + (
        "evaluation:\n  accuracy:\n    dataloader:\n      dataset: {MNIST: {root: a}}\n      transform:\n        Resize:\n"
        "          interpolation: nearest\n          ...\n        ToTensor:\n    metric:\n      topk: 1\n"
    )
    accuracy = load_v1(text).evaluation.accuracy
    assert accuracy.dataloader.transform == (Named("ToTensor"),)
    data = text.replace("{MNIST: {root: a}}", "\n        MNIST:\n          train: True\n          ...")
    assert load_v1(data).evaluation.accuracy.dataloader is None


def test_own_settings_of_a_search_space_are_not_guessed():
    with pytest.raises(ConfigError, match="Unknown key 'layers'"):
        load_v1(MODEL + "nas:\n  search:\n    search_space:\n      width: [1]\n    layers: {a: 1}\n")


def test_shapes_without_keys():
    from inc_config.compat.document.pruning import PRUNING, V1Pruner
    from inc_config.compat.shapes import ListOf, Section, Shape, Value
    from inc_config.compat.values import text

    assert Value(text).child("a") is None
    assert ListOf(Section(V1Pruner)).child("names") is None
    assert PRUNING.child("magnitude") is not None
    assert isinstance(PRUNING, Shape)


PUNCTUATED = """\
model:
  name: net
  framework: tensorflow
  inputs: [a, 'b：c，d']
quantization:
  calibration:
    dataloader: {batch_size: 3, dataset: {ImageFolder: {root: data}}}
  op_wise: {'conv：1': {'weight': {'dtype': ['fp32']}}}
tuning:
  accuracy_criterion:
    relative: 1%   # a：b
"""


@pytest.mark.parametrize(
    ("plain", "typed", "kind"),
    [
        ("model:", "model：", "Colons"),
        ("name: net", "name：net", "Colons"),
        ("name: net", "name：  net", "Colons"),
        ("dataset: {ImageFolder: {root: data}}", "dataset：{ImageFolder：{root：data}}", "Colons"),
        ("batch_size: 3, dataset", "batch_size：3，dataset", "Commas and colons"),
        ("'weight': {", "'weight'：{", "Colons"),
        ("['fp32']", "［'fp32'］", "Brackets"),
        ("{root: data}", "｛root: data｝", "Brackets"),
        ("'weight'", "‘weight’", "Curly quotes"),
        ("'weight'", "“weight”", "Curly quotes"),
        ("1%", "1％", "Percent signs"),
        ("  name: net", "\u00a0 name: net", "Wide spaces"),
        ("    relative: 1%", "\u3000\u3000relative: 1%", "Wide spaces"),
    ],
)
def test_punctuation_of_other_keyboards(plain, typed, kind):
    straight = load_v1(PUNCTUATED)
    assert straight.notes == ()
    assert plain in PUNCTUATED
    found = load_v1(PUNCTUATED.replace(plain, typed))
    assert found == straight
    assert codes(found) == [NoteCode.SPELLING]
    (note,) = found.notes
    line = next(line for line in PUNCTUATED.split("\n") if plain in line)
    assert note.text.startswith(f"{kind} of another keyboard are read as plain ones: ")
    assert "".join(note.text.partition(": ")[2].replace('"', "'").split()) == "".join(line.split())
    assert note.line == PUNCTUATED.split("\n").index(line) + 1


def test_colons_everywhere_are_mended_and_those_in_values_stay():
    text = "".join(letter if letter != ":" else "：" for letter in PUNCTUATED)
    assert load_v1(text) == load_v1(PUNCTUATED)
    kept = load_v1("model:\n  name: a：b\n  framework：pytorch\n").model
    assert (kept.name, kept.framework) == ("a：b", Framework.PYTORCH)
    assert load_v1("model: {name: a：b, framework: pytorch}\n").notes == ()


def test_faults_beside_full_width_colons_are_those_of_the_mended_text():
    with pytest.raises(ConfigError, match="Unknown framework 'caffe'") as caught:
        load_v1("model：\n  name：a：b\n  framework：caffe\n")
    assert [fault.line for fault in caught.value.faults] == [3]
    with pytest.raises(ConfigError, match="Unknown framework 'caffe'"):
        load_v1("model: {name: 'a，b：c', framework: caffe} # ：\nversion：1\n")
    with pytest.raises(ConfigError, match="Unknown key '，'"):
        load_v1("'，': {a: [b，c：d：]}\nversion: 1.0\n")


@pytest.mark.parametrize("section", ["quantization", "pruning", "distillation", "mixed_precision", "graph_optimization", "nas"])
def test_a_step_of_which_everything_is_left_out_is_still_that_step(section):
    found = load_v1(f"{MODEL}{section}:\n  ...\n")
    assert found == load_v1(f"{MODEL}{section}: {{}}\n") == load_v1(f"{MODEL}{section}: ...\n")
    assert codes(found) == [NoteCode.ELISION]
    assert f"leaves out '{section}': it is read with its defaults" in found.notes[0].text


def test_line_breaks_that_no_editor_shows_stay_in_their_comment():
    text = "model:  # a\u2028b: c\n  name: net  # \x85 d\n  framework: caffe  # \u2029\n"
    with pytest.raises(ConfigError, match="Unknown framework 'caffe'") as caught:
        load_v1(text)
    assert caught.value.faults[0].line == 3
    assert load_v1(text.replace("caffe", "pytorch")) == load_v1(MODEL)


def test_a_section_that_asks_for_the_next_line_takes_it():
    straight = (
        "model:\n  name: net\n  framework: pytorch\ntuning:\n  multi_objectives:\n    objective: [accuracy, performance]\n"
        "    weight: [0.5, 0.5]\n  exit_policy:\n    timeout: 3\n"
    )
    same("\n".join(line.strip() for line in straight.split("\n")), straight)


def test_settings_of_several_pruners_in_the_column_of_their_list():
    straight = MODEL + (
        "pruning:\n  approach:\n    weight_compression:\n      end_epoch: 4\n      pruners:\n      - !Pruner\n        end_epoch: 2\n"
        "        names: [a]\n      - !Pruner\n        end_epoch: 3\n        names: [b]\n"
    )
    same(straight.replace("        end", "      end").replace("        names", "      names"), straight)
