from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from graphs import batches, encoder, mlp, resnet, tampered
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_adaptors.parity import LEAST_DB, output_parity, sqnr_db
from inc_config.errors import DataError


def test_sqnr_is_over_all_values_of_all_batches() -> None:
    """Signal 3^2 + 4^2 = 25 and noise 0.5^2 over two batches: 10 log10(100) = 20 dB; the second output is equal."""
    reference = iter([np.array([3.0]), np.array([4.0])])
    other = iter([np.array([3.5]), np.array([4.0])])
    found = output_parity(("a", "b"), lambda _: (next(reference), np.ones(1)), lambda _: (next(other), np.ones(1)), [0, 1])
    assert (found[0].name, found[0].sqnr_db, found[0].largest_difference) == ("a", pytest.approx(20.0), 0.5)
    assert (found[1].sqnr_db, found[1].largest_difference) == (np.inf, 0.0)


def test_noise_without_signal_is_minus_infinity() -> None:
    assert output_parity(("a",), lambda _: (np.zeros(2),), lambda _: (np.ones(2),), [0])[0].sqnr_db == -np.inf


def test_no_batch_is_an_error() -> None:
    adaptor = OnnxrtAdaptor(threads=1)
    handle = adaptor.open(mlp())
    assert adaptor.parity(handle, adaptor.copy(handle), batches(mlp()))[0].sqnr_db == np.inf
    with pytest.raises(DataError, match="not a single batch"):
        adaptor.parity(handle, handle, [])


def test_agreement_counts_rows_with_the_largest_value_in_one_place() -> None:
    """Of four rows, one changes its largest value: 3/4."""
    x = np.array([[[1.0, 2.0], [3.0, 0.0]], [[0.0, 1.0], [5.0, 4.0]]])
    y = x.copy()
    y[1, 1] = [4.0, 5.0]
    assert output_parity(("a",), lambda _: (x,), lambda _: (y,), [0])[0].agreement == 0.75


def test_equal_masks_at_minus_infinity_are_no_difference() -> None:
    x = np.array([-np.inf, 2.0])
    assert sqnr_db(x, x) == np.inf
    assert sqnr_db(x, np.array([-np.inf, 1.8])) == pytest.approx(20.0)
    assert sqnr_db(x, np.array([np.nan, 2.0])) == -np.inf


@pytest.mark.parametrize(("model", "victim"), [(resnet, "conv_7"), (encoder, "layer1/up"), (mlp, "gemm_2")])
def test_bisection_finds_the_operator_whose_weight_was_spoilt(model: Any, victim: str) -> None:
    adaptor = OnnxrtAdaptor(threads=1)
    good, bad = model(), tampered(model(), victim)
    found = adaptor.compare(adaptor.open(good), adaptor.open(bad), batches(good, count=2, size=3))
    assert found.samples == 6
    assert found.outputs[0].sqnr_db < LEAST_DB
    assert found.divergence is not None
    assert found.divergence.operator == victim
    assert found.divergence.before_db == np.inf
    assert any(f"of {victim} " in line for line in found.lines())


def test_near_models_are_not_searched() -> None:
    adaptor = OnnxrtAdaptor(threads=1)
    handle = adaptor.open(resnet())
    found = adaptor.compare(handle, adaptor.copy(handle), batches(resnet(), count=1))
    assert found.divergence is None
    assert found.lines() == ("parity over 4 samples: gemm_22_out: inf dB, the largest value agrees in 100.00% of rows",)
