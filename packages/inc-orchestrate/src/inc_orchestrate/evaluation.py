"""Judge a model by metrics over labelled data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
from inc_adaptors.batches import as_batches, batch_size, check_reiterable, describe, split, to_numpy
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Adaptor
from inc_config.errors import DataError, EvaluationError, IncError
from inc_metrics import Metric, MetricError, as_metric, build

from inc_orchestrate.data import SampleIds, input_names
from inc_orchestrate.scoring import Score, finite_number, raised


@attrs.frozen(eq=False)
class Evaluation:
    """Labelled batches and one or several metrics; the first metric is judged, the others are reported.

    Args:
        loader: batches of (inputs, targets); read at every evaluation, so it must be iterable more than once.
        metrics: a metric, its class, a factory, a callable ``(predictions, targets) -> float``, a name, or several of these.
        postprocess: outputs (one array, or a tuple of them) to what the metrics take.
        higher_is_better: direction of the first metric; its own by default.
    """

    loader: Any
    metrics: Any
    postprocess: Callable[[Any], Any] | None = None
    higher_is_better: bool | None = attrs.field(default=None, kw_only=True)

    def faults(self) -> tuple[IncError, ...]:
        """What is wrong, found without reading the data."""
        found: list[IncError] = []
        try:
            check_reiterable(as_batches(self.loader), where="evaluate=Evaluation(loader=...)")
        except DataError as error:
            found.append(error)
        try:
            self.make_metrics()
        except IncError as error:
            found.append(error)
        return tuple(found)

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
    """An ``Evaluation`` bound to nothing but its data: judges any model."""

    label_free = False

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation
        self._metrics = evaluation.make_metrics()
        self.ids: SampleIds | None = None

    @property
    def metric(self) -> str:
        """The first metric's name."""
        return self._metrics[0].name

    @property
    def higher_is_better(self) -> bool | None:
        """The first metric's direction, unless the evaluation says otherwise."""
        asked = self._evaluation.higher_is_better
        return self._metrics[0].higher_is_better if asked is None else asked

    def evaluate(self, adaptor: Adaptor, handle: ModelHandle) -> Score:
        """Predict every batch and update every metric."""
        where = f"evaluation by {self.metric}"
        for metric in self._metrics:
            metric.reset()
        ids = SampleIds() if self.ids is None else None
        samples = self._run(adaptor, handle, ids)
        if samples == 0:
            raise DataError("The evaluation data is empty.", where=where, fix="check the loader; a generator may have been used up before")
        if ids is not None:
            self.ids = ids
        try:
            values = tuple((metric.name, finite_number(metric.result(), where=where)) for metric in self._metrics)
        except MetricError as error:
            raise raised(error, where=where) from error
        return Score(value=values[0][1], others=values[1:], samples=samples)

    def _run(self, adaptor: Adaptor, handle: ModelHandle, ids: SampleIds | None) -> int:
        predict = adaptor.predictor(handle)
        names = input_names(handle.signature)
        samples = 0
        for batch in as_batches(self._evaluation.loader):
            inputs, targets = split(batch, names)
            if targets is None:
                raise DataError(
                    f"An evaluation batch has no targets: {describe(batch)}.",
                    where=f"evaluation by {self.metric}",
                    fix="yield (inputs, targets), or leave evaluate= out to compare with the original without labels",
                )
            if ids is not None:
                ids.update(inputs, targets)
            self._update(predict(inputs), host(targets))
            samples += batch_size(inputs)
        return samples

    def _update(self, outputs: Sequence[Any], targets: Any) -> None:
        predictions: Any = outputs[0] if len(outputs) == 1 else tuple(outputs)
        try:
            if self._evaluation.postprocess is not None:
                predictions = self._evaluation.postprocess(predictions)
            for metric in self._metrics:
                metric.update(predictions, targets)
        except Exception as error:
            raise raised(error, where=f"evaluation by {self.metric}, postprocess or metric") from error


def host(value: Any) -> Any:
    """Targets with every tensor as a numpy array; what holds no numbers (text, lists of boxes) stays."""
    if isinstance(value, Mapping):
        return {key: host(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(host(item) for item in value) if type(value) in (tuple, list) else value
    return to_numpy(value) if hasattr(value, "shape") else value
