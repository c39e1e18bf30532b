"""One search over one ledger: propose, emit, evaluate, record; every event is in the ledger before the next one starts."""

from __future__ import annotations

import time

from inc_adaptors.handle import ModelHandle
from inc_config import plugins
from inc_config.errors import EvaluationError, PluginError
from inc_config.plan import QuantizationPlan
from inc_config.quantization import QuantizeConfig
from inc_config.tuning import TuningConfig
from inc_strategy import (
    Evaluate,
    Ledger,
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

from inc_orchestrate.candidates import Candidates
from inc_orchestrate.dispatch import Dispatch
from inc_orchestrate.measuring import Measuring
from inc_orchestrate.pool import RefusedError
from inc_orchestrate.probes import Prober
from inc_orchestrate.recipes import recipes_of
from inc_orchestrate.setting import Setting, criterion_of
from inc_orchestrate.sizes import size_of, size_recipe, sizes_of
from inc_orchestrate.trial_lines import trial_line
from inc_orchestrate.widening import Widening

FAILURES_IN_A_ROW = 5
"""After so many failed trials and no good one, the fault is taken not to be in the plans."""

INTERRUPTED = "it was interrupted"
"""Why a search ended after Ctrl-C."""

PATIENCE_S = 60.0
"""Trials on workers that take longer than this, and than five times the longest so far, may have lost their workers."""


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
        self.measuring = Measuring(config=config, setting=setting)
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
            raise all_failed(view)
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
        if isinstance(action, Probe):
            self._finished(self._probed(index, action))
        else:
            self._finished(self.measuring.trial(index, action.plan, emitter=self.found.emitter, before=len(self.view.trials)))
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
                    self._finished(self.measuring.timed(trial, emitter=self.found.emitter))
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
            self.setting.progress.say(trial_line(result, self.view))

    def _probed(self, index: int, probe: Probe) -> ProbeResult:
        result = self.prober.run(index, probe)
        ended = f"{len(result.scores)} of {len(probe.ops)} operators scored in {result.seconds:.1f} s"
        self.setting.progress.say(f"probe {probe.kind}: {result.error or ended}")
        return result


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


def _is_empty_handed(view: View) -> bool:
    """Whether the time was over before any plan was judged: one is judged all the same."""
    return not view.pending and all(trial.status is TrialStatus.LOST for trial in view.trials) and not view.settled


def _hopeless(view: View) -> str | None:
    failed = [trial for trial in view.trials if trial.status is TrialStatus.FAILED]
    if len(failed) < FAILURES_IN_A_ROW or len(failed) < len(view.trials):
        return None
    return f"the first {len(failed)} trials all failed"


def all_failed(view: View) -> EvaluationError:
    """What to tell where no trial gave a model."""
    reasons = dict.fromkeys(trial.error or "no reason known" for trial in view.trials)
    return EvaluationError(
        f"All {len(view.trials)} trials failed: {'; '.join(reasons) or 'none was started'}",
        where="step quantize",
        fix="run evaluate on a quantized model by hand; if a trial's time is the problem, raise timeout_s or max_trials",
    )
