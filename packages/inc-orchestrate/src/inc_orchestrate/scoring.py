"""What judges a model: an evaluator turns a model into one number."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import attrs
import numpy as np
from inc_adaptors.batches import batch_size, predicting
from inc_adaptors.handle import ModelHandle, Signature
from inc_adaptors.roles import Adaptor
from inc_config.errors import EvaluationError
from inc_config.tuning import AccuracyCriterion
from numpy.typing import NDArray

from inc_orchestrate.data import SampleIds

Predict = Callable[[Any], tuple[NDArray[Any], ...]]
Answer = tuple[tuple[NDArray[Any], ...], Any, int]
"""A model's outputs for one batch, what was wanted of it, and its samples."""


@attrs.frozen(kw_only=True)
class Score:
    """The value that is judged, further values by name, and how many samples it rests on (None: not known)."""

    value: float
    others: tuple[tuple[str, float], ...] = ()
    samples: int | None = None


@attrs.frozen(kw_only=True)
class Judgement:
    """What a trial's evaluation found: the score, the verdict where the evaluation itself made one, and whether it stopped early."""

    score: Score
    meets: bool | None = None
    stopped_early: bool = False


@attrs.frozen(kw_only=True)
class Confirmed:
    """The original's and the delivered model's value on data that chose nothing, and the 95 % interval of their difference."""

    original: float
    final: float
    interval: tuple[float, float] | None = None

    def contradicts(self, criterion: AccuracyCriterion) -> bool:
        """Whether the whole interval lies outside the criterion: the loss is certain, not chance."""
        if self.interval is None:
            return False
        allowed = criterion.limit(self.original) - self.original
        return self.interval[1] < allowed if criterion.higher_is_better else self.interval[0] > allowed


@attrs.frozen(kw_only=True)
class Terms:
    """What a trial is judged by: the criterion, and how many trials of this run were judged before.

    ``finish_good``: a model inside the criterion is evaluated to the end, since several of them will be compared.
    """

    criterion: AccuracyCriterion
    before: int
    finish_good: bool = False


class Evaluator(Protocol):
    """Judges models of one framework."""

    @property
    def metric(self) -> str:
        """What the value is, for tables."""

    @property
    def higher_is_better(self) -> bool | None:
        """Direction; None where the configuration decides."""

    @property
    def label_free(self) -> bool:
        """Whether the value only compares with the original."""

    @property
    def ids(self) -> SampleIds | None:
        """The samples of the first evaluation; None where they are not known."""

    def evaluate(self, adaptor: Adaptor, handle: ModelHandle) -> Score:
        """Judge one model.

        Raises:
            EvaluationError: it raised or gave no finite number.
            DataError: the data does not fit.
        """

    def judge(self, adaptor: Adaptor, handle: ModelHandle, terms: Terms) -> Judgement:
        """Judge a trial's model; may stop as soon as the verdict is certain enough. Raises as ``evaluate``."""


class JudgesOutputs(Evaluator, Protocol):
    """An evaluator that needs a model's outputs and not the model."""

    def examples(self, signature: Signature) -> Iterator[tuple[Any, Any]]:
        """Inputs of every batch, and what is wanted of them."""

    def scored(self, answers: Iterable[Answer]) -> Score:
        """Judge outputs; raises as ``evaluate``."""


def predictor(adaptor: Adaptor, handle: ModelHandle, *, threads: int = 0) -> Predict:
    """Run a model on batches of any size, those too that the model itself does not take."""
    return predicting(adaptor.predictor(handle, threads=threads), handle.signature)


def answered(predict: Predict, examples: Iterable[tuple[Any, Any]]) -> Iterator[Answer]:
    """Run a model over examples."""
    return ((predict(inputs), wanted, batch_size(inputs)) for inputs, wanted in examples)


def finite_number(value: Any, *, where: str) -> float:
    """A finite float from a number, a numpy scalar or a one-element tensor.

    Raises:
        EvaluationError: anything else.
    """
    fix = "return one finite number, such as the accuracy between 0 and 1"
    found = value.item() if hasattr(value, "item") and getattr(value, "ndim", None) == 0 else value
    if isinstance(found, bool | np.bool_) or not isinstance(found, numbers.Real):
        raise EvaluationError(f"The evaluation returned {_shown(value)} instead of a number.", where=where, fix=fix)
    if not math.isfinite(found):
        raise EvaluationError(f"The evaluation returned {float(found)}.", where=where, fix=fix)
    return float(found)


def _shown(value: Any) -> str:
    return "None" if value is None else f"a {type(value).__name__} ({str(value)[:60]})"


@attrs.frozen(eq=False)
class CallableEvaluator:
    """The user's own ``model -> float``."""

    function: Callable[[Any], Any]
    higher_is_better: bool | None = None
    label_free: bool = False
    ids: SampleIds | None = None

    @property
    def metric(self) -> str:
        """The function's name."""
        return str(getattr(self.function, "__name__", type(self.function).__name__))

    def evaluate(self, adaptor: Adaptor, handle: ModelHandle) -> Score:
        """Call it with the native model; what it raises is reported as the evaluation's."""
        where = f"evaluate={self.metric}"
        try:
            value = self.function(handle.native)
        except Exception as error:
            raise raised(error, where=where) from error
        return Score(value=finite_number(value, where=where))

    def judge(self, adaptor: Adaptor, handle: ModelHandle, terms: Terms) -> Judgement:
        """Evaluate in full."""
        return Judgement(score=self.evaluate(adaptor, handle))


AnyEvaluator = CallableEvaluator | JudgesOutputs
"""Needs the model itself, or its outputs only."""


def raised(error: Exception, *, where: str) -> EvaluationError:
    """The error for an evaluation that raised."""
    return EvaluationError(
        f"The evaluation raised {type(error).__name__}: {error}",
        where=where,
        fix="run the evaluation alone on the original model; the message above is its own",
    )
