"""Judge a model by metrics over labelled data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
from inc_adaptors.batches import as_batches, check_reiterable, describe, split, to_numpy
from inc_adaptors.handle import ModelHandle, Signature
from inc_adaptors.roles import Adaptor
from inc_config.errors import DataError, EvaluationError, IncError
from inc_metrics import Metric, MetricError, as_metric, build, compare
from inc_metrics.keeping import keeping_samples
from numpy.typing import NDArray

from inc_orchestrate.data import SampleIds, input_names
from inc_orchestrate.early import EarlyJudge
from inc_orchestrate.scoring import Answer, Confirmed, Judgement, Score, Terms, answered, finite_number, predictor, raised


@attrs.frozen(eq=False)
class Evaluation:
    """Labelled batches and one or several metrics; the first metric is judged, the others are reported.

    Args:
        loader: batches of (inputs, targets); read at every evaluation, so it must be iterable more than once.
        metrics: a metric, its class, a factory, a callable ``(predictions, targets) -> float``, a name, or several of these.
        postprocess: outputs (one array, or a tuple of them) to what the metrics take; one with ``apply_pair``, such as a transform of
            inc-data, gets outputs and targets and returns both.
        higher_is_better: direction of the first metric; its own by default.
        weights: judge the mean of all metrics by these weights; those of the opposite direction count negatively.
        every: judge the metric that keeps the smallest share of the original's value: each must meet the criterion.
        error_rate: trials are judged sample by sample in random order and stopped when their verdict is certain; the probability that
            any trial of a run is accepted which all the data would reject. None always evaluates in full.
        generalize: accept only what is certain for the source of the data and not just for these samples; the error rate is then that
            of accepting any model which is outside in truth.
        bounds: smallest and largest value of a sample, for metrics other than accuracy and top-k, which are judged early only with it.
    """

    loader: Any
    metrics: Any
    postprocess: Callable[[Any], Any] | None = None
    higher_is_better: bool | None = attrs.field(default=None, kw_only=True)
    weights: Sequence[float] | None = attrs.field(default=None, kw_only=True)
    every: bool = attrs.field(default=False, kw_only=True)
    error_rate: float | None = attrs.field(default=0.05, kw_only=True)
    generalize: bool = attrs.field(default=False, kw_only=True)
    bounds: tuple[float, float] | None = attrs.field(default=None, kw_only=True)

    def faults(self) -> tuple[IncError, ...]:
        """What is wrong, found without reading the data."""
        found: list[IncError] = []
        try:
            check_reiterable(as_batches(self.loader), where="evaluate=Evaluation(loader=...)")
        except DataError as error:
            found.append(error)
        try:
            found += self._option_faults(self.make_metrics())
        except IncError as error:
            found.append(error)
        return tuple(found)

    def _option_faults(self, metrics: Sequence[Metric]) -> list[IncError]:
        where = "evaluate=Evaluation(...)"
        found: list[IncError] = []
        if self.weights is not None and self.every:
            found.append(EvaluationError("Both weights and every are given.", where=where, fix="leave one out"))
        if self.weights is not None and (len(self.weights) != len(metrics) or min(self.weights) < 0.0 or sum(self.weights) <= 0.0):
            what = f"There are {len(metrics)} metrics and the weights {tuple(self.weights)}."
            found.append(EvaluationError(what, where=where, fix="give one weight per metric, 0 or more, not all 0"))
        if self.error_rate is not None and not 0.0 < self.error_rate < 1.0:
            fix = "give a probability such as 0.05, or None to evaluate in full"
            found.append(EvaluationError(f"error_rate is {self.error_rate}.", where=where, fix=fix))
        if self.generalize and self.error_rate is None:
            found.append(EvaluationError("generalize needs an error_rate.", where=where, fix="give error_rate=0.05"))
        return found

    def make_metrics(self) -> tuple[Metric, ...]:
        """The metrics, made where classes, factories or names were given.

        Raises:
            EvaluationError: something is no metric.
        """
        sources = self.metrics if isinstance(self.metrics, list | tuple) else (self.metrics,)
        where = "evaluate=Evaluation(metrics=...)"
        if not sources:
            raise EvaluationError("There is no metric.", where=where, fix="give one, such as inc_metrics.Accuracy()")
        try:
            return tuple(build(source) if isinstance(source, str) else as_metric(source) for source in sources)
        except MetricError as error:
            raise EvaluationError(str(error), where=where, fix="give metrics such as inc_metrics.Accuracy()") from error


class MetricEvaluator:
    """An ``Evaluation`` bound to nothing but its data: judges any model. The first model evaluated is what others are compared with."""

    label_free = False

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation
        self._metrics = evaluation.make_metrics()
        self._early = EarlyJudge.of(evaluation, self._metrics)
        self._first: tuple[float, ...] | None = None
        self._also: Metric | None = None
        self.ids: SampleIds | None = None

    @property
    def metric(self) -> str:
        """The first metric's name, or what is made of several."""
        names = ", ".join(metric.name for metric in self._metrics)
        if self._evaluation.every:
            return f"smallest share kept of {names}"
        return self._metrics[0].name if self._evaluation.weights is None else f"weighted mean of {names}"

    @property
    def higher_is_better(self) -> bool | None:
        """The first metric's direction, unless the evaluation says otherwise."""
        asked = self._evaluation.higher_is_better
        return True if self._evaluation.every else self._metrics[0].higher_is_better if asked is None else asked

    def evaluate(self, adaptor: Adaptor, handle: ModelHandle) -> Score:
        """Predict every batch and update every metric."""
        predict, examples = predictor(adaptor, handle), self.examples(handle.signature)
        if self._first is not None:
            return self.scored(answered(predict, examples))
        ids = SampleIds()
        early = () if self._early is None else (self._early.metric,)
        values, samples = self._values(answered(predict, self._noted(examples, ids)), also=early)
        self.ids, self._first = ids, values
        self._early = None if self._early is None else self._early.ready(values[0])
        return self._score(values, samples)

    def examples(self, signature: Signature) -> Iterator[tuple[Any, Any]]:
        """Inputs and targets of every batch."""
        names = input_names(signature)
        for batch in as_batches(self._evaluation.loader):
            inputs, targets = split(batch, names)
            if targets is None:
                raise DataError(
                    f"An evaluation batch has no targets: {describe(batch)}.",
                    where=f"evaluation by {self.metric}",
                    fix="yield (inputs, targets), or leave evaluate= out to compare with the original without labels",
                )
            yield inputs, targets

    def scored(self, answers: Iterable[Answer]) -> Score:
        """Update every metric with the outputs of a model that is not the first."""
        return self._score(*self._values(answers))

    def _noted(self, examples: Iterable[tuple[Any, Any]], ids: SampleIds) -> Iterator[tuple[Any, Any]]:
        for inputs, targets in examples:
            ids.update(inputs, targets)
            if self._early is not None:
                self._early.collector.add(inputs, host(targets))
            yield inputs, targets

    def _values(self, answers: Iterable[Answer], *, also: Sequence[Metric] = ()) -> tuple[tuple[float, ...], int]:
        """The value of every metric, and of how many samples."""
        where = f"evaluation by {self.metric}"
        for metric in self._metrics:
            metric.reset()
        updated = (*self._metrics, *also, *(() if self._also is None else (self._also,)))
        samples = 0
        for outputs, targets, size in answers:
            self._update(outputs, host(targets), updated)
            samples += size
        if samples == 0:
            raise DataError("The evaluation data is empty.", where=where, fix="check the loader; a generator may have been used up before")
        try:
            found = [metric.result() for metric in self._metrics]
        except Exception as error:
            raise raised(error, where=where) from error
        return tuple(finite_number(value, where=where) for value in found), samples

    def _score(self, values: tuple[float, ...], samples: int) -> Score:
        named = tuple(zip((metric.name for metric in self._metrics), values, strict=True))
        if self._evaluation.weights is None and not self._evaluation.every:
            return Score(value=values[0], others=named[1:], samples=samples)
        return Score(value=self._combined(values), others=named, samples=samples)

    def judge(self, adaptor: Adaptor, handle: ModelHandle, terms: Terms) -> Judgement:
        """Stop as soon as the verdict is certain, where samples have values of their own and fit into memory; else evaluate in full."""
        early = self._early
        test = None if early is None else early.test(terms, higher_is_better=self.higher_is_better is not False)
        if early is None or test is None:
            return Judgement(score=self.evaluate(adaptor, handle))
        predict = predictor(adaptor, handle)

        def values_of(inputs: Any, targets: Any) -> NDArray[np.float64]:
            early.metric.reset()
            self._update(predict(inputs), targets, (early.metric,))
            return early.values()

        return early.run(values_of, test, finish_good=terms.finish_good)

    def confirm(self, adaptor: Adaptor, original: ModelHandle, final: ModelHandle) -> Confirmed:
        """Evaluate both models, and bound their difference where the metric allows it."""
        before, kept_before = self._kept(adaptor, original)
        after, kept_after = self._kept(adaptor, final)
        interval = None
        if kept_before is not None and kept_after is not None:
            try:
                paired = compare(kept_before, kept_after)
                interval = (paired.low, paired.high)
            except MetricError:
                interval = None  # too few samples to say anything
        return Confirmed(original=before.value, final=after.value, interval=interval)

    def _kept(self, adaptor: Adaptor, handle: ModelHandle) -> tuple[Score, Metric | None]:
        alone = self._evaluation.weights is None and not self._evaluation.every
        self._also = keeping_samples(self._metrics[0]) if alone else None
        try:
            return self.evaluate(adaptor, handle), self._also
        finally:
            self._also = None

    def _combined(self, values: tuple[float, ...]) -> float:
        up = self._metrics[0].higher_is_better
        if self._evaluation.weights is not None:
            signed = [value if metric.higher_is_better is up else -value for metric, value in zip(self._metrics, values, strict=True)]
            return float(np.average(signed, weights=self._evaluation.weights))
        return min(
            share_kept(value, first, higher_is_better=metric.higher_is_better, name=metric.name)
            for metric, value, first in zip(self._metrics, values, self._first or values, strict=True)
        )

    def _update(self, outputs: Sequence[Any], targets: Any, metrics: Sequence[Metric]) -> None:
        predictions: Any = outputs[0] if len(outputs) == 1 else tuple(outputs)
        try:
            pair = getattr(self._evaluation.postprocess, "apply_pair", None)
            if pair is not None:
                predictions, targets = pair(predictions, targets)
            elif self._evaluation.postprocess is not None:
                predictions = self._evaluation.postprocess(predictions)
            for metric in metrics:
                metric.update(predictions, targets)
        except Exception as error:
            raise raised(error, where=f"evaluation by {self.metric}, postprocess or metric") from error


def share_kept(value: float, first: float, *, higher_is_better: bool, name: str) -> float:
    """How much of the original's value is left: 1 where nothing is lost, 0.99 where one percent is (of a lower-is-better one: gained).

    Raises:
        EvaluationError: the original's value is 0, of which no share can be lost.
    """
    if first == 0.0:
        what = f"The original's {name} is 0: no share of it can be lost."
        raise EvaluationError(what, where="evaluate=Evaluation(every=True)", fix="leave this metric out, or judge by weights")
    lost = (first - value) / abs(first)
    return 1.0 - lost if higher_is_better else 1.0 + lost


def host(value: Any) -> Any:
    """Targets with every tensor as a numpy array; what holds no numbers (text, lists of boxes) stays."""
    if isinstance(value, Mapping):
        return {key: host(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(host(item) for item in value) if type(value) in (tuple, list) else value
    return to_numpy(value) if hasattr(value, "shape") else value
