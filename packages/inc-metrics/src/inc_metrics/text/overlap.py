"""F1 of the tokens that two sequences share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any, ClassVar

import numpy as np

from inc_metrics.arrays import as_array
from inc_metrics.errors import MetricTypeError, MetricValueError
from inc_metrics.sample_mean import SampleMean


class TokenF1(SampleMean):
    """Mean over samples of the F1 of shared tokens, counted with repetition; this is ``F1`` of 1.x.

    Args:
        keep_samples: keep each sample's value for ``samples()``.
    """

    name: ClassVar[str] = "token-f1"
    higher_is_better: ClassVar[bool] = True

    def update(self, predictions: Any, targets: Any) -> None:
        """Take in one sample, a sequence of tokens on either side, or a list of samples.

        Tokens are strings or whole numbers; a string in place of a sequence is split at whitespace.

        Raises:
            MetricValueError: unequal numbers of samples, none at all, or a sample with no token on either side.
            MetricTypeError: something that is no sequence of tokens.
        """
        where = "TokenF1.update"
        left, right = _samples(predictions, where=f"{where}(predictions)"), _samples(targets, where=f"{where}(targets)")
        if len(left) != len(right):
            what = f"Numbers of samples do not match: {len(left)} predictions, {len(right)} targets"
            raise MetricValueError(what, where, "give one target per prediction")
        for index, (text, reference) in enumerate(zip(left, right, strict=True)):
            if not text and not reference:
                raise MetricValueError(f"Sample {index} has no token on either side", where, "leave it out")
        self._take(np.array([shared_f1(*pair) for pair in zip(left, right, strict=True)]), where=where)


def token_f1(predictions: Any, targets: Any) -> float:
    """Return the mean F1 of shared tokens of one sample or a list of them; see :class:`TokenF1`."""
    metric = TokenF1()
    metric.update(predictions, targets)
    return metric.result()


def shared_f1(prediction: Sequence[Hashable], target: Sequence[Hashable]) -> float:
    """Return the F1 of the tokens that two sequences share, 0 when they share none."""
    common = (Counter(prediction) & Counter(target)).total()
    return 2.0 * common / (len(prediction) + len(target)) if common else 0.0


def _samples(value: Any, *, where: str) -> list[list[Hashable]]:
    """Return one list of tokens per sample."""
    if isinstance(value, str):
        return [[*value.split()]]
    items = _items(value, where=where)
    if not items:
        raise MetricValueError("There are no tokens", where, "leave out empty samples")
    if any(isinstance(item, (list, tuple)) for item in items):
        return [_tokens(item, where=where) for item in items]
    return [_tokens(items, where=where)]


def _items(value: Any, *, where: str) -> list[Any]:
    items = list(value) if isinstance(value, (list, tuple)) else as_array(value, where=where).tolist()
    if not isinstance(items, list):
        raise MetricTypeError("A single number is no sequence of tokens", where, "give a sequence")
    return [item if isinstance(item, (str, int, list, tuple)) else as_array(item, where=where).tolist() for item in items]


def _tokens(value: Any, *, where: str) -> list[Hashable]:
    tokens: list[Hashable] = [*value.split()] if isinstance(value, str) else list(value)
    for token in tokens:
        if not isinstance(token, (str, int)) and not (isinstance(token, float) and token.is_integer()):
            raise MetricTypeError(f"A token is {token!r}", where, "give strings or whole numbers")
    return tokens
