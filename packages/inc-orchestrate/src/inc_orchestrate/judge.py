"""Turn what the user gave as ``evaluate=`` into an evaluator, or make a label-free one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from inc_adaptors.batches import as_batches, whole
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Adaptor
from inc_config.errors import EvaluationError, IncError

from inc_orchestrate.data import CalibrationData, calibration_data, hold_out, inputs_of
from inc_orchestrate.evaluation import Evaluation, MetricEvaluator
from inc_orchestrate.label_free import LabelFree, LabelFreeEvaluator
from inc_orchestrate.scoring import AnyEvaluator, CallableEvaluator
from inc_orchestrate.steps.protocol import fault

EvaluateWith = Evaluation | LabelFree | Callable[[Any], Any] | None


@attrs.frozen(kw_only=True, eq=False)
class Judged:
    """An evaluator (None: nothing to judge by), the calibration data that is left (None: none was given), and one batch of inputs."""

    evaluator: AnyEvaluator | None = None
    calibration: CalibrationData | None = None
    example: Any = None


def data_faults(calibrate: Any, evaluate: Any) -> tuple[IncError, ...]:
    """What is wrong with either, found without reading them."""
    found = () if calibrate is None else fault(lambda: as_batches(calibrate))
    if isinstance(evaluate, Evaluation | LabelFree):
        return (*found, *evaluate.faults())
    if evaluate is not None and not callable(evaluate):
        what = f"evaluate= takes an Evaluation, a LabelFree or a callable model -> float, not a {type(evaluate).__name__}."
        return (*found, EvaluationError(what, where="Pipeline(evaluate=...)", fix="Evaluation(validation_loader, Accuracy())"))
    return found


def judge(calibrate: Any, evaluate: EvaluateWith, *, adaptor: Adaptor, original: ModelHandle, samples: int) -> Judged:
    """Make the evaluator and read the first calibration batch; without ``evaluate`` part of the calibration data is held out.

    Raises:
        DataError: no data, or data that does not fit the model.
    """
    if evaluate is None and calibrate is not None:
        calibration, held_out = hold_out(calibrate, samples=samples, signature=original.signature)
        evaluator = LabelFreeEvaluator(LabelFree(held_out), adaptor, original)
        return Judged(evaluator=evaluator, calibration=calibration, example=calibration.first)
    given = evaluator_for(evaluate, adaptor=adaptor, original=original)
    if calibrate is not None:
        calibration = calibration_data(calibrate, samples=samples, signature=original.signature)
        return Judged(evaluator=given, calibration=calibration, example=calibration.first)
    loader = evaluate.loader if isinstance(evaluate, Evaluation | LabelFree) else ()
    return Judged(evaluator=given, example=next(whole(inputs_of(loader, original.signature), original.signature), None))


def evaluator_for(evaluate: EvaluateWith, *, adaptor: Adaptor, original: ModelHandle) -> AnyEvaluator | None:
    """The evaluator for what the user gave."""
    if isinstance(evaluate, Evaluation):
        return MetricEvaluator(evaluate)
    if isinstance(evaluate, LabelFree):
        return LabelFreeEvaluator(evaluate, adaptor, original)
    return None if evaluate is None else CallableEvaluator(evaluate)
