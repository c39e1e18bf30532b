"""One run of a pipeline: judge the original, run every stage, measure, and sum up."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import attrs
from inc_adaptors.batches import batch_size, fixed_size
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Adaptor
from inc_config.benchmark import BenchmarkConfig
from inc_config.errors import StepError
from inc_config.quantization import Baseline, QuantizeConfig, TunedPrecision

from inc_orchestrate.checkpoint import Checkpoints, stage_fingerprint
from inc_orchestrate.evaluation import MetricEvaluator
from inc_orchestrate.hosting import Hosting, hosting
from inc_orchestrate.judge import Judged, evaluator_for, judge
from inc_orchestrate.latency import latency_table
from inc_orchestrate.progress import Progress
from inc_orchestrate.result import FitResult
from inc_orchestrate.scoring import AnyEvaluator, Confirmed, Score
from inc_orchestrate.setting import Setting, criterion_of
from inc_orchestrate.sizes import sizes_of
from inc_orchestrate.sparsity import sparsity_of
from inc_orchestrate.stages import AppliedStage, Stage, TrainingStage
from inc_orchestrate.steps.protocol import Applied, Facts
from inc_orchestrate.summarize import Done, Evidence, summarize
from inc_orchestrate.summary import LatencySummary, SparsitySummary
from inc_orchestrate.train_stage import train_stage
from inc_orchestrate.training import Training
from inc_orchestrate.tuner import TuningResult

if TYPE_CHECKING:
    from inc_orchestrate.pipeline import Pipeline

_DEFAULT_CALIBRATION_SAMPLES = 100


class Fit:
    """The state of one run."""

    def __init__(
        self, pipeline: Pipeline, *, adaptor: Adaptor, original: ModelHandle, stages: tuple[Stage, ...], progress: Progress
    ) -> None:
        self._pipeline = pipeline
        self._adaptor = adaptor
        self._original = original
        self._stages = stages
        self._progress = progress
        self._checkpoints = Checkpoints(workspace=pipeline.workspace, adaptor=adaptor, original=original)
        self._print = adaptor.fingerprint(original) if pipeline.workspace is not None else ""
        self._judged = Judged()
        self._baseline: Score | None = None
        self._tuning: TuningResult | None = None

    def run(self) -> FitResult:
        """Everything, in order."""
        began = time.monotonic()
        handle = self._adaptor.copy(self._original)
        self._judge_original(handle)
        done: list[Done] = []
        sparsity: SparsitySummary | None = None
        score = self._baseline
        for index, stage in enumerate(self._stages):
            start = time.monotonic()
            if isinstance(stage, TrainingStage):
                handle, notes = self._train(index, stage, handle)
                sparsity = sparsity_of(self._adaptor, handle)
                after = self._score(handle)
            else:
                applied = self._apply(stage, handle, score)
                handle, notes = applied.handle, applied.notes
                after = self._tuning.score if self._tuning is not None else self._score(handle)
            done.append(
                Done(
                    stage=stage,
                    before=score,
                    after=after,
                    size_bytes=self._adaptor.size_bytes(handle),
                    sparsity=sparsity,
                    seconds=time.monotonic() - start,
                    notes=notes,
                )
            )
            score = after
        confirmed = self._confirm(handle)
        home = hosting(self._adaptor, self._tuning.capabilities.target if self._tuning else self._adaptor.target())
        for line in home.lines(self._adaptor, handle):
            self._progress.note(line)
        evidence = Evidence(
            framework=self._adaptor.name,
            target=str(home.target),
            judged_in=home.runtime.value,
            metric="not measured" if self._judged.evaluator is None else self._judged.evaluator.metric,
            label_free=self._judged.evaluator is not None and self._judged.evaluator.label_free,
            baseline=self._baseline,
            confirmed=confirmed,
            size_before_bytes=self._adaptor.size_bytes(self._original),
            done=tuple(done),
            tuning=self._tuning,
            latency=self._latency(handle, home),
            notes=tuple(self._progress.notes),
            seconds=time.monotonic() - began,
        )
        return FitResult(handle=handle, summary=summarize(evidence), outcome=self._tuning.outcome if self._tuning else None)

    def _judge_original(self, copied: ModelHandle) -> None:
        """Read and judge before any work: data that does not fit or an evaluation that fails is found here.

        The user's own evaluation gets a copy: it may switch modes.
        """
        config = next((step for step in self._pipeline.steps if isinstance(step, QuantizeConfig)), None)
        samples = _DEFAULT_CALIBRATION_SAMPLES if config is None else sizes_of(config)[-1]
        self._judged = judge(
            self._pipeline.calibrate, self._pipeline.evaluate, adaptor=self._adaptor, original=self._original, samples=samples
        )
        if self._judged.example is not None:
            self._adaptor.predict(self._original, self._judged.example)
        self._baseline = self._score(copied)

    def _score(self, handle: ModelHandle) -> Score | None:
        evaluator = self._judged.evaluator
        return None if evaluator is None else evaluator.evaluate(self._adaptor, handle)

    def _train(self, index: int, stage: TrainingStage, handle: ModelHandle) -> tuple[ModelHandle, tuple[str, ...]]:
        training = self._pipeline.training_for(stage)
        self._print = stage_fingerprint(self._print, stage, training)
        saved = self._checkpoints.load(index, self._print)
        if saved is not None:
            self._progress.say(f"resumed: {stage.name} is in the workspace")
            return saved
        facts = Facts(
            adaptor=self._adaptor,
            handle=handle,
            training=training,
            own_loop=training.loop is not None,
            total_steps=training.total_steps,
        )
        trained, notes = self._train_or_say(stage, facts, training)
        trained = attrs.evolve(trained, state=attrs.evolve(trained.state, notes=(*trained.state.notes, stage.name)))
        self._checkpoints.save(index, self._print, trained, notes)
        return trained, notes

    def _train_or_say(self, stage: TrainingStage, facts: Facts, training: Training) -> tuple[ModelHandle, tuple[str, ...]]:
        try:
            return train_stage(stage, facts, training, self._progress)
        except KeyboardInterrupt as error:
            kept = "nothing was kept; give Pipeline(workspace=folder) to be able to resume"
            if self._pipeline.workspace is not None:
                kept = f"finished stages are in {self._pipeline.workspace}; run the same again to resume with {stage.name}"
            raise KeyboardInterrupt(f"the training of {stage.name} was interrupted: {kept}") from error

    def _apply(self, stage: AppliedStage, handle: ModelHandle, entering: Score | None) -> Applied:
        if self._judged.evaluator is None or self._baseline is None or entering is None:
            raise StepError(
                f"{stage.name} has nothing to judge models by.", where="Pipeline(evaluate=...)", fix="give evaluate= or calibrate="
            )
        baseline = self._baseline
        if isinstance(stage.step, TunedPrecision):
            baseline = entering if stage.step.baseline is Baseline.STAGE else baseline
            self._say_if_lost_already(stage, stage.step, entering, baseline)
        setting = Setting(
            adaptor=self._adaptor,
            evaluator=self._judged.evaluator,
            baseline=baseline,
            calibration=self._judged.calibration,
            example=self._judged.example,
            workspace=self._pipeline.workspace,
            progress=self._progress,
            workers=self._pipeline.workers,
        )
        applied = stage.step.apply(handle, setting)
        self._say_if_overlapping()
        if isinstance(applied.details, TuningResult):
            self._tuning = applied.details
        made = applied.handle
        return attrs.evolve(applied, handle=attrs.evolve(made, state=attrs.evolve(made.state, notes=(*handle.state.notes, stage.name))))

    def _say_if_lost_already(self, stage: AppliedStage, config: TunedPrecision, entering: Score, baseline: Score) -> None:
        evaluator = self._judged.evaluator
        if evaluator is None:
            return
        criterion = criterion_of(config, evaluator)
        if not criterion.is_met(entering.value, baseline.value):
            self._progress.note(
                f"the model entering {stage.name} already misses the criterion: {evaluator.metric} {entering.value:.4f}, "
                f"allowed {criterion.limit(baseline.value):.4f}; train longer, prune less, or use baseline='stage' there"
            )

    def _say_if_overlapping(self) -> None:
        calibration, evaluator = self._judged.calibration, self._judged.evaluator
        if calibration is None or evaluator is None or evaluator.ids is None:
            return
        common = calibration.ids.overlap(evaluator.ids)
        if common:
            self._progress.note(
                f"{common} of {calibration.ids.count} calibration samples are also evaluation samples: "
                "the accuracy may look better than it is"
            )

    def _confirm(self, handle: ModelHandle) -> Confirmed | None:
        evaluator = evaluator_for(self._pipeline.confirm, adaptor=self._adaptor, original=self._original)
        if evaluator is None:
            return None
        copied = self._adaptor.copy(self._original)
        if isinstance(evaluator, MetricEvaluator):
            found = evaluator.confirm(self._adaptor, copied, handle)
        else:
            before = evaluator.evaluate(self._adaptor, copied).value
            found = Confirmed(original=before, final=evaluator.evaluate(self._adaptor, handle).value)
        self._say_if_not_untouched(evaluator)
        if self._tuning is not None and found.contradicts(self._tuning.view.criterion):
            self._progress.note("the delivered model misses the criterion on the data that chose nothing, beyond chance")
        return found

    def _say_if_not_untouched(self, confirming: AnyEvaluator) -> None:
        """Confirmation data must not have chosen anything."""
        judged, calibration = self._judged.evaluator, self._judged.calibration
        others = {
            "calibration": None if calibration is None else calibration.ids,
            "evaluation": None if judged is None else judged.ids,
        }
        for name, ids in others.items():
            common = 0 if ids is None or confirming.ids is None else ids.overlap(confirming.ids)
            if common:
                self._progress.note(f"{common} confirmation samples are also {name} samples: the confirmation is not independent")

    def _latency(self, handle: ModelHandle, home: Hosting) -> tuple[LatencySummary, ...]:
        asked = self._pipeline.benchmark
        inputs = self._judged.example
        if asked is False or inputs is None or (asked is None and self._tuning is None) or not home.is_timed:
            return ()
        config = asked if isinstance(asked, BenchmarkConfig) else BenchmarkConfig()
        if fixed_size(self._original.signature) not in (None, config.batch_size):
            self._progress.note(f"latency is for batch {batch_size(inputs)}, the only size that the model takes")
        elif batch_size(inputs) < config.batch_size:
            self._progress.note(f"latency is for batch {batch_size(inputs)}: the given batches are smaller than {config.batch_size}")
        return latency_table(
            self._adaptor,
            original=self._original,
            final=handle,
            inputs=inputs,
            config=config,
            progress=self._progress,
            runtime=home.runtime,
        )
