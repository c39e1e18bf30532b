"""From a 1.x document to today's configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from inc_config.collection import paused_collection
from inc_config.compat.document.evaluation import V1Accuracy
from inc_config.compat.document.top import V1Document
from inc_config.compat.notes import Note
from inc_config.compat.translate.distillation import distill_of
from inc_config.compat.translate.evaluation import benchmark_of, evaluation_of
from inc_config.compat.translate.precision import conversion_of, mixed_precision_of
from inc_config.compat.translate.pruning import prune_of
from inc_config.compat.translate.quantization import calibration_of, quantize_of
from inc_config.compat.translate.remarks import Remarks
from inc_config.compat.translate.target import model_of, target_of
from inc_config.compat.translate.training import training_of
from inc_config.errors import ConfigError, Fault
from inc_config.evaluation import EvaluationConfig
from inc_config.pipeline import PipelineConfig, StepConfig
from inc_config.target import Target

_SEARCHES = ("nas", "auto_distillation")
STEPS = "$.steps"
Builder = Callable[[str], StepConfig]


@attrs.frozen(kw_only=True)
class Translation:
    """Today's configuration, and a note for everything in the 1.x file that it cannot say or says differently.

    ``config`` has no step where the file names none that is offered. ``origins`` tell which part of the 1.x file each part of ``config``
    comes from, by JSON path, ``document`` is that file; neither counts for equality.
    """

    config: PipelineConfig
    notes: tuple[Note, ...] = ()
    document: V1Document = attrs.field(factory=V1Document, eq=False, repr=False)
    origins: Mapping[str, str] = attrs.field(factory=dict, eq=False, repr=False)

    def locate(self, fault: Fault) -> Fault:
        """A fault of ``config`` at its place in the 1.x file: the path there, line and column."""
        today, rest = fault.path, ""
        while today not in self.origins and today != "$":
            end = max(today.rfind("."), today.rfind("["))
            today, rest = today[:end], today[end:] + rest
        path = self.origins.get(today, "$")
        if rest and f"{path}{rest}" in self.document.places:
            path = f"{path}{rest}"
        line, column = self.document.place(path)
        return attrs.evolve(fault, path=path, line=line, column=column)


@paused_collection()
def translate(document: V1Document) -> Translation:
    """Say a 1.x document in today's words; the notes of its reading come first.

    Steps stand in the order prune, distill, quantize or quantize-aware, mixed-precision. A file that names none of them is one for
    quantization, as it was for 1.x; not so one that asks for a search of students only, or an excerpt without tuning: it has no step.

    Raises:
        ConfigError: the document says what today's configuration refuses.
    """
    remarks = Remarks(document)
    target = target_of(document.model, document.device, remarks)
    steps = tuple(build(f"{STEPS}[{index}]") for index, build in enumerate(_builders(document, target, remarks)))
    tuning = document.tuning
    evaluation = document.evaluation
    tuned = any(hasattr(step, "accuracy_loss") for step in steps)
    if tuning is not None and not tuned:
        remarks.dropped("$.tuning", "Only steps that lower precision are tuned.")
    accepts_all = tuned and tuning is not None and tuning.exit_policy is not None and bool(tuning.exit_policy.performance_only)
    config = PipelineConfig(
        steps=steps,
        model=model_of(document.model, remarks),
        training=training_of(document.train, "$.train", "$.training", remarks),
        calibration=calibration_of(document, remarks),
        evaluation=None if accepts_all or evaluation is None else _judged(evaluation.accuracy, remarks),
        benchmark=None if evaluation is None else benchmark_of(evaluation.performance, "$.evaluation.performance", remarks),
        workspace=tuning.workspace.path if tuning and tuning.workspace else None,
    )
    if remarks.faults:
        raise ConfigError(remarks.faults, source=document.source)
    return Translation(config=config, notes=(*document.notes, *remarks.notes), document=document, origins=remarks.origins)


def _judged(accuracy: V1Accuracy | None, remarks: Remarks) -> EvaluationConfig | None:
    path = "$.evaluation.accuracy"
    return remarks.make(path, lambda: evaluation_of(accuracy, path, remarks), instead=None)


def _builders(document: V1Document, target: Target | None, remarks: Remarks) -> list[Builder]:
    """What makes each step."""
    named = _named(document, target, remarks)
    searches = [name for name in _SEARCHES if getattr(document, name) is not None]
    for name in searches:
        today = "" if named else STEPS
        remarks.not_offered(f"$.{name}", "The search is not offered; train and compress the student you choose.", today)
        if not named:
            remarks.comes_from(f"$.{name}", STEPS)
    if named or searches:
        return named
    if document.model is None and document.tuning is None:
        remarks.manual("$", "The excerpt names no step: write one, such as quantization, pruning or distillation.", STEPS)
        return []
    remarks.changed("$", "The file names no step; static quantization with all defaults is meant, as for 1.x's Quantization.", "$.steps[0]")
    return [lambda today: quantize_of(document, target, today, remarks)]


def _named(document: V1Document, target: Target | None, remarks: Remarks) -> list[Builder]:
    made: list[Builder] = []
    pruning, distillation = document.pruning, document.distillation
    if pruning is not None:
        made.append(lambda today: prune_of(pruning, today, remarks))
    if distillation is not None:
        made.append(lambda today: distill_of(distillation, today, remarks))
    if document.quantization is not None:
        made.append(lambda today: quantize_of(document, target, today, remarks))
    if document.model_conversion is not None:
        made.append(lambda today: conversion_of(target, today, remarks))
    if document.mixed_precision is not None or document.graph_optimization is not None:
        made.append(lambda today: mixed_precision_of(document, target, today, remarks))
    return made
