from __future__ import annotations

import numpy as np
import pytest
from graphs import batches, mlp
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_adaptors.onnxrt.parity import output_parity
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
