"""The tuning loop: propose, emit, evaluate, record; every event is in the ledger before the next one starts."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Adaptor
from inc_config import plugins
from inc_config.capabilities import Capabilities
from inc_config.constrain import without_match
from inc_config.errors import EvaluationError, IncError, PlanError, PluginError
from inc_config.plan import QuantizationPlan
from inc_config.quantization import QuantizeConfig, TunedPrecision
from inc_config.tuning import AccuracyCriterion, LossKind, ObjectiveKind, TuningConfig
from inc_strategy import (
    Evaluate,
    Ledger,
    Measurement,
    Outcome,
    Probe,
    ProbeResult,
    Stop,
    Strategy,
    Trial,
    TrialStatus,
    View,
    Wait,
    builds_up,
    exit_reason,
    spent_s,
    summary,
)
from inc_strategy.events import lost
from inc_strategy.outcome import frontier
from inc_strategy.trial import lowered

from inc_orchestrate.candidates import Candidates
from inc_orchestrate.data import CalibrationData
from inc_orchestrate.dispatch import Dispatch
from inc_orchestrate.fingerprints import fingerprints
from inc_orchestrate.latency import call_latency_s
from inc_orchestrate.memory import peak_memory_bytes
from inc_orchestrate.pool import RefusedError
from inc_orchestrate.probes import Prober
from inc_orchestrate.progress import Progress
from inc_orchestrate.recipes import recipes_of, rewritten, without_effect
from inc_orchestrate.remote import remote
from inc_orchestrate.scoring import CallableEvaluator, Evaluator, Score, Terms
from inc_orchestrate.sizes import size_of, size_recipe, sizes_of
from inc_orchestrate.widening import Widening
from inc_orchestrate.workers import Workers

FAILURES_IN_A_ROW = 5
"""After so many failed trials and no good one, the fault is taken not to be in the plans."""

INTERRUPTED = "it was interrupted"
"""Why a search ended after Ctrl-C."""

PATIENCE_S = 60.0
"""Trials on workers that take longer than this, and than five times the longest so far, may have lost their workers."""

REPEATABLE = 1e-4
"""Two evaluations of one model that differ by a larger share of the value are not the same."""


@attrs.frozen(kw_only=True, eq=False)
class Setting:
    """What an applied step works with.

    ``baseline`` is the score that the criterion compares with; ``workspace`` makes the search resumable where the configuration
    names no ledger folder; ``example`` is one batch of inputs (None: there is none); ``workers`` run trials elsewhere (None: here).
    """

    adaptor: Adaptor
    evaluator: Evaluator
    baseline: Score
    calibration: CalibrationData | None
    example: Any
    workspace: Path | None
    progress: Progress
    workers: Workers | None = None


@attrs.frozen(kw_only=True, eq=False)
class TuningResult:
    """What a search found: the delivered model with its own score, how it was found, and every trial."""

    handle: ModelHandle
    score: Score
    plan: QuantizationPlan
    capabilities: Capabilities
    outcome: Outcome
    trials: tuple[Trial, ...]
    view: View


def tune(handle: ModelHandle, config: QuantizeConfig, setting: Setting) -> TuningResult:
    """Search plans until the criterion, the time limit or the number of trials.

    Raises:
        PlanError: no operator can be quantized.
        EvaluationError: every trial failed.
        LedgerError: the ledger belongs to another run, or cannot be used.
        KeyboardInterrupt: before the first trial's end, or at the second Ctrl-C (the first one ends the search and delivers what it
            found); after the ledger is safe, with a message that says how to go on.
    """
    for name in without_effect(config, setting.adaptor):
        setting.progress.note(f"quantize: {name} has no effect in this version")
    _say_if_nothing_can_be_lost(config, setting)
    handle = rewritten(setting.adaptor, handle, config)
    judged = setting.evaluator
    evaluate = judged.function if isinstance(judged, CallableEvaluator) else judged
    adaptor, example, progress = setting.adaptor, setting.example, setting.progress
    with remote(setting.workers, evaluate, adaptor=adaptor, handle=handle, example=example, progress=progress) as workers:
        widening = Widening(
            handle, config, adaptor=adaptor, calibration=setting.calibration, example=example, progress=progress, workers=workers
        )
        return _search(handle, widening, config, setting)


def _search(handle: ModelHandle, widening: Widening, config: QuantizeConfig, setting: Setting) -> TuningResult:
    calibrated = widening.first()
    found = calibrated.found
    for given in without_match(
        found.capabilities, exclude=config.exclude, exclude_types=config.exclude_types, constraints=config.constraints
    ):
        setting.progress.note(f"quantize: {given} matches no operator")
    with _ledger_folder(config, setting) as folder, _resumable(folder, config, setting):
        prints = fingerprints(handle, config, setting, found.capabilities)
        with Ledger.open(folder, prints) as ledger:
            search = Search(handle, found, config, setting, ledger=ledger, dispatch=calibrated.dispatch, widening=widening)
            outcome = search.run()
            if outcome.reason == INTERRUPTED:
                setting.progress.note(f"the search was interrupted: {_how_to_go_on(folder, config, setting)}")
            return _deliver(handle, outcome, search)


class Search:
    """One search over one ledger."""

    def __init__(
        self,
        original: ModelHandle,
        found: Candidates,
        config: QuantizeConfig,
        setting: Setting,
        *,
        ledger: Ledger,
        dispatch: Dispatch | None,
        widening: Widening | None = None,
    ) -> None:
        self.found = found
        self.size = sizes_of(config)[0]
        self._original = original
        self._widening = widening
        self._by_size = {self.size: found}
        self.dispatch = dispatch
        self.config = config
        self.setting = setting
        self.ledger = ledger
        self.strategy = _strategy(config.tuning)
        self.prober = self._new_prober()
        self.start = time.monotonic() - spent_s(self.view)
        self._has_waited = False

    @property
    def view(self) -> View:
        """Everything known now."""
        return View(
            capabilities=self.found.capabilities,
            approach=self.config.approach,
            recipes={**recipes_of(self.config), **size_recipe(self.size, self.config)},
            criterion=criterion_of(self.config, self.setting.evaluator),
            objectives=self.config.tuning.objectives,
            exit_policy=self.config.tuning.exit_policy,
            baseline=self.setting.baseline.value,
            items=self.ledger.replay(),
            seed=self.config.tuning.seed,
        )

    def run(self) -> Outcome:
        """Work until something says stop."""
        resumed = len(self.view.trials)
        if resumed:
            self.setting.progress.say(f"resumed: {resumed} trials are in the ledger")
        try:
            reason = self._locally() if self.dispatch is None else self._remotely()
        except KeyboardInterrupt as interruption:
            if isinstance(interruption.__context__, KeyboardInterrupt):  # a second one, while the first unwound
                raise
            reason = self._cut_short(INTERRUPTED, interruption)
        except RefusedError as fault:
            reason = self._cut_short(fault.what, fault)
        view = self.view
        if view.best_so_far is None:
            raise _all_failed(view)
        if resumed and len(view.trials) == resumed:
            self.setting.progress.note(f"no further trial: {reason}")
        return summary(view, reason=reason)

    def _next(self) -> Evaluate | Probe | Wait | Stop:
        view = self.view
        reason = exit_reason(view, elapsed_s=time.monotonic() - self.start, builds_up=builds_up(self.strategy)) or _hopeless(view)
        if reason is None:
            action = self.strategy.propose(view)
            if isinstance(action, Stop) and view.best_feasible is None and self._is_idle() and self._widen():
                return self._next()
            return action
        return Evaluate(view.default_plan) if _is_empty_handed(view) else Stop(reason)

    def _is_idle(self) -> bool:
        return self.dispatch is None or self.dispatch.is_idle

    def _widen(self) -> bool:
        """Start anew with more calibration samples; whether there are any."""
        more = None if self._widening is None else self._widening.more()
        if more is None:
            return False
        self.size, self.found, self.dispatch = more.size, more.found, more.dispatch
        self._by_size[more.size] = more.found
        self.prober = self._new_prober()
        return True

    def _new_prober(self) -> Prober:
        found, setting = self.found, self.setting
        return Prober(
            adaptor=setting.adaptor, original=self._original, emitter=found.emitter, batches=found.kept, progress=setting.progress
        )

    def found_for(self, plan: QuantizationPlan) -> Candidates:
        """The candidates that a plan is from; a resumed search may have to calibrate for them first."""
        size = size_of(plan.recipes, self.config)
        while size not in self._by_size and self._widen():
            pass
        return self._by_size[size]

    def _locally(self) -> str:
        while (reason := self.step()) is None:
            pass
        return reason

    def step(self) -> str | None:
        """Do the next thing here; why the search is over, or None."""
        action = self._next()
        if isinstance(action, Stop):
            return action.reason
        if isinstance(action, Wait):
            raise self._waits_for_nothing()
        index = self._proposed(action)
        self._finished(self._probed(index, action) if isinstance(action, Probe) else self._trial(index, action.plan))
        return None

    def _remotely(self) -> str:
        """The same with several trials under way; probes are done here."""
        while True:
            action = self._next()
            dispatch = self.dispatch
            if dispatch is None:
                raise self._waits_for_nothing()
            if isinstance(action, Stop) and (dispatch.is_idle or self._has_succeeded()):
                for trial in dispatch.cancelled():
                    self._finished(trial)
                return action.reason
            if isinstance(action, Wait) and dispatch.is_idle:
                raise self._waits_for_nothing()
            if isinstance(action, Wait | Stop) or not dispatch.has_room:
                for trial in self._patiently(dispatch):
                    self._finished(self._timed(trial))
            elif isinstance(action, Probe):
                self._finished(self._probed(self._proposed(action), action))
            else:
                dispatch.start(self._proposed(action), action.plan)

    def _cut_short(self, why: str, error: BaseException) -> str:
        """Give up what is under way and go on with what there is; raises again where there is nothing."""
        if self.dispatch is not None:
            self.dispatch.abandon()
        for pending in self.view.pending:
            self._finished(lost(pending, why))
        view = self.view
        if view.best_so_far is None:
            raise error
        self.setting.progress.say(f"{why}: delivering the best model so far; Ctrl-C stops at once")
        return why

    def _patiently(self, dispatch: Dispatch) -> list[Trial]:
        """The next trials that end; said once where that takes far longer than any trial before."""
        if not self._has_waited:
            longest = max((trial.measurement.seconds for trial in self.view.trials if trial.measurement), default=0.0)
            patience = max(PATIENCE_S, 5.0 * longest)
            if found := dispatch.next_finished(patience):
                return found
            self._has_waited = True
            self.setting.progress.say(
                f"no trial has ended in {patience:.0f} s; if no worker is left, Ctrl-C delivers the best model so far"
            )
        return dispatch.next_finished()

    def _has_succeeded(self) -> bool:
        return self.config.tuning.exit_policy.first_success and self.view.best_feasible is not None

    def _waits_for_nothing(self) -> PluginError:
        return PluginError(
            "The strategy waits although nothing is pending.",
            where=f"strategy {self.config.tuning.strategy.name}",
            fix="use another strategy, or report this to its author",
        )

    def _proposed(self, action: Evaluate | Probe) -> int:
        index = self.ledger.proposed(action)
        self.ledger.started(index)
        return index

    def _finished(self, result: Trial | ProbeResult) -> None:
        self.ledger.finished(result)
        if isinstance(result, Trial):
            self.setting.progress.say(_line(result, self.view))

    def _probed(self, index: int, probe: Probe) -> ProbeResult:
        result = self.prober.run(index, probe)
        ended = f"{len(result.scores)} of {len(probe.ops)} operators scored in {result.seconds:.1f} s"
        self.setting.progress.say(f"probe {probe.kind}: {result.error or ended}")
        return result

    def _trial(self, index: int, plan: QuantizationPlan) -> Trial:
        began = time.monotonic()
        try:
            made = self.found.emitter.emit(plan)
            terms = Terms(
                criterion=criterion_of(self.config, self.setting.evaluator),
                before=len(self.view.trials),
                finish_good=not self.config.tuning.exit_policy.first_success,
            )
            judged = self.setting.evaluator.judge(self.setting.adaptor, made, terms)
            latency, memory = self._latency(made), self._memory(made)
            size = self.setting.adaptor.size_bytes(made)
        except Exception as error:  # noqa: BLE001  (whatever one plan's kernels or the user's evaluation raise must not end the search)
            seconds = time.monotonic() - began
            return Trial(
                index=index, plan=plan, status=TrialStatus.FAILED, measurement=Measurement(seconds=seconds), error=_first_line(error)
            )
        measured = Measurement(
            accuracy=judged.score.value,
            samples=judged.score.samples,
            latency_s=latency,
            size_bytes=size,
            memory_bytes=memory,
            seconds=time.monotonic() - began,
        )
        status = TrialStatus.STOPPED_EARLY if judged.stopped_early else TrialStatus.COMPLETE
        return Trial(index=index, plan=plan, status=status, measurement=measured, meets=judged.meets)

    def _timed(self, trial: Trial) -> Trial:
        """A trial that ran elsewhere, with what only this machine can tell."""
        measured = trial.measurement
        kinds = (ObjectiveKind.LATENCY, ObjectiveKind.MEMORY)
        if trial.status is not TrialStatus.COMPLETE or measured is None or not any(map(self._compares_by, kinds)):
            return trial
        try:
            made = self.found.emitter.emit(trial.plan)
            latency, memory = self._latency(made), self._memory(made)
        except Exception as error:  # noqa: BLE001  (what this machine cannot run is no use to it, whatever another one can)
            return attrs.evolve(
                trial, status=TrialStatus.FAILED, measurement=Measurement(seconds=measured.seconds), error=_first_line(error)
            )
        return attrs.evolve(trial, measurement=attrs.evolve(measured, latency_s=latency, memory_bytes=memory))

    def _latency(self, made: ModelHandle) -> float | None:
        """Latency counts only where several feasible models are compared by it."""
        if not self._compares_by(ObjectiveKind.LATENCY):
            return None
        return call_latency_s(self.setting.adaptor, made, self.setting.example)

    def _memory(self, made: ModelHandle) -> int | None:
        if not self._compares_by(ObjectiveKind.MEMORY):
            return None
        return peak_memory_bytes(self.setting.adaptor, made, self.setting.example)

    def _compares_by(self, kind: ObjectiveKind) -> bool:
        tuning = self.config.tuning
        wanted = any(objective.kind is kind for objective in tuning.objectives)
        return wanted and not tuning.exit_policy.first_success and self.setting.example is not None


def criterion_of(config: TunedPrecision, evaluator: Evaluator) -> AccuracyCriterion:
    """The configuration's criterion with the metric's own direction, where it has one."""
    direction = evaluator.higher_is_better
    return config.criterion if direction is None else attrs.evolve(config.criterion, higher_is_better=direction)


def _strategy(tuning: TuningConfig) -> Strategy:
    named = tuning.strategy
    made = plugins.load("inc.strategies", named.name)
    try:
        strategy: Strategy = made(**dict(named.args))
    except TypeError as error:
        raise PluginError(
            f"The strategy {named.name} does not take these arguments: {error}", where="tuning.strategy", fix="leave out or rename them"
        ) from error
    return strategy


def _deliver(handle: ModelHandle, outcome: Outcome, search: Search) -> TuningResult:
    best = outcome.best
    if best is None:
        raise _all_failed(search.view)
    found = search.found_for(best.plan)
    made = found.emitter.emit(best.plan, final=True)
    _say_if_in_float(made, best.plan, search)
    made = attrs.evolve(made, state=attrs.evolve(made.state, plan=best.plan, masks=handle.state.masks))
    score = search.setting.evaluator.evaluate(search.setting.adaptor, made)
    _say_if_not_repeatable(best, score, search)
    return TuningResult(
        handle=made,
        score=score,
        plan=best.plan,
        capabilities=found.capabilities,
        outcome=outcome,
        trials=search.view.trials,
        view=search.view,
    )


def _say_if_in_float(made: ModelHandle, plan: QuantizationPlan, search: Search) -> None:
    """Operators that compute on integers only beside others are in float where there are no others.

    Raises:
        PlanError: that is so although everything that can be was quantized.
    """
    statically = bool(plan.quantized) and not any(option.is_dynamic for option in plan.ops.values())
    if not statically or len(lowered(plan)) > len(plan.quantized) or made.state.qparams:
        return
    what = f"Nothing computes on integers: {', '.join(map(str, plan.quantized[:8]))} do so only beside others."
    if plan == search.view.default_plan:
        raise PlanError(what, where="step quantize", fix="let operators with weights be quantized too: loosen exclude or exclude_types")
    search.setting.progress.note(what)


def _say_if_not_repeatable(best: Trial, again: Score, search: Search) -> None:
    """The delivered model is evaluated a second time: that measures the evaluation itself."""
    if best.accuracy is None:
        return
    difference = abs(again.value - best.accuracy)
    if difference > REPEATABLE * max(abs(best.accuracy), abs(again.value)):
        search.setting.progress.note(
            f"the evaluation is not deterministic: the delivered model got {best.accuracy:.6g} and then {again.value:.6g}; differences of "
            f"{difference:.2g} decide nothing"
        )


def _say_if_nothing_can_be_lost(config: QuantizeConfig, setting: Setting) -> None:
    """A share of nothing is nothing: a relative criterion says little about a baseline of 0."""
    criterion = criterion_of(config, setting.evaluator)
    if setting.baseline.value != 0.0 or criterion.kind is not LossKind.RELATIVE:
        return
    if criterion.higher_is_better:
        what = "any model that gets no more is inside the criterion; check labels and preprocessing"
    else:
        what = "a relative criterion allows no loss at all; use loss_kind='absolute'"
    setting.progress.note(f"the original's {setting.evaluator.metric} is 0: {what}")


@contextmanager
def _ledger_folder(config: QuantizeConfig, setting: Setting) -> Iterator[Path]:
    if config.tuning.ledger is not None:
        yield config.tuning.ledger
    elif setting.workspace is not None:
        yield setting.workspace / "ledger"
    else:
        with tempfile.TemporaryDirectory(prefix="inc-ledger-") as folder:
            yield Path(folder)


@contextmanager
def _resumable(folder: Path, config: QuantizeConfig, setting: Setting) -> Iterator[None]:
    """Say how to go on after Ctrl-C; by then every finished trial is in the ledger."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(f"tuning was interrupted: {_how_to_go_on(folder, config, setting)}") from error


def _how_to_go_on(folder: Path, config: QuantizeConfig, setting: Setting) -> str:
    if config.tuning.ledger is None and setting.workspace is None:
        return "nothing was kept; give Pipeline(workspace=folder) to be able to resume"
    return f"finished trials are in {folder}; run the same again to resume"


def _is_empty_handed(view: View) -> bool:
    """Whether the time was over before any plan was judged: one is judged all the same."""
    return not view.pending and all(trial.status is TrialStatus.LOST for trial in view.trials) and not view.settled


def _hopeless(view: View) -> str | None:
    failed = [trial for trial in view.trials if trial.status is TrialStatus.FAILED]
    if len(failed) < FAILURES_IN_A_ROW or len(failed) < len(view.trials):
        return None
    return f"the first {len(failed)} trials all failed"


def _all_failed(view: View) -> EvaluationError:
    reasons = dict.fromkeys(trial.error or "no reason known" for trial in view.trials)
    return EvaluationError(
        f"All {len(view.trials)} trials failed: {'; '.join(reasons) or 'none was started'}",
        where="step quantize",
        fix="run evaluate on a quantized model by hand; if a trial's time is the problem, raise timeout_s or max_trials",
    )


def _first_line(error: Exception) -> str:
    text = error.what if isinstance(error, IncError) else str(error)
    return f"{type(error).__name__}: {text.splitlines()[0] if text else ''}"


def _by_kind(plan: QuantizationPlan) -> str:
    """How many operators are on integers and in 16 bits, kinds that do not occur left out."""
    integers = len(plan.quantized)
    halves = len(lowered(plan)) - integers
    counts = {"in integers": integers, "in 16 bits": halves}
    shown = [f"{count} {kind}" for kind, count in counts.items() if count] or ["0 in integers"]
    return f"{shown[0].replace(' ', f' of {len(plan.ops)} operators ', 1)}{''.join(f', {rest}' for rest in shown[1:])}"


def _line(trial: Trial, view: View) -> str:
    count = _by_kind(trial.plan)
    if trial.estimate is None:
        return f"trial {trial.index + 1}: {count}, {trial.status.value}: {trial.error}"
    verdict = "inside" if view.feasible(trial) else "outside"
    limit = "" if view.baseline is None else f", limit {view.criterion.limit(view.baseline):.4f}"
    certain = ""
    if trial.status is TrialStatus.STOPPED_EARLY and trial.measurement is not None:
        certain = f" (certain after {trial.measurement.samples} samples)"
    place = ", on the frontier" if trial in frontier(view) else ""
    return f"trial {trial.index + 1}: {count}, {trial.estimate:.4f}{limit}: {verdict}{certain}{place}"
