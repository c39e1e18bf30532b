"""What a strategy sees: everything known about the search so far, as data."""

from __future__ import annotations

from collections import Counter
from functools import cached_property, lru_cache
from typing import Any

import attrs
from inc_config.capabilities import Capabilities
from inc_config.frozen import FrozenMap, freeze_map
from inc_config.plan import OpId, OpPlan, QuantizationPlan
from inc_config.quantization import Approach
from inc_config.tuning import AccuracyCriterion, ExitPolicy, Objective

from inc_strategy.actions import Evaluate, Probe
from inc_strategy.objective import best
from inc_strategy.trial import Item, Pending, ProbeResult, Trial, TrialStatus

LOST_LIMIT = 3
"""A plan that was lost this often is not proposed again: it may be what kills the worker."""


@attrs.frozen(kw_only=True, slots=False)
class View:
    """Capabilities, what is asked for, and every item in proposal order.

    ``approach`` restricts which integer options are accepted, ``recipes`` go into every plan, ``baseline`` is the accuracy that the
    criterion compares with (None: no accuracy is measured and every complete trial is feasible). Time is not in the view: the loop asks
    ``exit_reason``.
    """

    capabilities: Capabilities
    approach: Approach = Approach.STATIC
    recipes: FrozenMap[str, Any] = attrs.field(factory=FrozenMap, converter=freeze_map)
    criterion: AccuracyCriterion = attrs.field(factory=AccuracyCriterion)
    objectives: tuple[Objective, ...] = (Objective(),)
    exit_policy: ExitPolicy = attrs.field(factory=ExitPolicy)
    baseline: float | None = None
    items: tuple[Item, ...] = ()
    seed: int = 0

    def accept(self, option: OpPlan) -> bool:
        """Whether the approach allows an operator's option (float always is)."""
        return _accepts(option, self.approach)

    @cached_property
    def default_plan(self) -> QuantizationPlan:
        """The best accepted option of every operator, with the recipes."""
        return _default_plan(self.capabilities, self.approach, self.recipes)

    @cached_property
    def quantizable(self) -> tuple[OpId, ...]:
        """Operators with an accepted integer option, in execution order."""
        return self.default_plan.quantized

    @cached_property
    def trials(self) -> tuple[Trial, ...]:
        """Finished trials in proposal order, failed and lost ones among them."""
        return tuple(item for item in self.items if isinstance(item, Trial))

    @cached_property
    def probes(self) -> tuple[ProbeResult, ...]:
        """Finished probes in proposal order."""
        return tuple(item for item in self.items if isinstance(item, ProbeResult))

    @cached_property
    def pending(self) -> tuple[Pending, ...]:
        """Proposals that have not finished."""
        return tuple(item for item in self.items if isinstance(item, Pending))

    @cached_property
    def spent(self) -> int:
        """How many of ``max_trials`` are used up: finished and pending ones, but not the lost."""
        return sum(trial.status is not TrialStatus.LOST for trial in self.trials) + len(_evaluations(self.pending))

    @cached_property
    def trials_left(self) -> int:
        """How many more trials the exit policy allows."""
        return max(0, self.exit_policy.max_trials - self.spent)

    @cached_property
    def results(self) -> FrozenMap[str, Trial]:
        """The trial that settled each plan, by digest: evaluated, failed, or lost too often."""
        lost = Counter(t.plan.digest for t in self.trials if t.status is TrialStatus.LOST)
        final = {t.plan.digest: t for t in self.trials if t.status is not TrialStatus.LOST or lost[t.plan.digest] >= LOST_LIMIT}
        return FrozenMap(final)

    @cached_property
    def settled(self) -> frozenset[str]:
        """Digests that must not be proposed again: those with a result and those pending."""
        return frozenset(self.results) | {action.plan.digest for action in _evaluations(self.pending)}

    def result_of(self, action: Evaluate | Probe) -> Trial | ProbeResult | None:
        """What settled an action, or None; a lost probe counts only when it was lost too often."""
        if isinstance(action, Evaluate):
            return self.results.get(action.plan.digest)
        found = [probe for probe in self.probes if probe.probe == action]
        lost = [probe for probe in found if probe.status is TrialStatus.LOST]
        settled = [probe for probe in found if probe.status is not TrialStatus.LOST or len(lost) >= LOST_LIMIT]
        return settled[-1] if settled else None

    def is_pending(self, action: Evaluate | Probe) -> bool:
        """Whether an action was proposed and has not finished."""
        return any(item.action == action for item in self.pending)

    @property
    def limit(self) -> float | None:
        """The worst accuracy that meets the criterion; None without a baseline."""
        return None if self.baseline is None else self.criterion.limit(self.baseline)

    def feasible(self, trial: Trial) -> bool:
        """Whether a trial meets the criterion: by its own verdict, else by its uncensored accuracy.

        Without a baseline every complete trial does.
        """
        if trial.status not in (TrialStatus.COMPLETE, TrialStatus.STOPPED_EARLY):
            return False
        if trial.meets is not None:
            return trial.meets
        if self.baseline is None:
            return trial.status is TrialStatus.COMPLETE
        return trial.accuracy is not None and self.criterion.is_met(trial.accuracy, self.baseline)

    def succeeds(self, trial: Trial) -> bool:
        """Whether a trial may be the result: it meets the criterion, and something in it computes in less than fp32."""
        return self.feasible(trial) and not trial.in_float

    @cached_property
    def best_feasible(self) -> Trial | None:
        """The trial that serves the objectives best among those that succeed."""
        return best([t for t in self.trials if self.succeeds(t)], self.objectives, higher_is_better=self.criterion.higher_is_better)

    @cached_property
    def best_so_far(self) -> Trial | None:
        """The most accurate trial, feasible or not: complete ones before those stopped early, the earliest among equals.

        One that computes in float only where there is no other.
        """
        sign = 1.0 if self.criterion.higher_is_better else -1.0
        known = [t for t in self.trials if t.status in (TrialStatus.COMPLETE, TrialStatus.STOPPED_EARLY)]

        def merit(trial: Trial) -> tuple[bool, bool, bool, float]:
            value = trial.estimate
            return not trial.in_float, trial.status is TrialStatus.COMPLETE, value is not None, 0.0 if value is None else sign * value

        return max(known, key=merit, default=None)


def _accepts(option: OpPlan, approach: Approach) -> bool:
    if not option.is_quantized or approach is Approach.AUTO:
        return True
    return option.is_dynamic == (approach is Approach.DYNAMIC)


@lru_cache(maxsize=16)
def _default_plan(capabilities: Capabilities, approach: Approach, recipes: FrozenMap[str, Any]) -> QuantizationPlan:
    """One object for all views of a search, so that its digest is computed once."""
    return attrs.evolve(capabilities.plan(lambda option: _accepts(option, approach)), recipes=recipes)


def _evaluations(pending: tuple[Pending, ...]) -> tuple[Evaluate, ...]:
    return tuple(item.action for item in pending if isinstance(item.action, Evaluate))
