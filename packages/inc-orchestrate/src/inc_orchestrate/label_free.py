"""Judge a model without labels: how well it agrees with the caller's original on held-out batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import attrs
import numpy as np
from inc_adaptors.batches import as_batches, check_reiterable
from inc_adaptors.handle import ModelHandle, Signature
from inc_adaptors.roles import Adaptor
from inc_config.errors import DataError, EvaluationError, IncError
from inc_metrics import SQNR, Agreement, MetricError
from numpy.typing import NDArray

from inc_orchestrate.data import SampleIds, inputs_of
from inc_orchestrate.scoring import Answer, Judgement, Score, Terms, answered, predictor

Outputs = tuple[NDArray[Any], ...]
_WHERE = "label-free evaluation"
_CLASS_SCORES = 2


@attrs.frozen(eq=False)
class LabelFree:
    """Held-out batches of inputs; read at every evaluation, so they must be iterable more than once.

    For models whose first output is class scores (N, C) the value is the fraction of samples with the original's top class; for
    others it is 1 - noise power / signal power of the worst output, so that a loss of 0.01 allows an SQNR of 20 dB.
    """

    loader: Any

    def faults(self) -> tuple[IncError, ...]:
        """What is wrong, found without reading the data."""
        try:
            check_reiterable(as_batches(self.loader), where="evaluate=LabelFree(loader)")
        except DataError as error:
            return (error,)
        return ()


class LabelFreeEvaluator:
    """Agreement with one original model, whose outputs are computed once."""

    label_free = True
    higher_is_better: bool | None = True

    def __init__(self, source: LabelFree, adaptor: Adaptor, original: ModelHandle) -> None:
        self._batches = tuple(inputs_of(source.loader, original.signature))
        self.ids: SampleIds | None = SampleIds()
        for inputs in self._batches:
            self.ids.update(inputs)
        if not self._batches:
            raise DataError(
                "The held-out data is empty.", where=_WHERE, fix="give batches of inputs, or evaluate=Evaluation(loader, metric)"
            )
        predict = predictor(adaptor, original)
        self._expected = tuple(predict(inputs) for inputs in self._batches)
        first = self._expected[0][0]
        self._by_class = first.ndim == _CLASS_SCORES and first.shape[1] >= _CLASS_SCORES and first.dtype.kind == "f"

    @property
    def metric(self) -> str:
        """Says what is compared, and that no labels were used."""
        return "top-1 agreement with the original (label-free)" if self._by_class else "fidelity to the original (label-free)"

    def evaluate(self, adaptor: Adaptor, handle: ModelHandle) -> Score:
        """Compare a model's outputs with the original's."""
        return self.scored(answered(predictor(adaptor, handle), self.examples(handle.signature)))

    def examples(self, signature: Signature) -> Iterator[tuple[Any, Any]]:
        """Inputs and the original's outputs of every batch."""
        return zip(self._batches, self._expected, strict=True)

    def scored(self, answers: Iterable[Answer]) -> Score:
        """Compare outputs with the original's."""
        agreement = Agreement()
        noise = [SQNR() for _ in self._expected[0]]
        samples = 0
        try:
            for outputs, expected, size in answers:
                samples += size
                for meter, output, wanted in zip(noise, outputs, expected, strict=True):
                    meter.update(output, wanted)
                if self._by_class:
                    agreement.update(outputs[0], expected[0])
            sqnr = min(meter.result() for meter in noise)
        except (MetricError, ValueError) as error:
            raise EvaluationError(
                f"Outputs cannot be compared with the original's: {error}", where=_WHERE, fix="give evaluate=Evaluation(loader, metric)"
            ) from error
        fidelity = 1.0 - 10.0 ** (-sqnr / 10.0)
        others = (("SQNR in dB", sqnr),) if np.isfinite(sqnr) else ()
        return Score(value=agreement.result() if self._by_class else fidelity, others=others, samples=samples)

    def judge(self, adaptor: Adaptor, handle: ModelHandle, terms: Terms) -> Judgement:
        """Evaluate in full."""
        return Judgement(score=self.evaluate(adaptor, handle))
