"""Other people's metrics behind our interface."""

from functools import partial

import numpy as np
import pytest
from inc_metrics import Accuracy, Metric, MetricTypeError, MetricValueError, TopK, as_metric
from sklearn.metrics import precision_score, roc_auc_score


class Counting:
    """The 1.x contract: update, reset, result."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.count = 0

    def update(self, predictions: list[float], targets: list[float]) -> None:
        self.count += len(predictions)

    def result(self) -> int:
        return self.count


class Torchmetrics:
    """As torchmetrics: callable itself, compute() gives a zero-dimensional tensor, a class attribute for the direction."""

    higher_is_better = False

    def __init__(self) -> None:
        self.total = 0.0

    def __call__(self, predictions: object, targets: object) -> np.ndarray:
        raise AssertionError("update is to be used")

    def update(self, predictions: np.ndarray, targets: np.ndarray) -> None:
        self.total += float(np.abs(predictions - targets).sum())

    def compute(self) -> np.ndarray:
        return np.array(self.total, dtype=np.float32)

    def reset(self) -> None:
        self.total = 0.0


class WithoutReset:
    def __init__(self) -> None:
        self.seen = 0

    def update(self, predictions: list[int], targets: list[int]) -> None:
        self.seen += len(predictions)

    def compute(self) -> int:
        return self.seen


def mean_difference(predictions: np.ndarray, targets: np.ndarray) -> float:
    return float((predictions - targets).mean())


def test_ours_come_back_as_they_are() -> None:
    metric = Accuracy()
    assert as_metric(metric) is metric


def test_an_object_of_1x_works() -> None:
    metric = as_metric(Counting())
    assert isinstance(metric, Metric)
    assert (metric.name, metric.higher_is_better) == ("Counting", True)
    metric.update([1.0, 2.0], [1.0, 2.0])
    assert metric.result() == 2.0
    assert type(metric.result()) is float
    metric.reset()
    assert metric.result() == 0.0


def test_an_object_with_compute_works_and_keeps_its_direction() -> None:
    metric = as_metric(Torchmetrics())
    assert metric.higher_is_better is False
    metric.update(np.array([1.0, 2.0]), np.array([2.0, 4.0]))
    assert metric.result() == 3.0


@pytest.mark.parametrize("source", [Counting, Accuracy, Torchmetrics, partial(TopK, k=5), partial(Accuracy)])
def test_a_class_or_a_factory_is_called(source: object) -> None:
    first, second = as_metric(source), as_metric(source)
    assert isinstance(first, Metric)
    assert first is not second


@pytest.mark.parametrize("source", [WithoutReset, partial(WithoutReset)])
def test_where_there_is_no_reset_each_evaluation_gets_a_new_one(source: object) -> None:
    metric = as_metric(source)
    metric.update([1, 2], [1, 2])
    assert metric.result() == 2.0
    metric.reset()
    metric.update([1], [1])
    assert metric.result() == 1.0


def test_an_instance_without_reset_is_refused() -> None:
    with pytest.raises(MetricTypeError, match=r"no reset(?s:.*)pass the class"):
        as_metric(WithoutReset())


def test_a_callable_sees_all_samples_at_once() -> None:
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=30), rng.integers(0, 2, 30)
    metric = as_metric(lambda predictions, targets: roc_auc_score(targets, predictions), name="auc")
    for start in (0, 10, 20):
        metric.update(scores[start : start + 10], labels[start : start + 10])
    assert metric.name == "auc"
    assert metric.result() == pytest.approx(roc_auc_score(labels, scores), abs=1e-15)  # no mean of three batches


def test_the_argument_order_of_scikit_learn_is_respected() -> None:
    # predicted yes: samples 0 1 2, truly yes: 0; precision 1/3, where swapped sides would give 1
    metric = as_metric(precision_score)
    metric.update([1, 1, 1, 0], [1, 0, 0, 0])
    assert metric.result() == pytest.approx(1 / 3)
    assert metric.name == "precision_score"


def test_collected_batches_are_copies() -> None:
    buffer = np.array([3.0])
    metric = as_metric(mean_difference, higher_is_better=False)
    for value in (3.0, 5.0):
        buffer[0] = value  # as a loader that reuses its memory
        metric.update(buffer, np.array([0.0]))
    assert metric.result() == 4.0
    assert metric.higher_is_better is False


def test_collected_scores_merge() -> None:
    parts = [as_metric(mean_difference) for _ in range(2)]
    parts[0].update([1.0], [0.0])
    parts[1].update([3.0, 5.0], [0.0, 0.0])
    parts[0].merge(parts[1])  # type: ignore[attr-defined]  # a collected score is mergeable
    assert parts[0].result() == 3.0
    with pytest.raises(MetricValueError, match="options differ"):
        parts[0].merge(as_metric(lambda a, b: 0.0))  # type: ignore[attr-defined]  # see above


def test_samples_of_another_shape_are_refused_before_they_are_kept() -> None:
    metric = as_metric(mean_difference)
    metric.update(np.zeros((2, 3)), np.zeros((2, 3)))
    with pytest.raises(MetricValueError, match=r"shape \(4,\), the ones before \(3,\)"):
        metric.update(np.zeros((2, 4)), np.zeros((2, 4)))
    assert metric.result() == 0.0


def test_a_callable_without_data_has_no_result() -> None:
    with pytest.raises(MetricValueError, match="no data"):
        as_metric(mean_difference).result()


@pytest.mark.parametrize(
    ("value", "error"),
    [(float("nan"), MetricValueError), ("0.5", MetricTypeError), (None, MetricTypeError), ({"map": 0.5}, MetricTypeError)],
)
def test_a_result_that_is_no_number_is_refused(value: object, error: type[Exception]) -> None:
    metric = as_metric(lambda predictions, targets: value)
    metric.update([1.0], [1.0])
    with pytest.raises(error, match="where: <lambda>"):
        metric.result()


@pytest.mark.parametrize("source", ["topk", 3, None, object(), lambda: 3, lambda a: a, np.zeros(3)])
def test_what_is_no_metric_is_refused(source: object) -> None:
    with pytest.raises(MetricTypeError, match=r"\n  fix: "):
        as_metric(source)


def test_a_class_that_needs_arguments_says_so() -> None:
    class Needs(Counting):
        def __init__(self, task: str) -> None:
            super().__init__()

    with pytest.raises(MetricTypeError, match=r"Needs cannot be called without arguments"):
        as_metric(Needs)
    assert isinstance(as_metric(partial(Needs, "multiclass")), Metric)


def test_an_object_of_torchmetrics_gets_tensors_in_place_of_arrays() -> None:
    torch = pytest.importorskip("torch", reason="torch is no dependency of this package")
    # A stand-in of three methods: what matters is the module that the class says it comes from.
    seen: list[object] = []
    kind = type("Metric", (Torchmetrics,), {"__module__": "torchmetrics.metric", "update": lambda self, *sides: seen.extend(sides)})
    scores = np.eye(3)[::-1]
    scores.flags.writeable = False
    metric = as_metric(kind())
    metric.update(scores, [2, 1, 0])
    assert isinstance(seen[0], torch.Tensor)
    np.testing.assert_array_equal(seen[0].numpy(), scores)
    assert seen[1] == [2, 1, 0]
