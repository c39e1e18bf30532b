"""From pruning, distillation and train of 1.x, LPOT and 2.x to today's configuration."""

import pytest
from inc_config import (
    ConfigError,
    DistillConfig,
    DistillLayersConfig,
    DistillSelfConfig,
    EpochWindow,
    LayerMapping,
    Named,
    OutputPair,
    PruneConfig,
    PruneOverride,
    Regularizer,
    ScheduleKind,
    Scope,
    SelfLevel,
)
from inc_config.compat import NoteCode, load_v1, translate

MODEL = "model: {name: net, framework: pytorch}\n"
TRAIN = "train: {optimizer: {SGD: {learning_rate: 0.1}}, criterion: {%s}%s}"


def translated(text):
    return translate(load_v1(MODEL + text))


def prune(kind, text):
    found = translated(f"pruning: {{approach: {{{kind}: {{{text}}}}}}}\n")
    return found.config.steps[0], {(note.code, note.path.rpartition(".")[2]) for note in found.notes if note.path.startswith("$.pruning")}


def test_pruning_by_epochs():
    found, _ = prune(
        "weight_compression", "initial_sparsity: 0.1, target_sparsity: 0.6, start_epoch: 1, end_epoch: 3, update_frequency: 2.0"
    )
    assert found == PruneConfig(
        initial_sparsity=0.1,
        target_sparsity=0.6,
        schedule=ScheduleKind.LINEAR,
        epochs=EpochWindow(start=1, end=3, frequency=2),
    )


def test_defaults_of_1_x():
    found = translated("pruning: {approach: {}}\n").config.steps[0]
    assert (found.target_sparsity, found.epochs, found.criterion) == (0.97, EpochWindow(end=4), Named("magnitude"))
    steps, _ = prune("weight_compression_pytorch", "")
    assert (steps.target_sparsity, steps.start_step, steps.end_step, steps.schedule) == (0.97, 0, 0, ScheduleKind.EXPONENTIAL)


def test_pruning_by_steps():
    found, notes = prune(
        "weight_compression_pytorch",
        "target_sparsity: 0.8, max_sparsity_ratio_per_layer: 0.9, prune_type: snip_momentum, start_step: 5, end_step: 50, "
        "update_frequency_on_step: 10, excluded_names: [classifier, '.*norm', '^head$', '*bias'], extra_excluded_names: [pooler], "
        "names: [encoder], prune_domain: local, prune_layer_type: [Linear], "
        "sparsity_decay_type: cos, pattern: ic_pattern_4x1, end_epoch: 3",
    )
    assert found == PruneConfig(
        target_sparsity=0.8,
        max_sparsity_per_op=0.9,
        criterion="snip_momentum",
        start_step=5,
        end_step=50,
        frequency=10,
        include=".*encoder.*",
        exclude=[".*classifier.*", ".*norm.*", ".*(?:^head$).*", ".*.*bias.*", ".*pooler.*"],
        scope=Scope.LOCAL,
        layer_types="Linear",
        schedule=ScheduleKind.COSINE,
        pattern="4x1",
    )
    assert {(NoteCode.DROPPED, "end_epoch"), (NoteCode.CHANGED, "weight_compression_pytorch")} <= notes


def test_domains_and_schedules_that_never_were():
    found, notes = prune("weight_compression_pytorch", "prune_domain: everywhere, sparsity_decay_type: often")
    assert (found.scope, found.schedule) == (Scope.GLOBAL, ScheduleKind.EXPONENTIAL)
    assert {(NoteCode.CHANGED, "prune_domain"), (NoteCode.CHANGED, "sparsity_decay_type")} <= notes


def test_steps_have_no_effect_by_epochs():
    _, notes = prune("weight_compression", "start_step: 1, prune_domain: global")
    assert notes == {(NoteCode.DROPPED, "start_step"), (NoteCode.DROPPED, "prune_domain")}


def test_pruners_override_for_their_layers_and_set_the_rest():
    found, notes = prune(
        "weight_compression",
        "target_sparsity: 0.5, start_epoch: 1, pruners: [!Pruner {pattern: tile_pattern_2x2}, "
        "!Pruner {names: [a.weight, 'b.*.weight'], target_sparsity: 0.6, end_epoch: 2, method: per_channel, prune_type: snip}, "
        "!Pruner {names: [c], prune_type: pattern_lock, extra_excluded_names: [d]}]",
    )
    assert str(found.pattern) == "2x2"
    assert found.overrides == (
        PruneOverride(include=[r"a\.weight", r"b\..*\.weight"], target_sparsity=0.6, criterion="snip", epochs=EpochWindow(start=1, end=2)),
        PruneOverride(include="c", criterion="magnitude", exclude="d"),
    )
    assert {(NoteCode.DROPPED, "method"), (NoteCode.CHANGED, "pruners[2]")} <= notes


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("basic_magnitude", {"criterion": Named("magnitude")}),
        ("pattern_lock", {"criterion": Named("magnitude"), "keep_zeros": True}),
        ("snip_momentum_progressive", {"criterion": Named("snip_momentum"), "progressive": True}),
        ("group_lasso", {"criterion": Named("magnitude"), "regularizer": Regularizer(coefficient=0.0)}),
        ("foo", {"criterion": Named("foo")}),
    ],
)
def test_kinds_of_pruning(kind, fields):
    found, _ = prune("weight_compression_pytorch", f"prune_type: {kind}")
    assert {name: getattr(found, name) for name in fields} == fields


def test_parameters_of_pruners():
    lasso, notes = prune("weight_compression", "pruners: [!Pruner {prune_type: group_lasso, parameters: {alpha: 0.1, beta: 2}}]")
    assert lasso.regularizer == Regularizer(coefficient=0.1)
    assert (NoteCode.DROPPED, "parameters") in notes
    sensitive, _ = prune("weight_compression", "pruners: [!Pruner {prune_type: gradient_sensitivity, parameters: {target: 8}}]")
    assert sensitive.criterion == Named("gradient_sensitivity", {"target": 8})
    _, notes = prune("weight_compression", "pruners: [!Pruner {prune_type: magnitude, parameters: {target: 8}}]")
    assert (NoteCode.DROPPED, "parameters") in notes


def test_a_target_that_a_pattern_cannot_reach_is_a_fault():
    with pytest.raises(ConfigError, match=r"reaches sparsity 0\.5") as caught:
        prune("weight_compression_pytorch", "pattern: 2:4, target_sparsity: 0.9")
    assert caught.value.faults[0].line == 2
    with pytest.raises(ConfigError, match=r"reaches sparsity 0\.5"):
        prune("weight_compression_v2", "pattern: 2:4")


def test_pruning_of_2_x():
    found, notes = prune(
        "weight_compression_v2",
        "op_names: [a], excluded_op_names: [b], start_step: 1, end_step: -1, pruning_scope: local, pruning_frequency: 5, "
        "min_sparsity_ratio_per_op: 0.1, max_sparsity_ratio_per_op: 0.95, sparsity_decay_type: linear, pruning_op_types: [Conv], "
        "reg_type: group_lasso, parameters: {reg_coeff: 0.2}, criterion_reduce_type: max, resume_from_pruned_checkpoint: True, "
        "pruners: [!PrunerV2 {op_names: [c], pruning_type: snip_progressive, pattern: 1x1}, !PrunerV2 {target_sparsity: 0.7}]",
    )
    assert found == PruneConfig(
        target_sparsity=0.7,
        pattern="4x1",
        criterion="snip_momentum",
        include=".*a.*",
        exclude=".*b.*",
        start_step=1,
        end_step=None,
        scope=Scope.LOCAL,
        frequency=5,
        min_sparsity_per_op=0.1,
        max_sparsity_per_op=0.95,
        schedule=ScheduleKind.LINEAR,
        layer_types="Conv",
        reduction="max",
        regularizer=Regularizer(coefficient=0.2),
        overrides=[PruneOverride(include=".*c.*", criterion="snip", pattern="1x1")],
    )
    assert {
        (NoteCode.DROPPED, "resume_from_pruned_checkpoint"),
        (NoteCode.CHANGED, "end_step"),
        (NoteCode.CHANGED, "pruners[0]"),
    } <= notes
    _, notes = prune("weight_compression_v2", "parameters: {reg_coeff: 0.2}")
    assert (NoteCode.DROPPED, "parameters") in notes


def test_an_unknown_regularization_is_a_fault():
    with pytest.raises(ConfigError, match="ridge"):
        prune("weight_compression_v2", "reg_type: ridge")


def test_of_two_approaches_one_counts():
    found = translated("pruning: {approach: {weight_compression: {}, weight_compression_pytorch: {target_sparsity: 0.2}}}\n")
    assert found.config.steps[0].target_sparsity == 0.2
    assert any(note.code is NoteCode.DROPPED and note.path.endswith("weight_compression") for note in found.notes)


def test_pruning_of_lpot():
    found = translated(
        "pruning:\n  magnitude:\n    p1: {weights: [a.weight], target_sparsity: 0.6, method: per_channel, end_epoch: 2}\n"
        "    p2: {target_sparsity: 0.4, init_sparsity: 0.1}\n  end_epoch: 9\n"
    )
    assert found.config.steps[0] == PruneConfig(
        target_sparsity=0.4,
        initial_sparsity=0.1,
        epochs=EpochWindow(end=9, frequency=2),
        schedule=ScheduleKind.LINEAR,
        scope=Scope.LOCAL,
        include=r"a\.weight",
        overrides=[PruneOverride(include=r"a\.weight", target_sparsity=0.6)],
    )
    assert [note.path for note in found.notes if note.code is NoteCode.DROPPED] == [
        "$.pruning.magnitude.p1.method",
        "$.pruning.magnitude.p1.end_epoch",
    ]
    plain = translated("pruning: {magnitude: {p1: {}, p2: {}}, start_epoch: 1, end_epoch: 3, frequency: 1, init_sparsity: 0.2}\n")
    assert plain.config.steps[0].initial_sparsity == 0.2
    assert plain.config.steps[0].epochs == EpochWindow(start=1, end=3)


def test_a_policy_of_lpot_that_nothing_can_reach():
    with pytest.raises(ConfigError) as caught:
        translated("pruning: {magnitude: {p1: {weights: [a], target_sparsity: 1.5}, p2: {target_sparsity: 2.0}}}\n")
    assert len(caught.value.faults) == 2


def training(criterion="CrossEntropyLoss: ", more=""):
    found = translated(TRAIN % (criterion, more) + "\npruning: {approach: {}}\n")
    return found.config.training, {(note.code, note.path) for note in found.notes if note.path.startswith("$.train")}


def test_a_training():
    found, notes = training(more=", epoch: 3, iteration: 20, dataloader: {batch_size: 8, dataset: {MNIST: {root: a}}}")
    assert (found.epochs, found.steps_per_epoch, found.data.batch_size) == (3, 20, 8)
    assert (found.loss, found.optimizer) == (Named("cross_entropy"), Named("sgd", {"learning_rate": 0.1}))
    assert notes == set()
    _, notes = training(more=", frequency: 1, execution_mode: graph, hostfile: a")
    assert notes == {
        (NoteCode.DROPPED, "$.train.frequency"),
        (NoteCode.DROPPED, "$.train.execution_mode"),
        (NoteCode.DROPPED, "$.train.hostfile"),
        (NoteCode.MANUAL, "$.train"),
    }


@pytest.mark.parametrize(
    ("more", "epochs"),
    [
        ("", None),
        (", epoch: 4", 4),
        (", end_epoch: 4", 4),
        (", start_epoch: 1, end_epoch: 4", 3),
        (", epoch: 9, end_epoch: 4", 4),
        (", epoch: 0", 1),
        (", start_epoch: 2, end_epoch: 2", 1),
    ],
)
def test_how_many_epochs(more, epochs):
    assert training(more=more)[0].epochs == epochs


@pytest.mark.parametrize(
    ("criterion", "loss", "told"),
    [
        ("CrossEntropyLoss: {reduction: sum}", Named("cross_entropy", {"reduction": "sum"}), False),
        ("CrossEntropyLoss: {reduction: mean}", Named("cross_entropy"), False),
        ("CrossEntropyLoss: {reduction: none}", Named("cross_entropy"), True),
        ("SparseCategoricalCrossentropy: {from_logits: True}", Named("cross_entropy"), True),
        ("KnowledgeDistillationLoss: {loss_types: [MSE, KL]}", Named("mse"), False),
        ("KnowledgeDistillationLoss: {loss_types: [KL, KL]}", Named("cross_entropy"), True),
    ],
)
def test_losses_against_labels(criterion, loss, told):
    found, notes = training(criterion)
    assert found.loss == loss
    assert (len(notes) > 1) is told


def test_adam_keeps_the_epsilon_of_keras():
    found = (
        translated("pruning: {train: {optimizer: {AdamW: {weight_decay: 0.1}}, criterion: {CrossEntropyLoss: }}}\n")
        .config.steps[0]
        .training
    )
    assert found.optimizer == Named("adamw", {"weight_decay": 0.1, "epsilon": 1e-7})


def distill(criterion):
    found = translated(f"distillation: {{{TRAIN % (criterion, '')}}}\n")
    return found.config.steps[0], {(note.code, note.path) for note in found.notes}


def test_distillation_from_outputs():
    found, notes = distill("KnowledgeDistillationLoss: {temperature: 2.0, loss_types: [CE, MSE], loss_weights: [0.2, 0.8]}")
    assert type(found) is DistillConfig
    assert (found.temperature, found.loss.value, found.student_weight, found.teacher_weight) == (2.0, "mse", 0.2, 0.8)
    assert (NoteCode.MANUAL, "$.distillation") in notes
    plain, _ = distill("KnowledgeDistillationLoss: {}")
    assert (plain.temperature, plain.loss.value, plain.student_weight, plain.teacher_weight) == (1.0, "kl", 0.5, 0.5)
    assert translated("distillation: {}\n").config.steps[0] == DistillConfig(temperature=1.0)


def test_a_criterion_without_a_teacher():
    found, notes = distill("CrossEntropyLoss: ")
    assert found.temperature == 1.0
    assert (NoteCode.CHANGED, "$.distillation.train.criterion.CrossEntropyLoss") in notes


def test_a_teacher_without_weight_is_a_fault():
    with pytest.raises(ConfigError, match="teacher has no effect") as caught:
        distill("KnowledgeDistillationLoss: {loss_types: [CE, KL], loss_weights: [1.0, 0.0]}")
    assert caught.value.faults[0].path == "$.distillation.train.criterion.KnowledgeDistillationLoss"


def test_distillation_from_layers():
    found, _ = distill(
        "IntermediateLayersKnowledgeDistillationLoss: {layer_mappings: [[a, b], [c, '0', d, '1'], [e], [[f, '0'], [g]]], "
        "loss_types: [MSE, KL, L1, MSE], add_origin_loss: True}"
    )
    assert type(found) is DistillLayersConfig
    assert found.student_weight == 1.0
    assert found.mappings == (
        LayerMapping(student="a", teacher="b"),
        LayerMapping(student="c", student_part="0", teacher="d", teacher_part="1", loss="kl"),
        LayerMapping(student="e", teacher="e", loss="l1"),
        LayerMapping(student="f", student_part="0", teacher="g"),
    )
    weighted, _ = distill("IntermediateLayersKnowledgeDistillationLoss: {layer_mappings: [[a, b]], loss_weights: [0.5]}")
    assert (weighted.mappings[0].weight, weighted.student_weight) == (0.5, 0.0)


def test_distillation_from_oneself():
    found, notes = distill(
        "SelfKnowledgeDistillationLoss: {layer_mappings: [[[a, z], [b, z]], [c, z]], "
        "loss_types: [L2, KL], loss_weights: [0.5, 0.1], temperature: 3.0}"
    )
    assert type(found) is DistillSelfConfig
    assert found.levels == (
        SelfLevel(pairs=[OutputPair(student="a", teacher="z"), OutputPair(student="b", teacher="z")], loss="l2", weight=0.5),
        SelfLevel(pairs=[OutputPair(student="c", teacher="z")], loss="kl", weight=0.1),
    )
    assert found.temperature == 3.0
    assert (NoteCode.MANUAL, "$.distillation") not in notes
    brief, _ = distill("SelfKnowledgeDistillationLoss: {layer_mappings: [[a, b]], add_origin_loss: True}")
    assert (brief.student_weight, brief.temperature, brief.levels[0].weight) == (1.0, 1.0, None)


@pytest.mark.parametrize(
    ("types", "weights", "path"), [("[CE]", "[1.0]", "loss_types"), ("[CE, KL, MSE]", "[0.2, 0.3, 0.5]", "loss_weights")]
)
def test_more_or_fewer_terms_than_labels_and_teacher_are_told(types, weights, path):
    _, notes = distill(f"KnowledgeDistillationLoss: {{loss_types: {types}, loss_weights: {weights}}}")
    assert (NoteCode.DROPPED, f"$.distillation.train.criterion.KnowledgeDistillationLoss.{path}") in notes


def test_a_first_epoch_without_a_last_is_told():
    found = translated(f"pruning: {{{TRAIN % ('CrossEntropyLoss: ', ', start_epoch: 2, epoch: 5')}}}\n")
    assert found.config.steps[0].training.epochs == 5
    assert (NoteCode.DROPPED, "$.pruning.train.start_epoch") in {(note.code, note.path) for note in found.notes}


def test_parameters_of_a_pruner_belong_to_the_criterion_that_it_inherits():
    found = translated(
        "pruning: {approach: {weight_compression: {prune_type: gradient_sensitivity, pruners: [!Pruner {parameters: {stride: 64}}]}}}\n"
    )
    assert found.config.steps[0].criterion == Named("gradient_sensitivity", {"stride": 64})
    other = translated("pruning: {approach: {weight_compression: {pruners: [!Pruner {names: [a], parameters: {stride: 64}}]}}}\n")
    assert (NoteCode.DROPPED, "$.pruning.approach.weight_compression.pruners[0].parameters") in {(n.code, n.path) for n in other.notes}


@pytest.mark.parametrize("section", ["weight_compression_pytorch", "weight_compression_v2"])
def test_a_pattern_that_reaches_one_sparsity_only_is_told(section):
    found = translated(f"pruning: {{approach: {{{section}: {{target_sparsity: 0.4, pattern: 2:4}}}}}}\n")
    assert found.config.steps[0].target_sparsity == 0.5
    (note,) = [note for note in found.notes if note.code is NoteCode.CHANGED]
    assert (note.path, note.today) == (f"$.pruning.approach.{section}.target_sparsity", "$.steps[0].target_sparsity")
    with pytest.raises(ConfigError, match=r"reaches sparsity 0\.5 and nothing else, not 0\.9"):
        translated(f"pruning: {{approach: {{{section}: {{target_sparsity: 0.9, pattern: 2:4}}}}}}\n")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("weight_compression_pytorch: {start_step: 4, end_step: 2}", "weight_compression_pytorch.end_step"),
        ("weight_compression: {pattern: 4y1}", "weight_compression"),
        ("weight_compression: {pruners: [!Pruner {names: a, target_sparsity: 1.0}]}", "weight_compression.pruners[0].target_sparsity"),
    ],
)
def test_what_a_pruning_refuses_is_told_at_its_key(text, path):
    with pytest.raises(ConfigError) as caught:
        translated(f"pruning: {{approach: {{{text}}}}}\n")
    (fault,) = caught.value.faults
    assert (fault.path, fault.line) == (f"$.pruning.approach.{path}", 2)
    assert fault.column


def test_a_part_of_an_epoch_is_a_whole_one():
    found = translated("pruning: {approach: {weight_compression: {update_frequency: 1.5}}}\n")
    assert found.config.steps[0].epochs.frequency == 1
    assert (NoteCode.CHANGED, "$.pruning.approach.weight_compression.update_frequency") in {(n.code, n.path) for n in found.notes}
    assert translated("pruning: {approach: {weight_compression: {update_frequency: 2.0}}}\n").notes == ()
