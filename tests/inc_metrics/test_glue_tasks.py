"""GLUE's numbers against scikit-learn and scipy."""

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics
from inc_metrics import GLUE, MetricTypeError, MetricValueError, glue

RNG = np.random.default_rng(0)
LOGITS, LABELS = RNG.normal(size=(60, 2)), RNG.integers(0, 2, 60)
DECIDED = LOGITS.argmax(axis=1)


@pytest.mark.parametrize("task", ["mrpc", "qqp", "qnli", "rte", "wnli", "sst-2", "SST2", "mnli", "mnli_mm"])
def test_accuracy_is_what_1x_reports_for_most_tasks(task: str) -> None:
    assert glue(LOGITS, LABELS, task=task) == sklearn.metrics.accuracy_score(LABELS, DECIDED)
    assert glue(DECIDED, LABELS, task=task) == glue(LOGITS, LABELS, task=task)


def test_the_other_numbers() -> None:
    assert glue(LOGITS, LABELS, task="cola") == pytest.approx(sklearn.metrics.matthews_corrcoef(LABELS, DECIDED), rel=1e-12)
    metric = GLUE(task="mrpc", key="f1")
    metric.update(LOGITS, LABELS)
    accuracy, f1 = sklearn.metrics.accuracy_score(LABELS, DECIDED), sklearn.metrics.f1_score(LABELS, DECIDED)
    assert metric.result() == pytest.approx(f1, rel=1e-14)
    assert metric.results() == pytest.approx({"acc": accuracy, "f1": f1, "acc_and_f1": (accuracy + f1) / 2}, rel=1e-14)
    predicted, truth = RNG.normal(size=(60, 1)), RNG.normal(size=60)
    both = scipy.stats.pearsonr(predicted[:, 0], truth)[0], scipy.stats.spearmanr(predicted[:, 0], truth)[0]
    assert glue(predicted, truth, task="sts-b") == pytest.approx(sum(both) / 2, rel=1e-12)
    assert glue(predicted, truth, task="stsb", key="spearmanr") == pytest.approx(both[1], rel=1e-12)


def test_only_accuracy_has_values_per_sample() -> None:
    metric = GLUE(task="rte", keep_samples=True)
    metric.update(LOGITS, LABELS)
    assert metric.samples().tolist() == (DECIDED == LABELS).tolist()
    other = GLUE(task="cola", keep_samples=True)
    other.update(LOGITS, LABELS)
    with pytest.raises(MetricValueError, match="mcc is no mean over samples"):
        other.samples()


def test_unknown_tasks_and_keys_show_the_known_ones() -> None:
    with pytest.raises(MetricValueError, match=r"(?s)Unknown task 'snli'.*cola, mnli"):
        GLUE(task="snli")
    with pytest.raises(MetricValueError, match="one of acc, f1, acc_and_f1"):
        GLUE(task="mrpc", key="mcc")
    with pytest.raises(MetricTypeError, match="task is a int"):
        GLUE(task=1)  # type: ignore[arg-type]  # the wrong type is the point


def test_accuracy_needs_no_positive_sample_though_f1_does() -> None:
    metric = GLUE(task="mrpc")
    metric.update([0, 0, 0], [0, 0, 0])
    assert metric.result() == 1.0
    with pytest.raises(MetricValueError, match="Class 1 occurs neither"):
        metric.results()
