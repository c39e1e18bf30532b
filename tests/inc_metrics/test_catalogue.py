"""What every metric of the catalogue keeps to: protocol, merging, resampling, and refusing to answer without data."""

import pickle
import string
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inc_metrics import (
    BLEU,
    GLUE,
    R2,
    ROCAUC,
    AveragePrecision,
    ConfusionMatrix,
    FBeta,
    LogLoss,
    Loss,
    Matthews,
    Mergeable,
    MetricError,
    MetricTypeError,
    MetricValueError,
    Pearson,
    Perplexity,
    Precision,
    Recall,
    Resamplable,
    RougeL,
    Spearman,
    SquadExactMatch,
    SquadF1,
    Throughput,
    TokenF1,
)
from inc_metrics.compat import V1BLEU, V1ROC, V1Accuracy, V1Loss, V1SquadF1

SAMPLES = 40
Batch = tuple[Any, Any]


def scores_and_labels(rng: np.random.Generator) -> Batch:
    return rng.normal(size=(SAMPLES, 4)).round(1) * 10.0 ** rng.integers(-3, 2, size=(SAMPLES, 1)), rng.integers(0, 4, SAMPLES)


def ranked(rng: np.random.Generator) -> Batch:
    truth = np.tile([0, 1], SAMPLES // 2)
    return rng.integers(0, 9, SAMPLES) / 8, truth


def quantities(rng: np.random.Generator) -> Batch:
    truth = rng.normal(size=SAMPLES) * 10.0 ** rng.integers(-6, 6, SAMPLES)
    return truth + rng.normal(size=SAMPLES), truth


def texts(rng: np.random.Generator) -> Batch:
    words = np.array(["a", "cat", "sat,", "on", "the", "mat.", "3.5"])
    made = [" ".join(rng.choice(words, rng.integers(4, 9))) for _ in range(2 * SAMPLES)]
    return made[:SAMPLES], made[SAMPLES:]


def token_lists(rng: np.random.Generator) -> Batch:
    sides = [[list(rng.choice(list(string.ascii_lowercase[:5]), 4)) for _ in range(SAMPLES)] for _ in range(2)]
    return sides[0], sides[1]


def sequences(rng: np.random.Generator) -> Batch:
    tokens = rng.integers(0, 5, (SAMPLES, 6))
    tokens[:, 3:][rng.random((SAMPLES, 3)) < 0.5] = -100
    return rng.normal(size=(SAMPLES, 6, 5)), tokens


METRICS: dict[str, tuple[Callable[..., Any], Callable[[np.random.Generator], Batch]]] = {
    "precision": (Precision, scores_and_labels),
    "recall": (partial(Recall, average="weighted"), scores_and_labels),
    "f-beta": (partial(FBeta, beta=2.0), scores_and_labels),
    "confusion-matrix": (ConfusionMatrix, scores_and_labels),
    "matthews": (Matthews, scores_and_labels),
    "log-loss": (partial(LogLoss, scores="logits"), scores_and_labels),
    "roc-auc": (ROCAUC, ranked),
    "average-precision": (AveragePrecision, ranked),
    "pearson": (Pearson, quantities),
    "spearman": (Spearman, quantities),
    "r2": (R2, quantities),
    "loss": (Loss, quantities),
    "bleu": (BLEU, texts),
    "rouge-l": (RougeL, texts),
    "squad-f1": (SquadF1, texts),
    "squad-em": (SquadExactMatch, texts),
    "token-f1": (TokenF1, token_lists),
    "perplexity": (Perplexity, sequences),
    "glue mrpc": (partial(GLUE, task="mrpc", key="acc_and_f1"), ranked),
    "glue sts-b": (partial(GLUE, task="sts-b"), quantities),
    "accuracy-v1": (V1Accuracy, scores_and_labels),
    "roc": (V1ROC, ranked),
    "bleu-v1": (V1BLEU, texts),
    "loss-v1": (V1Loss, quantities),
    "squad-f1-v1": (V1SquadF1, texts),
}
KEPT_ANYWAY = {"roc-auc", "average-precision", "spearman", "loss-v1"}
PER_UPDATE = {"squad-f1-v1"}  # the update is its sample: this is why it is no modern metric


def labels_for(name: str, batch: Batch) -> Batch:
    """Decisions for the task that takes no scores without a threshold."""
    return (np.round(batch[0]).astype(np.int64), batch[1]) if name == "glue mrpc" else batch


def made(name: str, *, keep: bool = False) -> Any:
    make = METRICS[name][0]
    return make(keep_samples=True) if keep and name not in KEPT_ANYWAY else make()


def batch_of(name: str, seed: int) -> Batch:
    return labels_for(name, METRICS[name][1](np.random.default_rng(seed)))


@pytest.mark.parametrize("name", sorted(set(METRICS) - PER_UPDATE))
@settings(max_examples=15)
@given(cuts=st.lists(st.integers(1, SAMPLES // 2 - 1), max_size=4, unique=True), seed=st.integers(0, 2**32 - 1))
def test_merged_parts_equal_one_pass_to_the_last_bit(name: str, cuts: list[int], seed: int) -> None:
    predictions, targets = batch_of(name, seed)
    whole, merged = made(name), made(name)
    whole.update(predictions, targets)
    for start, stop in reversed(list(pairwise([0, *sorted(2 * cut for cut in cuts), SAMPLES]))):
        part = made(name)
        part.update(predictions[start:stop], targets[start:stop])
        merged.merge(part)
    assert merged.result() == whole.result()


@pytest.mark.parametrize("name", sorted(set(METRICS) - PER_UPDATE - {"loss-v1"}))
def test_resampling_every_unit_once_gives_the_result_and_a_choice_gives_that_of_the_choice(name: str) -> None:
    predictions, targets = batch_of(name, 5)
    metric, chosen = made(name, keep=True), made(name)
    metric.update(predictions[:10], targets[:10])
    metric.update(predictions[10:], targets[10:])
    assert isinstance(metric, Resamplable)
    assert metric.units() == SAMPLES
    indices = np.random.default_rng(1).integers(0, SAMPLES, SAMPLES)
    if isinstance(predictions, list):
        chosen.update([predictions[index] for index in indices], [targets[index] for index in indices])
    else:
        chosen.update(predictions[indices], targets[indices])
    np.testing.assert_allclose(metric.resampled(np.arange(SAMPLES)), metric.result(), rtol=1e-12)
    np.testing.assert_allclose(metric.resampled(indices), chosen.result(), rtol=1e-12)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_each_metric_fits_the_protocol_and_travels_between_processes(name: str) -> None:
    metric = made(name)
    assert isinstance(metric, Mergeable)
    assert isinstance(metric.higher_is_better, bool)
    assert name.startswith(metric.name)
    metric.update(*batch_of(name, 2))
    assert pickle.loads(pickle.dumps(metric)).result() == metric.result()


@pytest.mark.parametrize("name", sorted(METRICS))
def test_without_data_there_is_no_result(name: str) -> None:
    metric = made(name)
    with pytest.raises(MetricValueError, match="no data"):
        metric.result()
    metric.update(*batch_of(name, 0))
    metric.result()
    metric.reset()
    with pytest.raises(MetricValueError, match="no data"):
        metric.result()


@pytest.mark.parametrize("name", sorted(METRICS))
def test_a_refused_batch_changes_nothing(name: str) -> None:
    metric = made(name)
    predictions, targets = batch_of(name, 1)
    metric.update(predictions, targets)
    before = metric.result()
    bad: list[Batch] = [(predictions[:0], targets[:0])]
    if name != "loss-v1":  # it never looks at both
        bad.append((predictions[:5], targets))
    if isinstance(predictions, np.ndarray) and predictions.dtype.kind == "f":
        spoilt = predictions.copy()
        spoilt[3] = np.nan
        bad.append((spoilt, targets))
    for batch in bad:
        with pytest.raises(MetricError, match=r"(?s)where: .*\n  fix: "):
            metric.update(*batch)
    assert metric.result() == before


@pytest.mark.parametrize("name", sorted(set(METRICS) - KEPT_ANYWAY))
def test_samples_that_were_not_kept_cannot_be_resampled(name: str) -> None:
    metric = made(name)
    metric.update(*batch_of(name, 0))
    with pytest.raises(MetricValueError, match="keep_samples=True"):
        metric.resampled(np.arange(3))


def test_only_the_same_metric_with_the_same_options_merges() -> None:
    with pytest.raises(MetricTypeError, match="Recall cannot be merged"):
        Precision().merge(Recall())  # type: ignore[arg-type]  # the wrong type is the point
    for left, right in (
        (FBeta(beta=1), FBeta(beta=2)),
        (BLEU(), BLEU(lowercase=True)),
        (Perplexity(), Perplexity(ignore_index=0)),
        (GLUE(task="mrpc"), GLUE(task="qqp")),
        (ROCAUC(), ROCAUC(average="weighted")),
        (Pearson(), Pearson(keep_samples=True)),
        (R2(), R2(keep_samples=True)),
        (LogLoss(), LogLoss(scores="logits")),
        (SquadF1(), SquadF1(version="2.0")),
        (Loss(), Loss(reduction="sum")),
    ):
        with pytest.raises(MetricValueError, match="options differ"):
            left.merge(right)  # type: ignore[arg-type]  # mypy sees the pairs' common base


@pytest.mark.parametrize("name", sorted(METRICS))
@pytest.mark.parametrize("other", [object(), None, 3, Throughput()])
def test_what_is_no_such_metric_does_not_merge(name: str, other: Any) -> None:
    with pytest.raises(MetricTypeError, match=f"{type(other).__name__} cannot be merged in"):
        made(name).merge(other)


def test_two_tokenizers_do_not_merge_though_they_have_one_name() -> None:
    with pytest.raises(MetricValueError, match="options differ"):
        BLEU(tokenize=lambda text: text.split()).merge(BLEU(tokenize=lambda text: [*text]))
    whole, part = BLEU(tokenize=str.split), BLEU(tokenize=str.split)
    whole.update(*batch_of("bleu", 0))
    part.merge(whole)
    assert part.result() == whole.result()


def test_streaming_memory_does_not_grow_where_counts_or_sums_suffice() -> None:
    for name in sorted(set(METRICS) - KEPT_ANYWAY - {"glue sts-b"}):  # Spearman, which is part of sts-b, ranks all samples
        metric = made(name)
        sizes = []
        for seed in range(12):
            metric.update(*batch_of(name, seed))
            sizes.append(len(pickle.dumps(metric)))
        assert max(sizes[6:]) - sizes[5] < 200, name
