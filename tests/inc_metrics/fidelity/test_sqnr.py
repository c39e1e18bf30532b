"""Signal-to-quantization-noise ratio by hand."""

import math

import numpy as np
import pytest
from inc_metrics import SQNR, MetricValueError, sqnr


def test_it_is_the_ratio_of_powers_in_decibel() -> None:
    # signal 3^2 + 4^2 = 25, noise 0.5^2 = 0.25, ratio 100, 20 dB
    assert sqnr([3.0, 3.5], [3.0, 4.0]) == pytest.approx(20.0, abs=1e-12)


def test_the_sums_run_over_all_batches() -> None:
    # signal 1 + 99 = 100, noise 1 + 0 = 1: 20 dB, where the mean over batches would be infinite
    metric = SQNR()
    metric.update([2.0], [1.0])
    metric.update([math.sqrt(99.0)], [math.sqrt(99.0)])
    assert metric.result() == pytest.approx(20.0, abs=1e-9)


def test_uniform_quantization_gains_6_decibel_per_bit() -> None:
    # full-scale uniform signal, step 2^-b: signal 1/3, noise step^2/12, so 20 b log10(2) + 20 log10(2) dB (Bennett 1948)
    signal = np.random.default_rng(0).uniform(-1, 1, 200_000)
    for bits in (6, 8):
        step = 2.0**-bits
        expected = 10 * math.log10((1 / 3) / (step**2 / 12))
        assert sqnr(np.round(signal / step) * step, signal) == pytest.approx(expected, abs=0.1)


def test_identical_outputs_have_no_noise() -> None:
    assert sqnr([1.0, 2.0], [1.0, 2.0]) == math.inf


def test_a_reference_of_zeros_has_no_ratio() -> None:
    for candidate in ([0.0, 0.0], [0.0, 1.0]):
        with pytest.raises(MetricValueError, match="zero everywhere"):
            sqnr(candidate, [0.0, 0.0])


def test_tiny_and_huge_signals_do_not_leave_float64() -> None:
    assert sqnr([1.1e-150], [1e-150]) == pytest.approx(20.0, abs=1e-9)
    assert sqnr([1.1e150], [1e150]) == pytest.approx(20.0, abs=1e-9)
    with pytest.raises(MetricValueError, match="range of float64"):
        sqnr([1e200], [1e199])
