"""Samples per second, by a clock that is set by hand."""

import numpy as np
import pytest
from inc_metrics import MetricTypeError, MetricValueError, Throughput, build


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_samples_are_counted_from_the_start_to_the_last_batch() -> None:
    clock = Clock()
    metric = Throughput(clock=clock)
    for now_s, batch in ((1.0, 4), (2.0, 4), (4.0, 2)):
        clock.now_s = now_s
        metric.update(np.zeros((batch, 3)), np.zeros(batch))
    clock.now_s = 100.0
    assert metric.result() == 10 / 4
    metric.reset()
    clock.now_s = 101.0
    metric.update(None, 7)
    assert metric.result() == 1.0


def test_warm_up_batches_count_neither_as_samples_nor_as_time() -> None:
    clock = Clock()
    metric = Throughput(warmup=1, clock=clock)
    clock.now_s = 50.0
    metric.update(None, [0] * 8)
    with pytest.raises(MetricValueError, match="no data"):
        metric.result()
    clock.now_s = 51.0
    metric.update(None, [0] * 8)
    assert metric.result() == 8.0


def test_workers_run_at_the_same_time() -> None:
    clock = Clock()
    left, right = Throughput(clock=clock), Throughput(clock=clock)
    clock.now_s = 2.0
    left.update(None, [0] * 10)
    clock.now_s = 4.0
    right.update(None, [0] * 10)
    left.merge(right)
    assert left.result() == 20 / 4


def test_what_cannot_be_timed_is_refused() -> None:
    with pytest.raises(MetricValueError, match="batch is empty"):
        Throughput().update(None, [])
    metric = Throughput(clock=Clock())
    metric.update(None, [1])
    with pytest.raises(MetricValueError, match="No time has passed"):
        metric.result()
    with pytest.raises(MetricValueError, match="warmup is -1"):
        build("throughput", warmup=-1)
    with pytest.raises(MetricTypeError, match=r"warmup is 0\.5"):
        build("throughput", warmup=0.5)
