import numpy as np
import pytest
from inc_metrics import Accuracy, TopK
from inc_metrics.foreign import as_metric
from inc_metrics.keeping import keeping_samples
from inc_metrics.regression.elementwise import MAE


@pytest.mark.parametrize("metric", [Accuracy(), Accuracy(task="multiclass"), TopK(k=2), MAE()])
def test_the_same_metric_keeps_its_samples_and_their_mean_is_its_result(metric):
    predictions = np.array([[0.1, 0.6, 0.3], [0.5, 0.2, 0.3], [0.2, 0.3, 0.5]])
    targets = predictions[::-1] if isinstance(metric, MAE) else np.array([0, 0, 0])
    kept = keeping_samples(metric)
    assert type(kept) is type(metric)
    for each in (metric, kept):
        each.update(predictions, targets)
    assert kept.result() == metric.result()
    assert kept.samples().mean() == pytest.approx(metric.result())


def test_a_metric_of_others_has_no_samples_to_keep():
    assert keeping_samples(as_metric(lambda predictions, targets: 1.0)) is None
