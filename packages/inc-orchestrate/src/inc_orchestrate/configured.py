"""From documents to one configuration that a pipeline can run: combine, and say what nothing carries out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import attrs
from inc_config.compat import Translation
from inc_config.errors import Fault, IncError, StepError
from inc_config.offered import is_beside_the_point, not_offered
from inc_config.pipeline import PipelineConfig, PipelineMode, StepConfig

from inc_orchestrate.checks import raise_together
from inc_orchestrate.declared import evaluation_of, loader_of
from inc_orchestrate.evaluation import Evaluation

_SECTIONS = ("training", "calibration", "evaluation", "confirmation", "benchmark", "workspace")


@attrs.frozen(kw_only=True, eq=False)
class Configured:
    """Steps (configurations or live), the document that holds everything else, and what to tell the user."""

    steps: tuple[Any, ...]
    document: PipelineConfig | None
    mode: PipelineMode | str
    notes: tuple[str, ...]

    def section(self, name: str) -> Any:
        """A section of the document that needs no making."""
        return None if self.document is None else getattr(self.document, name)

    def calibration(self) -> Any:
        """The document's calibration data."""
        config = self.section("calibration")
        return None if config is None else loader_of(config, where="$.calibration")

    def evaluation(self, loader: Any) -> Evaluation | None:
        """The document's evaluation, on ``loader`` where one is given."""
        config = self.section("evaluation")
        return None if config is None else evaluation_of(config, loader=loader)

    def confirmation(self) -> Evaluation | None:
        """The document's confirmation."""
        config = self.section("confirmation")
        return None if config is None else evaluation_of(config, where="$.confirmation")


def configured(source: Any, *, mode: PipelineMode | str | None) -> Configured:
    """Read what ``Pipeline.from_config`` was given: a configuration, a translation, or several of these and of steps.

    Of several documents every section is the first one that has it; in one shot they share one training.

    Raises:
        StepError: something is asked for that nothing carries out yet.
    """
    parts = tuple(source) if isinstance(source, Iterable) else (source,)
    documents = [inner for inner in map(_inner, parts) if isinstance(inner, PipelineConfig)]
    chosen: PipelineMode | str = mode or next((document.mode for document in documents), PipelineMode.MULTI_SHOT)
    notes = [str(note) for part in parts for note in getattr(part, "notes", ())]
    steps = tuple(step for part in parts for step in _steps(_inner(part)))
    merged = _merged(documents, notes)
    if len(documents) > 1:
        steps = _with_trainings(parts, shared=chosen in (PipelineMode.ONE_SHOT, PipelineMode.ONE_SHOT.value), notes=notes)
    notes += _checked(parts, steps, merged)
    return Configured(steps=steps, document=merged, mode=chosen, notes=tuple(dict.fromkeys(notes)))


def _inner(part: Any) -> Any:
    """What a translation holds, or the part itself."""
    return part.config if hasattr(part, "notes") and hasattr(part, "config") else part


def _steps(inner: Any) -> tuple[Any, ...]:
    if isinstance(inner, PipelineConfig):
        return inner.steps
    return tuple(inner) if isinstance(inner, tuple | list) else (inner,)


def _merged(documents: list[PipelineConfig], notes: list[str]) -> PipelineConfig | None:
    if not documents:
        return None
    taken: dict[str, Any] = {}
    for section in _SECTIONS:
        values = [value for document in documents if (value := getattr(document, section)) is not None]
        if values:
            taken[section] = values[0]
        if section != "training" and any(value != values[0] for value in values):
            notes.append(f"several documents have {section}; the first one counts")
    return attrs.evolve(documents[0], **taken)


def _with_trainings(parts: tuple[Any, ...], *, shared: bool, notes: list[str]) -> tuple[Any, ...]:
    """Give every document's training to its own steps, or (in one shot) the first training to all."""
    steps: list[Any] = []
    trainings: list[Any] = []
    for inner in map(_inner, parts):
        default = inner.training if isinstance(inner, PipelineConfig) else None
        for step in _steps(inner):
            own = getattr(step, "training", None) or default
            trainings += [own] if own is not None else []
            steps.append(attrs.evolve(step, training=own) if own is not None and hasattr(step, "training") else step)
    if not shared or not trainings:
        return tuple(steps)
    if any(training != trainings[0] for training in trainings):
        notes.append("the documents share one training in one shot: data, loss, optimizer and length are those of the first")
    return tuple(attrs.evolve(step, training=trainings[0]) if hasattr(step, "training") else step for step in steps)


def _checked(parts: tuple[Any, ...], steps: tuple[Any, ...], merged: PipelineConfig | None) -> tuple[str, ...]:
    """Refuse what changes the model and is not offered; the rest is told. Both at the place in the part that says it."""
    refused: list[IncError] = []
    told: list[str] = []
    rest = iter(steps)
    for index, part in enumerate(parts):
        own = tuple(islice(rest, len(_steps(_inner(part)))))
        for fault in _faults_of(_inner(part), own, merged, has_steps=bool(steps)):
            place = _place(part, fault, item=f" of item {index}" if len(parts) > 1 else "")
            if is_beside_the_point(fault):
                told.append(f"{place}: {fault.what}")
            else:
                refused.append(StepError(fault.what, where=place, fix=fault.fix))
    raise_together(refused)
    return tuple(told)


def _faults_of(inner: Any, steps: tuple[Any, ...], merged: PipelineConfig | None, *, has_steps: bool) -> Iterator[Fault]:
    """What is not offered of a part's steps and of the sections that count; without a step here, another part may have one."""
    ours = tuple(step for step in steps if isinstance(step, StepConfig))
    if isinstance(inner, PipelineConfig):
        unused: dict[str, Any] = {name: None for name in _SECTIONS if getattr(inner, name) is not getattr(merged, name)}
        document = attrs.evolve(inner, steps=ours, **unused)
    else:
        document = PipelineConfig(steps=ours)
    yield from (fault for fault in not_offered(document) if ours or not has_steps or fault.path != "$.steps")


def _place(part: Any, fault: Fault, *, item: str) -> str:
    """Where a fault stands: in the 1.x file where the part is a translation of one."""
    if not isinstance(part, Translation):
        return f"{fault.path}{item}"
    found = part.locate(fault)
    source = f" in {part.document.source}" if part.document.source else ""
    return f"{found.path}{source}" + ("" if found.line is None else f", line {found.line}")
