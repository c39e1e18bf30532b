"""From what happened to the summary: what each stage gained, which operators compute in what, and how the search went."""

from __future__ import annotations

import attrs
from inc_config.distillation import DistillConfig
from inc_config.pruning import PruneConfig
from inc_strategy import Outcome, Trial, View

from inc_orchestrate.planning import operator_rows
from inc_orchestrate.scoring import Confirmed, Score
from inc_orchestrate.stages import AppliedStage, Stage, TrainingStage
from inc_orchestrate.summary import (
    AccuracySummary,
    GainSummary,
    HurtSummary,
    LatencySummary,
    SparsitySummary,
    StageSummary,
    Summary,
    TrialSummary,
)
from inc_orchestrate.tables import megabytes
from inc_orchestrate.tuner import TuningResult


@attrs.frozen(kw_only=True, eq=False)
class Done:
    """One stage that was run, with the scores around it."""

    stage: Stage
    before: Score | None
    after: Score | None
    size_bytes: int
    sparsity: SparsitySummary | None
    seconds: float
    notes: tuple[str, ...]


@attrs.frozen(kw_only=True, eq=False)
class Evidence:
    """Everything a summary is made of; ``confirmed`` is the original's and the result's value on data that chose nothing."""

    framework: str
    target: str
    judged_in: str
    metric: str
    label_free: bool
    baseline: Score | None
    confirmed: Confirmed | None
    size_before_bytes: int
    done: tuple[Done, ...]
    tuning: TuningResult | None
    latency: tuple[LatencySummary, ...]
    notes: tuple[str, ...]
    seconds: float


def summarize(evidence: Evidence) -> Summary:
    """Sum up a run."""
    tuning = evidence.tuning
    sizes = [evidence.size_before_bytes, *(done.size_bytes for done in evidence.done)]
    stage_notes = tuple(f"{done.stage.name}: {note}" for done in evidence.done for note in done.notes)
    return Summary(
        framework=evidence.framework,
        target=evidence.target,
        judged_in=evidence.judged_in,
        accuracy=_accuracy(evidence),
        size_before_bytes=sizes[0],
        size_after_bytes=sizes[-1],
        stages=tuple(_stage(done, before, evidence) for done, before in zip(evidence.done, sizes, strict=False)),
        operators=() if tuning is None else operator_rows(tuning.capabilities, tuning.plan, tuning.idle),
        latency=evidence.latency,
        sparsity=evidence.done[-1].sparsity,
        trials=() if tuning is None else tuple(_trial(trial, tuning) for trial in tuning.trials),
        hurts=() if tuning is None else _hurts(tuning.outcome),
        gains=() if tuning is None else _latency_gains(tuning.view),
        stop_reason="" if tuning is None else tuning.outcome.reason,
        suggestions=() if tuning is None else tuning.outcome.suggestions,
        notes=(*evidence.notes, *stage_notes),
        seconds=evidence.seconds,
    )


def _accuracy(evidence: Evidence) -> AccuracySummary:
    last = evidence.done[-1].after
    tuning = evidence.tuning
    confirmed = evidence.confirmed
    criterion = None if tuning is None else tuning.view.criterion
    compared = None if tuning is None else tuning.view.baseline
    met = True
    limit = None
    if criterion is not None and compared is not None and last is not None:
        limit = criterion.limit(compared)
        met = criterion.is_met(last.value, compared) and not (confirmed is not None and confirmed.contradicts(criterion))
    return AccuracySummary(
        metric=evidence.metric,
        higher_is_better=True if criterion is None else criterion.higher_is_better,
        original=None if evidence.baseline is None else evidence.baseline.value,
        limit=limit,
        final=None if last is None else last.value,
        is_met=met,
        label_free=evidence.label_free,
        confirmed_original=None if confirmed is None else confirmed.original,
        confirmed=None if confirmed is None else confirmed.final,
        confirmed_interval=None if confirmed is None else confirmed.interval,
        samples=None if last is None else last.samples,
        others=() if last is None else last.others,
    )


def _stage(done: Done, size_before: int, evidence: Evidence) -> StageSummary:
    return StageSummary(
        name=done.stage.name,
        accuracy=None if done.after is None else done.after.value,
        size_bytes=done.size_bytes,
        sparsity=None if done.sparsity is None else done.sparsity.pruned,
        speedup=evidence.latency[0].ratio if isinstance(done.stage, AppliedStage) and evidence.latency else None,
        seconds=done.seconds,
        gains=_gains(done, size_before, evidence),
        notes=done.notes,
    )


def _gains(done: Done, size_before: int, evidence: Evidence) -> tuple[str, ...]:
    gains: list[str] = []
    if isinstance(done.stage, TrainingStage):
        if done.sparsity is not None and any(isinstance(step, PruneConfig) for step in done.stage.steps):
            gains.append(
                f"{done.sparsity.pruned:.1%} zeros; masks alone give no speed and no smaller file: dense kernels compute zeros too"
            )
        if any(isinstance(step, DistillConfig) for step in done.stage.steps) and done.before and done.after:
            gains.append(f"{evidence.metric} {done.after.value - done.before.value:+.4f}")
        return tuple(gains)
    if done.size_bytes < size_before:
        gains.append(f"{size_before / done.size_bytes:.1f}x smaller ({megabytes(size_before)} -> {megabytes(done.size_bytes)})")
    gains += [f"{row.ratio:.2f}x [{row.low:.2f}, {row.high:.2f}] {row.against}: {row.verdict}" for row in evidence.latency[:1]]
    return tuple(gains)


def _trial(trial: Trial, tuning: TuningResult) -> TrialSummary:
    view = tuning.view
    measured = trial.measurement
    return TrialSummary(
        index=trial.index,
        status=trial.status.value,
        quantized=0 if trial.in_float else len(trial.plan.quantized),
        operators=len(trial.plan.ops),
        accuracy=None if measured is None else measured.accuracy,
        size_bytes=None if measured is None else measured.size_bytes,
        latency_s=None if measured is None else measured.latency_s,
        seconds=0.0 if measured is None else measured.seconds,
        is_feasible=view.succeeds(trial),
        in_float=trial.in_float,
        fallback=tuple(str(op) for op in view.quantizable if op not in set(trial.plan.quantized)),
        error=trial.error,
        on_frontier=trial in tuning.outcome.frontier,
    )


def _hurts(outcome: Outcome) -> tuple[HurtSummary, ...]:
    return tuple(HurtSummary(ops=tuple(str(op) for op in hurt.ops), gain=hurt.gain) for hurt in outcome.hurts)


def _latency_gains(view: View) -> tuple[GainSummary, ...]:
    """From the last probe of latencies, the largest gain first."""
    probes = [probe for probe in view.probes if probe.kind == "latency" and probe.scores]
    if not probes:
        return ()
    gains = [GainSummary(op=str(op), seconds=-score) for op, score in probes[-1].scores.items()]
    return tuple(sorted(gains, key=lambda gain: -gain.seconds))
