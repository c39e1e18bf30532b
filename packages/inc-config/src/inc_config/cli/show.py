"""What a configuration will make happen, as a plain-text table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from inc_config.brief import changed, is_record
from inc_config.convert import unstructure
from inc_config.data import LoaderConfig
from inc_config.distillation import DistillConfig
from inc_config.named import Named
from inc_config.pipeline import STEP_KINDS, PipelineConfig, step_kind
from inc_config.pruning import PruneConfig
from inc_config.quantization import QuantizeConfig, TunedPrecision
from inc_config.training import TrainingConfig
from inc_config.tuning import LossKind

Row = tuple[str, str]

_DEFAULTS = "with the defaults"
_SECTIONS = ("training", "calibration", "evaluation", "confirmation", "benchmark", "workspace")
_SAID: dict[type[Any], frozenset[str]] = {
    PruneConfig: frozenset({"target_sparsity", "pattern", "criterion", "scope", "schedule"}),
    DistillConfig: frozenset({"temperature", "loss", "student_weight", "teacher_weight"}),
    QuantizeConfig: frozenset({"approach", "accuracy_loss", "loss_kind", "calibration_samples"}),
}
"""Fields that a step's own sentence tells."""


def table(config: PipelineConfig) -> str:
    """Two columns: the part of the pipeline, and what happens there."""
    rows = list(_rows(config))
    width = max(len(part) for part, _ in rows)
    return "\n".join(f"{part:<{width}}  {what}".rstrip() for part, what in rows)


def _rows(config: PipelineConfig) -> Iterator[Row]:
    yield "part", "what happens"
    yield "----", "------------"
    training = "one training for all" if len(config.steps) > 1 else "one training"
    yield "mode", f"{config.mode.value}: {training if config.mode.name == 'ONE_SHOT' else 'each step after the one before'}"
    if config.model.name:
        yield "model", config.model.name
    if not config.steps:
        yield "steps", "none: the model stays as it is"
    for number, step in enumerate(config.steps, start=1):
        yield from _step_rows(number, step)
    for name in _SECTIONS:
        value = getattr(config, name)
        if value is not None:
            yield from _block(name, _details(value) or [_DEFAULTS])


def _step_rows(number: int, step: Any) -> Iterator[Row]:
    kind = step_kind(step)
    cls = STEP_KINDS[kind]
    said = _SAID.get(cls, frozenset())
    details = [(name, value) for name, value in changed(step, cls).items() if name not in said]
    lines = [line for name, value in details for line in _lines(name, value)]
    yield from _block(f"{number}. {kind}", [*_sentence(step), *lines] or [_DEFAULTS])


def _sentence(step: Any) -> Iterator[str]:
    if isinstance(step, PruneConfig):
        target = f"{100 * step.target_sparsity:g} % of the weights become zero"
        yield f"{target} in pattern {step.pattern}, by {_named(step.criterion)}, {step.scope.value}, {step.schedule.value} schedule"
    if isinstance(step, DistillConfig):
        distance = f"{step.loss.value} to the teacher at temperature {step.temperature:g}"
        yield f"{step.student_weight:g} x own loss + {step.teacher_weight:g} x {distance}"
    if isinstance(step, QuantizeConfig):
        yield f"{step.approach.value} quantization, calibrated on {step.calibration_samples} samples"
    if isinstance(step, TunedPrecision):
        loss = f"{100 * step.accuracy_loss:g} %" if step.loss_kind is LossKind.RELATIVE else f"{step.accuracy_loss:g}"
        policy = step.tuning.exit_policy
        limit = f" or {policy.timeout_s:g} s" if policy.timeout_s else ""
        search = f"strategy {_named(step.tuning.strategy)}, up to {policy.max_trials} trials{limit}"
        yield f"at most {loss} ({step.loss_kind.value}) accuracy lost; {search}"


def _details(value: Any) -> list[str]:
    if isinstance(value, LoaderConfig):
        return [_loader(value)]
    if isinstance(value, TrainingConfig):
        return [_training(value)]
    return [line for name, item in changed(value).items() for line in _lines(name, item)] if is_record(value) else [str(value)]


def _lines(name: str, value: Any) -> Iterator[str]:
    """``name: value`` for a field; records give a line for each field of theirs."""
    if isinstance(value, LoaderConfig | TrainingConfig):
        yield f"{name}: {_details(value)[0]}"
    elif is_record(value):
        given = changed(value)
        if not given:
            yield f"{name}: {_DEFAULTS}"
        for inner, item in given.items():
            yield from _lines(f"{name}.{inner}", item)
    elif isinstance(value, tuple) and any(is_record(item) for item in value):
        for index, item in enumerate(value):
            yield from _lines(f"{name}[{index}]", item)
    elif isinstance(value, tuple):
        yield f"{name}: {', '.join(map(_text, value))}"
    else:
        yield f"{name}: {_text(value)}"


def _text(value: Any) -> str:
    return _named(value) if isinstance(value, Named) else str(unstructure(value))


def _loader(config: LoaderConfig) -> str:
    steps = " -> ".join(map(_named, (config.dataset, *config.transforms)))
    own = attrs.evolve(config, transforms=())
    rest = [f"{name} {_text(value)}" for name, value in changed(own).items() if name not in ("dataset", "batch_size")]
    return ", ".join([steps, f"batches of {config.batch_size}", *rest])


def _training(config: TrainingConfig) -> str:
    length = f"{config.steps} steps" if config.steps is not None else f"{config.epochs or 1} epochs"
    said = ("data", "loss", "optimizer", "epochs", "steps")
    rest = [f"{name} {_text(value)}" for name, value in changed(config).items() if name not in said]
    data = "batches given at run time" if config.data is None else _loader(config.data)
    return ", ".join([f"{length} of {_named(config.optimizer)} on {_named(config.loss)}", *rest, data])


def _named(named: Named) -> str:
    return f"{named.name}({', '.join(f'{key}={value!r}' for key, value in unstructure(named.args).items())})" if named.args else named.name


def _block(title: str, lines: list[str]) -> Iterator[Row]:
    yield from zip((title, *("" for _ in lines[1:])), lines, strict=True)
