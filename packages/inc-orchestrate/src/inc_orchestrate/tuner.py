"""Tune a quantization: calibrate, search, deliver the best model with its own score."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import attrs
from inc_adaptors.handle import ModelHandle
from inc_config.capabilities import Capabilities, Reason
from inc_config.constrain import without_match
from inc_config.plan import OpId, QuantizationPlan
from inc_config.quantization import QuantizeConfig
from inc_config.tuning import LossKind
from inc_strategy import Ledger, Outcome, Trial, View

from inc_orchestrate.fingerprints import fingerprints
from inc_orchestrate.integers import has_only_companions, is_in_float, nothing_in_integers
from inc_orchestrate.planning import idle_in
from inc_orchestrate.recipes import rewritten, without_effect
from inc_orchestrate.remote import remote
from inc_orchestrate.scoring import Score
from inc_orchestrate.search import INTERRUPTED, Search, all_failed
from inc_orchestrate.setting import Setting, criterion_of
from inc_orchestrate.widening import Widening

REPEATABLE = 1e-4
"""Two evaluations of one model that differ by a larger share of the value are not the same."""


@attrs.frozen(kw_only=True, eq=False)
class TuningResult:
    """What a search found: the delivered model with its own score, how it was found, and every trial.

    ``idle`` operators are in integers in the plan, and in float in the model.
    """

    handle: ModelHandle
    score: Score
    plan: QuantizationPlan
    capabilities: Capabilities
    outcome: Outcome
    trials: tuple[Trial, ...]
    view: View
    idle: Mapping[OpId, Reason] = attrs.field(factory=dict)


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
    adaptor, example, progress = setting.adaptor, setting.example, setting.progress
    with remote(setting.workers, setting.evaluator, adaptor=adaptor, handle=handle, example=example, progress=progress) as workers:
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
            default = search.view.default_plan
            if has_only_companions(default) and is_in_float(found.emitter.emit(default), default):
                raise nothing_in_integers(default)
            outcome = search.run()
            if outcome.reason == INTERRUPTED:
                setting.progress.note(f"the search was interrupted: {_how_to_go_on(folder, config, setting)}")
            return _deliver(handle, outcome, search)


def _deliver(handle: ModelHandle, outcome: Outcome, search: Search) -> TuningResult:
    best = outcome.best
    if best is None:
        raise all_failed(search.view)
    if best.in_float:
        raise nothing_in_integers(best.plan)
    found = search.found_for(best.plan)
    made = found.emitter.emit(best.plan, final=True)
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
        idle=idle_in(search.setting.adaptor, handle, best.plan),
    )


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
