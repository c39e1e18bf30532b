"""Paired differences with intervals that cover what they say."""

import numpy as np
import pytest
import scipy.stats
from inc_metrics import (
    BLEU,
    GLUE,
    MAE,
    MSE,
    RMSE,
    ROCAUC,
    SQNR,
    Accuracy,
    Method,
    MetricTypeError,
    MetricValueError,
    Perplexity,
    SquadExactMatch,
    TopK,
    as_metric,
    compare,
)
from inc_metrics.confidence.bootstrap import percentile_interval, student_t_quantile
from inc_metrics.confidence.mcnemar import mcnemar_interval, mcnemar_p_value
from sklearn.metrics import roc_auc_score


def accuracies(lost: int, won: int, both: int, neither: int) -> tuple[Accuracy, Accuracy]:
    """Two models with the given numbers of samples that only one, both or none of them gets right."""
    first = np.repeat([1, 0, 1, 0], [lost, won, both, neither])
    second = np.repeat([0, 1, 1, 0], [lost, won, both, neither])
    metrics = Accuracy(keep_samples=True), Accuracy(keep_samples=True)
    for metric, decided in zip(metrics, (first, second), strict=True):
        metric.update(decided, np.ones_like(decided))
    return metrics


@pytest.mark.parametrize(("lost", "won"), [(0, 0), (1, 0), (3, 9), (40, 12), (900, 1000), (2000, 2000)])
def test_the_p_value_of_right_and_wrong_is_the_exact_binomial_one(lost: int, won: int) -> None:
    expected = scipy.stats.binomtest(lost, lost + won).pvalue if lost + won else 1.0
    assert mcnemar_p_value(lost=lost, won=won) == pytest.approx(expected, rel=1e-9)


def test_right_and_wrong_are_compared_by_mcnemar() -> None:
    found = compare(*accuracies(lost=12, won=4, both=70, neither=14))
    assert found.method is Method.MCNEMAR
    assert (found.baseline, found.candidate, found.units) == (0.82, 0.74, 100)
    assert found.difference == pytest.approx(-0.08)
    # Agresti and Min by hand: (4.5 - 12.5) / 102 -+ 1.95996 sqrt(17 - 64 / 102) / 102.
    assert (found.low, found.high) == pytest.approx((-8 / 102 - 0.077761, -8 / 102 + 0.077761), abs=1e-5)
    assert "accuracy 0.82 -> 0.74: -0.08, 95% CI [-0.156" in str(found)
    assert "McNemar, 100 units" in str(found)


def test_metrics_made_differently_are_not_compared() -> None:
    scores, labels = np.eye(20), np.arange(20)
    first, second = TopK(k=1, keep_samples=True), TopK(k=5, keep_samples=True)
    for metric in (first, second):
        metric.update(scores, labels)
    with pytest.raises(MetricValueError, match=r"options differ: \{'k': 1\} and \{'k': 5\}"):
        compare(first, second)


def test_models_that_never_differ_still_have_a_width() -> None:
    found = compare(*accuracies(lost=0, won=0, both=50, neither=50))
    assert found.low < 0.0 < found.high
    assert found.p_value == 1.0


@pytest.mark.parametrize(("samples", "lost", "won"), [(50, 0.1, 0.06), (300, 0.03, 0.01), (1000, 0.08, 0.08)])
def test_mcnemar_intervals_cover_as_often_as_they_say(samples: int, lost: float, won: float) -> None:
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(samples, [lost, won, 1 - lost - won], size=2_000)
    intervals = [mcnemar_interval(lost=int(row[0]), won=int(row[1]), samples=samples, confidence=0.9) for row in drawn]
    assert 0.88 <= np.mean([low <= won - lost <= high for low, high in intervals]) <= 0.97


@pytest.mark.parametrize("samples", [12, 60])
def test_bootstrap_intervals_cover_as_often_as_they_say(samples: int) -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for run in range(300):
        metrics = MAE(keep_samples=True), MAE(keep_samples=True)
        noise = rng.exponential(size=samples)
        for metric, errors in zip(metrics, (noise, noise + rng.normal(0.3, 0.5, samples)), strict=True):
            metric.update(np.abs(errors) * 0 + errors + 10.0, np.zeros(samples))
        found = compare(*metrics, confidence=0.9, resamples=300, seed=run)
        covered += found.low <= 0.3 <= found.high
    assert 0.85 <= covered / 300 <= 0.95


def test_a_mean_of_samples_is_resampled_in_pairs() -> None:
    rng = np.random.default_rng(2)
    truth = rng.normal(size=500)
    common = 5.0 * rng.normal(size=500)
    metrics = MSE(keep_samples=True), MSE(keep_samples=True)
    for metric, own in zip(metrics, (0.0, 0.05), strict=True):
        metric.update(truth + common + own * rng.normal(size=500), truth)
    found = compare(*metrics)
    changes = metrics[1].samples() - metrics[0].samples()
    assert found.method is Method.BOOTSTRAP
    assert found.difference == pytest.approx(changes.mean())
    half = 1.96 * changes.std() / np.sqrt(500)  # far narrower than the scatter of either side alone
    assert (found.low, found.high) == pytest.approx((changes.mean() - half, changes.mean() + half), abs=0.15 * half)
    assert compare(*metrics) == found


def test_the_root_and_the_exponential_are_taken_of_each_resample() -> None:
    rng = np.random.default_rng(3)
    metrics = RMSE(keep_samples=True), RMSE(keep_samples=True)
    for metric, spread in zip(metrics, (1.0, 2.0), strict=True):
        metric.update(spread * rng.normal(size=400), np.zeros(400))
    found = compare(*metrics)
    assert found.low < 1.0 < found.high
    assert found.high - found.low < 0.5
    sequences = Perplexity(keep_samples=True), Perplexity(keep_samples=True)
    for metric, scale in zip(sequences, (0.0, 1.0), strict=True):
        for length in (3, 5) * 10:
            metric.update(scale * rng.normal(size=(1, length, 4)), rng.integers(0, 4, (1, length)))
    told = compare(*sequences)
    assert told.baseline == pytest.approx(4.0)
    assert told.low < told.difference < told.high


def test_corpus_metrics_are_resampled_by_their_units() -> None:
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 2, 400)
    areas = ROCAUC(), ROCAUC()
    for metric, noise in zip(areas, (0.3, 2.0), strict=True):
        metric.update(truth + noise * rng.normal(size=400), truth)
    found = compare(*areas, resamples=300)
    assert found.high < 0.0
    assert found.p_value == 2 / 301
    assert found.units == 400
    texts = [" ".join(rng.choice(list("abcdef"), 12)) for _ in range(30)]
    bleus = BLEU(keep_samples=True), BLEU(keep_samples=True)
    bleus[0].update(texts, texts)
    bleus[1].update([text[:-6] + "x y z" for text in texts], texts)
    told = compare(*bleus, resamples=200)
    assert told.baseline == pytest.approx(100.0)
    assert told.high < 0.0
    tasks = GLUE(task="cola", keep_samples=True), GLUE(task="cola", keep_samples=True)
    for task in tasks:
        task.update(truth, truth)
    assert compare(*tasks, resamples=100).difference == 0.0


@pytest.mark.parametrize("freedom", [9, 10, 30, 1_000])
@pytest.mark.parametrize("probability", [0.9, 0.975, 0.995])
def test_the_quantile_of_students_t_is_close(freedom: int, probability: float) -> None:
    assert student_t_quantile(probability, freedom) == pytest.approx(scipy.stats.t.ppf(probability, freedom), rel=1e-3)


def test_the_expanded_interval_of_a_normal_is_students() -> None:
    # Resampled means of ten values scatter with sqrt(9/10) of the unbiased deviation; the widening gives it back, and t for z.
    normal = scipy.stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000) * np.sqrt(0.9)
    low, high = percentile_interval(normal, units=10, confidence=0.95)
    assert (low, high) == pytest.approx((-scipy.stats.t.ppf(0.975, 9), scipy.stats.t.ppf(0.975, 9)), rel=2e-3)


def test_what_cannot_be_compared_is_refused() -> None:
    kept = accuracies(3, 3, 3, 3)
    with pytest.raises(MetricTypeError, match="MAE cannot be compared with a Accuracy"):
        compare(kept[0], MAE())
    with pytest.raises(MetricValueError, match="baseline 12, candidate 11"):
        compare(kept[0], accuracies(3, 3, 3, 2)[1])
    plain = Accuracy()
    plain.update([1], [1])
    with pytest.raises(MetricValueError, match="keep_samples=True"):
        compare(plain, plain)
    ratio = SQNR()
    ratio.update([1.0], [2.0])
    with pytest.raises(MetricTypeError, match=r"resampled\(indices\)"):
        compare(ratio, ratio)
    few = MAE(keep_samples=True)
    few.update([1.0, 2.0], [1.5, 3.0])
    with pytest.raises(MetricValueError, match="2 samples are too few"):
        compare(few, few)
    with pytest.raises(MetricValueError, match="confidence is 95"):
        compare(*kept, confidence=95)
    with pytest.raises(MetricValueError, match="resamples is 50"):
        compare(*kept, resamples=50)
    other = MAE(keep_samples=True)
    wide, narrow = MAE(keep_samples=True), MAE(keep_samples=True)
    wide.update(np.ones((10, 2)), np.zeros((10, 2)))
    narrow.update(np.ones((10, 3)), np.zeros((10, 3)))
    with pytest.raises(MetricValueError, match="2 elements for the baseline and 3"):
        compare(wide, narrow)
    with pytest.raises(MetricValueError, match="no data"):
        compare(other, other)
    lone = ROCAUC(), ROCAUC()
    for metric in lone:
        metric.update(np.arange(12.0), [1] + [0] * 11)
    with pytest.raises(MetricValueError, match=r"of 200 resamples have no result: The data has no positive sample"):
        compare(*lone, resamples=200)


def test_functions_of_all_samples_are_compared_over_resamples() -> None:
    rng = np.random.default_rng(9)
    truth = rng.integers(0, 2, 200)
    kept = []
    for noise in (0.4, 1.5):
        metric = as_metric(roc_auc_score)
        scores = truth + noise * rng.normal(size=200)
        metric.update(scores[:150], truth[:150])
        metric.update(scores[150:], truth[150:])
        own = ROCAUC()
        own.update(scores, truth)
        kept.append((metric, own))
    found, expected = (compare(*pair) for pair in zip(*kept, strict=True))
    assert found.method is Method.BOOTSTRAP
    assert found.high < 0.0
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_only_metrics_are_compared() -> None:
    for pair in ((None, None), (Accuracy(), 0.5)):
        with pytest.raises(MetricTypeError, match="is no metric"):
            compare(*pair)  # type: ignore[arg-type]  # the wrong type is the point


def test_right_and_wrong_answers_counted_from_0_to_100_are_compared_by_mcnemar_too() -> None:
    fractions = compare(*accuracies(lost=12, won=4, both=70, neither=14))
    answers = np.repeat(["x", "z", "x", "z"], [12, 4, 70, 14]), np.repeat(["z", "x", "x", "z"], [12, 4, 70, 14])
    metrics = SquadExactMatch(keep_samples=True), SquadExactMatch(keep_samples=True)
    for metric, texts in zip(metrics, answers, strict=True):
        metric.update(texts.tolist(), ["x"] * 100)
    found = compare(*metrics)
    assert found.method is Method.MCNEMAR
    assert (found.difference, found.low, found.high) == pytest.approx((-8.0, 100 * fractions.low, 100 * fractions.high))
    assert found.p_value == fractions.p_value
