"""From ``distillation`` to a step."""

from __future__ import annotations

from typing import Any

from inc_config.compat.document.search import V1Distillation
from inc_config.compat.translate.remarks import Remarks
from inc_config.compat.translate.training import training_of
from inc_config.distillation import DistillConfig, DistillLayersConfig, DistillSelfConfig, LayerMapping, OutputPair, SelfLevel
from inc_config.named import Named
from inc_config.training import TrainingConfig

PATH = "$.distillation"
_TARGETS = ("labels", "teacher")
Step = DistillConfig | DistillLayersConfig | DistillSelfConfig


def distill_of(section: V1Distillation, today: str, remarks: Remarks) -> Step:
    """The step; the teacher is a model and stays in code."""
    remarks.comes_from(PATH, today)
    training = training_of(section.train, f"{PATH}.train", f"{today}.training", remarks)
    criterion = section.train.criterion[0] if section.train else Named("KnowledgeDistillationLoss")
    inner = f"{PATH}.train.criterion"
    if criterion.name == "SelfKnowledgeDistillationLoss":
        return remarks.make(inner, lambda: _self(criterion, training), instead=DistillConfig())
    remarks.manual(PATH, "The teacher is a model: give teacher in code.", today)
    if criterion.name == "IntermediateLayersKnowledgeDistillationLoss":
        return remarks.make(inner, lambda: _layers(criterion, training), instead=DistillConfig())
    if criterion.name != "KnowledgeDistillationLoss":
        text = f"{criterion.name} names no distance to the teacher; KL with equal weights and temperature 1 is taken."
        remarks.changed(f"{inner}.{criterion.name}", text, today)
        criterion = Named("KnowledgeDistillationLoss")
    path = f"{inner}.{criterion.name}"
    return remarks.make(path, lambda: _targets(criterion, training, path, remarks), instead=DistillConfig())


def _targets(criterion: Named, training: TrainingConfig | None, path: str, remarks: Remarks) -> DistillConfig:
    for name in ("loss_types", "loss_weights"):
        count = len(criterion.args.get(name, _TARGETS))
        if count != len(_TARGETS):
            said = "the first two count" if count > len(_TARGETS) else "the default is taken"
            remarks.dropped(f"{path}.{name}", f"One is of labels and one of the teacher; of {count}, {said}.")
    student, teacher = _pair(criterion.args.get("loss_weights"), (0.5, 0.5))
    _, loss = _pair(criterion.args.get("loss_types"), ("CE", "KL"))
    return DistillConfig(
        temperature=criterion.args.get("temperature", 1.0),
        loss=loss.lower(),
        student_weight=student,
        teacher_weight=teacher,
        training=training,
    )


def _pair(given: tuple[Any, ...] | None, default: tuple[Any, Any]) -> tuple[Any, Any]:
    return (given[0], given[1]) if given is not None and len(given) > 1 else default


def _layers(criterion: Named, training: TrainingConfig | None) -> DistillLayersConfig:
    mappings = criterion.args["layer_mappings"]
    losses = criterion.args.get("loss_types") or ("MSE",) * len(mappings)
    weights = criterion.args.get("loss_weights") or (None,) * len(mappings)
    return DistillLayersConfig(
        mappings=[
            LayerMapping(**_ends(mapping), loss=loss.lower(), weight=weight)
            for mapping, loss, weight in zip(mappings, losses, weights, strict=True)
        ],
        student_weight=1.0 if criterion.args.get("add_origin_loss") else 0.0,
        training=training,
    )


def _ends(mapping: tuple[Any, ...]) -> dict[str, str]:
    """Student and teacher of ``[both]``, ``[student, teacher]``, ``[student, part, teacher, part]`` or 2.x's pairs."""
    names = ("student", "student_part", "teacher", "teacher_part")
    ends = [mapping[0], mapping[-1]] if len(mapping) < 4 else [mapping[:2], mapping[2:]]
    pairs = [end if isinstance(end, tuple) else (end,) for end in ends]
    flat = [str(part) for pair in pairs for part in (*pair[:2], "")[:2]]
    return {name: part for name, part in zip(names, flat, strict=True) if part}


def _self(criterion: Named, training: TrainingConfig | None) -> DistillSelfConfig:
    mappings = criterion.args["layer_mappings"]
    losses = criterion.args.get("loss_types") or ("CE",) * len(mappings)
    weights = criterion.args.get("loss_weights") or (None,) * len(mappings)
    return DistillSelfConfig(
        levels=[
            SelfLevel(pairs=_pairs(mapping), loss=loss.lower(), weight=weight)
            for mapping, loss, weight in zip(mappings, losses, weights, strict=True)
        ],
        temperature=criterion.args.get("temperature", 1.0),
        student_weight=1.0 if criterion.args.get("add_origin_loss") else 0.0,
        training=training,
    )


def _pairs(level: tuple[Any, ...]) -> list[OutputPair]:
    return [OutputPair(student=student, teacher=teacher) for student, teacher in level]
