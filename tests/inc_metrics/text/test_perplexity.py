"""Perplexity by hand and by formula."""

import numpy as np
import pytest
import sklearn.metrics
from inc_metrics import MetricValueError, Perplexity, perplexity


def test_it_is_the_exponential_of_log_loss_over_tokens_that_count() -> None:
    rng = np.random.default_rng(0)
    logits, tokens = rng.normal(size=(4, 7, 9)), rng.integers(0, 9, (4, 7))
    tokens[1, 4:] = -100
    counted = tokens != -100
    weights = np.exp(logits[counted])
    expected = np.exp(sklearn.metrics.log_loss(tokens[counted], weights / weights.sum(axis=1, keepdims=True), labels=range(9)))
    assert perplexity(logits, tokens) == pytest.approx(expected, rel=1e-12)


def test_guessing_among_equals_costs_their_number() -> None:
    assert perplexity(np.zeros((1, 5, 8)), np.arange(5)[None]) == pytest.approx(8.0, rel=1e-14)
    assert perplexity(np.full((3, 4), 0.25), [0, 1, 2], scores="probabilities") == pytest.approx(4.0, rel=1e-14)


def test_longer_sequences_weigh_more() -> None:
    metric = Perplexity(keep_samples=True)
    metric.update(np.log([[[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]]]), [[0, 1, 0]])
    metric.update(np.log([[[0.25, 0.75]]]), [[0]])
    # Mean over four tokens: (3 ln 2 + ln 4) / 4.
    assert metric.result() == pytest.approx(2 ** (5 / 4), rel=1e-14)
    assert metric.samples() == pytest.approx([np.log(2), np.log(4)], rel=1e-14)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(MetricValueError, match="Sequence 1 of the batch has no token"):
        perplexity(np.zeros((2, 2, 3)), [[0, 1], [-100, -100]])
    with pytest.raises(MetricValueError, match=r"\(2, 3, 4\).*\(2, 2\)"):
        perplexity(np.zeros((2, 3, 4)), np.zeros((2, 2), int))
    with pytest.raises(MetricValueError, match="Label 4 is outside"):
        perplexity(np.zeros((1, 2, 4)), [[0, 4]])
