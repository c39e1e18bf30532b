"""What every strategy must do, as a test class: subclass ``StrategyConformance``, give it ``make``, and let pytest collect it.

``SimulatedModel`` and ``drive`` run a strategy against a model whose accuracy is known, without a framework.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import attrs
from inc_config.capabilities import Capabilities, OpCapability, Reason, ReasonCode
from inc_config.dtypes import INT8, UINT8
from inc_config.frozen import FrozenMap
from inc_config.plan import FLOAT, OpId, OpPlan, QuantizationPlan, RangeSource, TensorPlan
from inc_config.quantization import Approach
from inc_config.target import Runtime, Target
from inc_config.tuning import AccuracyCriterion, ExitPolicy

from inc_strategy.actions import Action, Evaluate, Probe, Stop, Wait
from inc_strategy.exit import exit_reason
from inc_strategy.ledger import Ledger
from inc_strategy.protocol import Strategy, builds_up
from inc_strategy.trial import Item, Measurement, Pending, ProbeResult, Trial, TrialStatus, lowered
from inc_strategy.view import View

STATIC_INT8 = OpPlan(inputs=(TensorPlan(dtype=UINT8),), weight=TensorPlan(), compute_dtype=INT8)
DYNAMIC_INT8 = OpPlan(inputs=(TensorPlan(dtype=UINT8, ranges=RangeSource.DYNAMIC),), weight=TensorPlan(), compute_dtype=INT8)

MAX_STEPS = 2000
"""More proposals than any strategy needs for the models here."""

Change = Callable[[int, Trial | ProbeResult], Trial | ProbeResult]


@attrs.frozen(kw_only=True)
class SimulatedModel:
    """A model that loses ``losses[op]`` of its ``baseline`` for each operator that is not in fp32.

    Latency falls by ``gains_s[op]`` seconds for each (1 ms where nothing is said); probes tell the truth.
    """

    losses: FrozenMap[OpId, float]
    baseline: float = 0.9
    higher_is_better: bool = True
    gains_s: FrozenMap[OpId, float] = attrs.field(factory=FrozenMap)

    @classmethod
    def of(cls, losses: Iterable[float], *, higher_is_better: bool = True) -> SimulatedModel:
        """One operator per loss, in execution order."""
        named = {OpId(f"layer{index}", 0, "Conv" if index % 2 else "MatMul"): loss for index, loss in enumerate(losses)}
        return cls(losses=FrozenMap(named), higher_is_better=higher_is_better)

    def capabilities(self, *options: OpPlan) -> Capabilities:
        """Every operator with these options (static and dynamic int8 by default) and float."""
        choices = (*(options or (STATIC_INT8, DYNAMIC_INT8)), FLOAT)
        return Capabilities(target=Target(runtime=Runtime.ONNXRUNTIME), ops=[OpCapability(op=op, options=choices) for op in self.losses])

    def accuracy(self, plan: QuantizationPlan) -> float:
        """The accuracy of a plan, exactly additive."""
        lost = sum(self.losses[op] for op in lowered(plan))
        return self.baseline - lost if self.higher_is_better else self.baseline + lost

    def answer(self, pending: Pending) -> Trial | ProbeResult:
        """What evaluating or probing would find."""
        action = pending.action
        if isinstance(action, Probe):
            told = {op: -self.gains_s.get(op, 0.001) for op in action.ops} if action.kind == "latency" else self.losses
            return ProbeResult.of(pending.index, action, scores={op: told[op] for op in action.ops}, seconds=0.1)
        saved_s = sum(self.gains_s.get(op, 0.001) for op in lowered(action.plan))
        latency_s = 0.001 * (1 + len(self.losses)) - saved_s
        measurement = Measurement(accuracy=self.accuracy(action.plan), latency_s=latency_s, samples=100, seconds=1.0)
        return Trial(index=pending.index, plan=action.plan, measurement=measurement)


def view_of(
    model: SimulatedModel,
    *options: OpPlan,
    max_trials: int = 100,
    first_success: bool = True,
    loss: float = 0.01,
    approach: Approach = Approach.AUTO,
) -> View:
    """The view before the first proposal, with an absolute criterion; ``options`` as for ``SimulatedModel.capabilities``."""
    return View(
        capabilities=model.capabilities(*options),
        approach=approach,
        criterion=AccuracyCriterion(loss=loss, kind="absolute", higher_is_better=model.higher_is_better),
        exit_policy=ExitPolicy(max_trials=max_trials, first_success=first_success),
        baseline=model.baseline,
    )


def as_found(_: int, result: Trial | ProbeResult) -> Trial | ProbeResult:
    """The result as the model gives it."""
    return result


def drive(strategy: Strategy, model: SimulatedModel, view: View, *, workers: int = 1, outcome: Change = as_found) -> tuple[View, Stop]:
    """Run a strategy to its ``Stop``: up to ``workers`` proposals at a time, the latest finishing first; ``outcome`` may change results.

    Raises:
        AssertionError: the strategy repeats a plan, waits for nothing, goes beyond its trials or does not end.
    """
    for _ in range(MAX_STEPS):
        action = strategy.propose(view)
        check_action(action, view, builds_up=builds_up(strategy))
        if isinstance(action, Stop):
            return view, action
        if isinstance(action, Evaluate | Probe):
            view = with_items(view, *view.items, Pending(index=len(view.items), action=action))
        if isinstance(action, Wait) or len(view.pending) >= workers:
            latest = view.pending[-1]
            finished = outcome(latest.index, model.answer(latest))
            view = with_items(view, *view.items[: latest.index], finished, *view.items[latest.index + 1 :])
    raise AssertionError(f"no Stop after {MAX_STEPS} proposals")


def with_items(view: View, *items: Item) -> View:
    """The same view with other items."""
    return attrs.evolve(view, items=items)


def check(condition: bool, message: str) -> None:
    """Fail with ``message`` unless ``condition`` holds."""
    if not condition:
        raise AssertionError(message)


def check_action(action: Action, view: View, *, builds_up: bool = False) -> None:
    """What holds for every single action."""
    if isinstance(action, Wait):
        check(bool(view.pending), "Wait although nothing is pending")
    if isinstance(action, Stop):
        check(bool(action.reason), "Stop without a reason")
    if isinstance(action, Probe):
        check(view.result_of(action) is None and not view.is_pending(action), "a probe that has a result or is pending")
    if isinstance(action, Evaluate):
        check(view.trials_left > 0, "a trial beyond max_trials")
        check(exit_reason(view, builds_up=builds_up) is None, "a trial although the exit policy says stop")
        check(action.plan.digest not in view.settled, "a plan that has a result or is pending")
        check(bool(lowered(action.plan)), "a plan that leaves everything in fp32")
        options = {capability.op: capability.options for capability in view.capabilities.ops}
        check(set(action.plan.ops) == set(options), "a plan that leaves operators out or invents them")
        for op, option in action.plan.ops.items():
            check(option in options[op] and view.accept(option), f"{op} has an option that is not offered or not accepted")


class StrategyConformance:
    """Tests that hold for any strategy. Override ``make``, and ``options`` where the strategy needs others."""

    losses = (0.001, 0.004, 0.03, 0.0005, 0.002, 0.05, 0.001, 0.003)
    options: tuple[OpPlan, ...] = (STATIC_INT8, DYNAMIC_INT8)

    def make(self) -> Strategy:
        """A new instance of the strategy under test."""
        raise AssertionError("override make() to return the strategy under test")

    def test_the_same_view_gives_the_same_action_whoever_is_asked(self) -> None:
        """A strategy keeps nothing between calls."""
        model = SimulatedModel.of(self.losses)
        veteran = self.make()
        final, _ = drive(veteran, model, view_of(model, *self.options))
        for count in range(len(final.items) + 1):
            view = with_items(final, *final.items[:count])
            newcomer = self.make().propose(view)
            check(newcomer == veteran.propose(view) == veteran.propose(view), f"two answers after {count} items")

    def test_a_replayed_ledger_gives_the_same_next_action(self) -> None:
        """An interrupted search goes on as if nothing had happened."""
        model = SimulatedModel.of(self.losses)
        final, _ = drive(self.make(), model, view_of(model, *self.options, max_trials=6))
        with tempfile.TemporaryDirectory() as folder:
            for item in final.items:
                with Ledger.open(Path(folder), {"model": "simulated"}) as ledger:
                    before = with_items(final, *final.items[: item.index])
                    again = self.make().propose(with_items(final, *ledger.replay()))
                    check(again == self.make().propose(before), f"another action after replay of {item.index} items")
                    if isinstance(again, Evaluate | Probe) and not isinstance(item, Pending):
                        ledger.proposed(again)
                        ledger.finished(item)

    def test_it_ends_within_any_number_of_trials(self) -> None:
        """Small and large budgets, with and without stopping at the first success."""
        model = SimulatedModel.of(self.losses)
        for max_trials in (1, 2, 3, 4, 5, 7, 11, 18, 100):
            for first_success in (True, False):
                start = view_of(model, *self.options, max_trials=max_trials, first_success=first_success)
                final, _ = drive(self.make(), model, start)
                check(1 <= len(final.trials) <= max_trials, f"{len(final.trials)} trials of {max_trials}")

    def test_it_ends_when_nothing_can_meet_the_criterion(self) -> None:
        """Every operator breaks the model."""
        model = SimulatedModel.of([0.5] * 6)
        drive(self.make(), model, view_of(model, *self.options, loss=0.0))

    def test_it_works_with_several_workers_that_finish_out_of_order(self) -> None:
        """Pending items are neither repeated nor ignored."""
        model = SimulatedModel.of(self.losses)
        for workers in (2, 3, 8):
            for max_trials in (1, 4, 100):
                final, _ = drive(self.make(), model, view_of(model, *self.options, max_trials=max_trials), workers=workers)
                check(len(final.trials) + len(final.pending) <= max_trials, "more trials than allowed")

    def test_it_survives_failed_trials(self) -> None:
        """All fail, or every third does."""
        model = SimulatedModel.of(self.losses)
        start = view_of(model, *self.options)
        drive(self.make(), model, start, outcome=lambda _, result: _ended(result, TrialStatus.FAILED))
        drive(self.make(), model, start, outcome=lambda i, result: result if i % 3 else _ended(result, TrialStatus.FAILED))

    def test_it_survives_lost_trials(self) -> None:
        """All are lost, or every second is."""
        model = SimulatedModel.of(self.losses)
        start = view_of(model, *self.options)
        drive(self.make(), model, start, outcome=lambda _, result: _ended(result, TrialStatus.LOST))
        drive(self.make(), model, start, workers=3, outcome=lambda i, result: result if i % 2 else _ended(result, TrialStatus.LOST))

    def test_it_survives_trials_that_stop_early(self) -> None:
        """No accuracy is final."""
        model = SimulatedModel.of(self.losses)

        def stop_early(_: int, result: Trial | ProbeResult) -> Trial | ProbeResult:
            return attrs.evolve(result, status=TrialStatus.STOPPED_EARLY, meets=False) if isinstance(result, Trial) else result

        drive(self.make(), model, view_of(model, *self.options), outcome=stop_early)

    def test_it_stops_at_once_when_nothing_can_be_quantized(self) -> None:
        """Operators without integer options, or no operators."""
        reason = Reason(ReasonCode.UNSUPPORTED_OPERATOR)
        ops = [OpCapability(op=OpId(f"resize{index}", 0, "Resize"), reason=reason) for index in range(3)]
        for chosen in (ops, []):
            capabilities = Capabilities(target=Target(runtime=Runtime.TORCH), ops=chosen)
            check(isinstance(self.make().propose(View(capabilities=capabilities, baseline=0.9)), Stop), "a proposal without operators")

    def test_it_proposes_only_what_the_approach_accepts(self) -> None:
        """Static, dynamic and auto."""
        model = SimulatedModel.of(self.losses)
        for approach in Approach:
            drive(self.make(), model, view_of(model, *self.options, approach=approach))

    def test_it_works_where_lower_is_better_and_without_a_baseline(self) -> None:
        """The other direction, and no criterion at all."""
        model = SimulatedModel.of(self.losses, higher_is_better=False)
        drive(self.make(), model, view_of(model, *self.options))
        final, _ = drive(self.make(), model, attrs.evolve(view_of(model, *self.options), baseline=None))
        check(final.best_feasible is not None, "nothing found although no accuracy is asked for")

    def test_it_works_with_a_single_operator(self) -> None:
        """The only fallback would quantize nothing."""
        model = SimulatedModel.of([0.5])
        drive(self.make(), model, view_of(model, *self.options))


def _ended(result: Trial | ProbeResult, status: TrialStatus) -> Trial | ProbeResult:
    if isinstance(result, Trial):
        return attrs.evolve(result, status=status, measurement=None, error="simulated")
    return attrs.evolve(result, status=status, scores=FrozenMap(), error="simulated")
