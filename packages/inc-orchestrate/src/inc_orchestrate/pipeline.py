"""Steps in, a compressed model out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import attrs
from inc_adaptors.batches import split
from inc_adaptors.detect import adaptor_for
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Adaptor, ChecksTraining
from inc_config.benchmark import BenchmarkConfig
from inc_config.errors import DataError, IncError, StepError
from inc_config.pipeline import PipelineMode
from inc_config.training import TrainingConfig

from inc_orchestrate.checks import raise_together
from inc_orchestrate.configured import configured
from inc_orchestrate.data import input_names
from inc_orchestrate.declared import live_steps, training_of
from inc_orchestrate.fitting import Fit
from inc_orchestrate.judge import EvaluateWith, data_faults
from inc_orchestrate.progress import Progress, as_progress
from inc_orchestrate.result import FitResult
from inc_orchestrate.stages import AppliedStage, Stage, TrainingStage, plan_stages
from inc_orchestrate.steps.build import build_steps
from inc_orchestrate.steps.protocol import AppliedStep, Facts, TrainingStep, fault
from inc_orchestrate.training import Loop, Training, as_training
from inc_orchestrate.workers import Workers, workers_faults
from inc_orchestrate.writable import check_writable


def _as_tuple(steps: Iterable[TrainingStep | AppliedStep]) -> tuple[TrainingStep | AppliedStep, ...]:
    if not isinstance(steps, Iterable):
        raise StepError(f"steps is a {type(steps).__name__}, not a list.", where="Pipeline(...)", fix="Pipeline([Quantize()], ...)")
    return tuple(steps)


@attrs.frozen(eq=False)
class Pipeline:
    """Compress a model in steps.

    Args:
        steps: Prune, Distill, Quantize in the order they are to happen.
        mode: ``"multi-shot"`` trains for each training step in turn, ``"one-shot"`` lets them share one training.
        train: a ``Training``, one described by names (``TrainingConfig``), or the user's own loop ``(model, hooks)``; a step's own
            comes first.
        train_loader: batches for trainings that are described by names, instead of the data these name.
        calibrate: batches for quantization, with or without targets; read once.
        evaluate: an ``Evaluation``, a ``LabelFree``, or a callable ``model -> float``. Without it, part of the calibration data is held out
            and models are compared with the original.
        confirm: the same kinds, on data that chooses nothing: the delivered model is confirmed on it once.
        workspace: a folder that makes the run resumable.
        workers: run trials and parts of the calibration there (``Workers``); a callable ``evaluate`` is then an importable function. None:
            in this process.
        benchmark: how latencies are compared at the end; False leaves it out.
        progress: show bars and notes (True), nothing (False), or a ``Progress``.
    """

    steps: Sequence[TrainingStep | AppliedStep] = attrs.field(converter=_as_tuple)
    mode: PipelineMode | str = attrs.field(default=PipelineMode.MULTI_SHOT, kw_only=True)
    train: Training | TrainingConfig | Loop | None = attrs.field(default=None, kw_only=True)
    train_loader: Any = attrs.field(default=None, kw_only=True)
    calibrate: Any = attrs.field(default=None, kw_only=True)
    evaluate: EvaluateWith = attrs.field(default=None, kw_only=True)
    confirm: EvaluateWith = attrs.field(default=None, kw_only=True)
    workspace: Path | None = attrs.field(default=None, kw_only=True, converter=attrs.converters.optional(Path))
    workers: Workers | None = attrs.field(default=None, kw_only=True)
    benchmark: BenchmarkConfig | bool | None = attrs.field(default=None, kw_only=True)
    progress: Progress | bool = attrs.field(default=True, kw_only=True)

    @classmethod
    def from_config(
        cls,
        config: Any,
        *,
        mode: PipelineMode | str | None = None,
        teacher: Any = None,
        train: Training | TrainingConfig | Loop | None = None,
        train_loader: Any = None,
        calibrate: Any = None,
        evaluate: EvaluateWith = None,
        evaluation_loader: Any = None,
        confirm: EvaluateWith = None,
        workspace: Path | str | None = None,
        benchmark: BenchmarkConfig | bool | None = None,
        progress: Progress | bool = True,
    ) -> Pipeline:
        """Make a pipeline from configurations. What is given here comes before what the configuration names.

        Args:
            config: a ``PipelineConfig``, a translation of a 1.x file (its notes are shown), a step's configuration, or several of these:
                two documents with ``mode="one-shot"`` train together.
            mode: overrides the configuration's.
            teacher: for distillation, which no file can hold.
            train, train_loader, calibrate, evaluate, confirm, workspace, benchmark, progress: as for ``Pipeline``.
            evaluation_loader: batches for the metrics that the configuration names.

        Raises:
            StepError: something in ``config`` is no step's configuration, or is not offered yet.
            DataError: the named data cannot be read.
            EvaluationError: an unknown metric.
        """
        shown = as_progress(progress)
        found = configured(config, mode=mode)
        for note in found.notes:
            shown.note(note)
        return cls(
            build_steps(found.steps, teacher=teacher),
            mode=found.mode,
            train=train or found.section("training"),
            train_loader=train_loader,
            calibrate=found.calibration() if calibrate is None else calibrate,
            evaluate=found.evaluation(evaluation_loader) if evaluate is None else evaluate,
            confirm=found.confirmation() if confirm is None else confirm,
            workspace=found.section("workspace") if workspace is None else workspace,
            benchmark=found.section("benchmark") if benchmark is None else benchmark,
            progress=shown,
        )

    def fit(self, model: Any) -> FitResult:
        """Compress a native model, or the model file at a path; the caller's model stays bit-identical.

        Raises:
            IncError: bad input, found before any work; several faults are told together.
            EvaluationError: the evaluation raised or gave no number, or every trial failed.
            KeyboardInterrupt: with a message that says how to resume.
        """
        adaptor = adaptor_for(model)
        original = adaptor.open(model)
        live = self._live(adaptor)
        stages = live._checked(adaptor, original)
        return Fit(live, adaptor=adaptor, original=original, stages=stages, progress=as_progress(self.progress)).run()

    def training_for(self, stage: TrainingStage) -> Training:
        """The training of a stage: its steps' own, or the pipeline's.

        Raises:
            StepError: none, or several different ones for steps that share a training.
        """
        own = list({id(step.train): step.train for step in stage.steps if step.train is not None}.values())
        if len(own) > 1:
            raise StepError(
                f"The steps {stage.name} share one training, but {len(own)} different ones were given.",
                where="train= of the steps",
                fix="give one Training to the pipeline, or use mode='multi-shot'",
            )
        training = own[0] if own else as_training(self.train)
        if training is None:
            raise StepError(
                f"{stage.name} needs a training.", where="Pipeline(train=...)", fix="train=Training(loader, loss, optimizer, epochs=3)"
            )
        return training

    def _live(self, adaptor: Adaptor) -> Pipeline:
        """Trainings that are described by names, in the framework's own objects."""
        train = training_of(self.train, adaptor, loader=self.train_loader) if isinstance(self.train, TrainingConfig) else self.train
        return attrs.evolve(self, steps=live_steps(self.steps, adaptor, loader=self.train_loader), train=train)

    def _checked(self, adaptor: Adaptor, original: ModelHandle) -> tuple[Stage, ...]:
        stages = plan_stages(self.steps, self.mode)
        found = [*data_faults(self.calibrate, self.evaluate), *data_faults(None, self.confirm), *self._benchmark_faults()]
        if self.workspace is not None:
            found += self._workspace_faults(self.workspace)
        if self.workers is not None:
            found += workers_faults(self.workers, self.evaluate, adaptor, original)
        for stage in stages:
            found += self._stage_faults(stage, adaptor, original)
        raise_together(found)
        return stages

    def _stage_faults(self, stage: Stage, adaptor: Adaptor, original: ModelHandle) -> list[IncError]:
        facts = Facts(
            adaptor=adaptor, handle=original, has_calibration=self.calibrate is not None, has_evaluation=self.evaluate is not None
        )
        if isinstance(stage, AppliedStage):
            return list(stage.step.check(facts))
        found: list[IncError] = [*fault(lambda: self.training_for(stage))]
        if not found:
            training = self.training_for(stage)
            found += training.faults()
            if isinstance(adaptor, ChecksTraining):
                found += fault(lambda: adaptor.check_training(original, training))
            example = None if found else _example(training, original, found)
            if not found:
                facts = attrs.evolve(
                    facts, training=training, own_loop=training.loop is not None, total_steps=training.total_steps, example=example
                )
        for step in stage.steps:
            found += step.check(facts)
        return found

    def _benchmark_faults(self) -> list[IncError]:
        if self.benchmark is None or isinstance(self.benchmark, bool | BenchmarkConfig):
            return []
        what = f"benchmark= takes a BenchmarkConfig or False, not a {type(self.benchmark).__name__}."
        return [StepError(what, where="Pipeline(benchmark=...)", fix="BenchmarkConfig(batch_size=1), or leave it out")]

    @staticmethod
    def _workspace_faults(workspace: Path) -> list[IncError]:
        return list(fault(lambda: check_writable(workspace, where="Pipeline(workspace=...)")))


def _example(training: Training, original: ModelHandle, found: list[IncError]) -> Any:
    """The inputs of the first training batch (None for data that can be read only once); what is wrong with it goes to ``found``."""
    if training.loader is None or iter(training.loader) is training.loader:
        return None
    read: Callable[[], Any] = lambda: split(next(iter(training.loader)), input_names(original.signature))  # noqa: E731  (a thunk for one try)
    try:
        inputs, targets = read()
    except StopIteration:
        found.append(DataError("The training data is empty.", where="train=Training(loader=...)", fix="give at least one batch"))
        return None
    except IncError as error:
        found.append(error)
        return None
    if targets is None and training.loop is None:
        fix = "yield (inputs, targets)"
        found.append(DataError("The training batches have no targets.", where="train=Training(loader=...)", fix=fix))
    return inputs
