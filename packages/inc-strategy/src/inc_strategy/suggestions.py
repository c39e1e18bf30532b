"""What to try when no model met the criterion."""

from __future__ import annotations

import math
from collections import Counter

from inc_config.quantization import Approach
from inc_config.tuning import LossKind

from inc_strategy.trial import TrialStatus
from inc_strategy.view import View


def suggestions(view: View) -> tuple[str, ...]:
    """One sentence per idea, the most promising first."""
    if not view.quantizable:
        return _without_operators(view)
    ideas = [*_loss(view), *_failures(view)]
    if view.trials_left == 0:
        ideas.append(f"Allow more trials than max_trials={view.exit_policy.max_trials}: not every fallback was tried.")
    if view.approach is Approach.STATIC and any(option.is_dynamic for op in view.capabilities.ops for option in op.options):
        ideas.append("Use approach 'auto': some operators can take their ranges at run time.")
    if view.approach is not Approach.DYNAMIC:
        ideas.append("Calibrate with more samples, or with another activation_threshold (percentile, kl, mse): outliers widen the ranges.")
    return tuple(ideas)


def _loss(view: View) -> list[str]:
    best = view.best_so_far
    if best is None or best.accuracy is None or view.baseline is None:
        return []
    lost = (view.baseline - best.accuracy) * (1.0 if view.criterion.higher_is_better else -1.0)
    if view.criterion.kind is LossKind.RELATIVE:
        if view.baseline == 0.0:
            return ["Use an absolute loss: a fraction of a baseline of 0 allows none."]
        lost /= abs(view.baseline)
    if lost <= view.criterion.loss:
        return []
    allowed = f"{view.criterion.kind.value} accuracy_loss={_rounded_up(lost):g}"
    return [f"Allow {allowed} to accept the best model so far (trial {best.index + 1})."]


def _failures(view: View) -> list[str]:
    failed = [trial for trial in view.trials if trial.status is TrialStatus.FAILED]
    if not failed:
        return []
    return [f"See why {len(failed)} of {len(view.trials)} trials failed; the last said: {failed[-1].error or 'nothing'}"]


def _without_operators(view: View) -> tuple[str, ...]:
    if view.capabilities.quantizable:
        return (f"Use approach 'auto': operators have integer options, but none that approach {view.approach.value!r} accepts.",)
    reasons = Counter(op.reason.code.value for op in view.capabilities.ops if op.reason is not None)
    listed = ", ".join(f"{count} x {code}" for code, count in reasons.most_common()) or "the model has no operators"
    return (f"Look at why no operator can be quantized for {view.capabilities.target}: {listed}.",)


def _rounded_up(value: float) -> float:
    """Two significant digits, never below ``value`` (> 0)."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return math.ceil(value / unit) * unit
