from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inc_config.errors import DataError
from inc_data import ArrayDataset
from inc_orchestrate.cli.data import UserData
from inc_orchestrate.cli.parts import divide


def numbered(total: int) -> UserData:
    return UserData(ArrayDataset(np.arange(total)[:, None], np.arange(total) % 3))


@given(total=st.integers(6, 400), calibration=st.integers(1, 500), evaluation=st.none() | st.integers(1, 500), size=st.integers(1, 40))
def test_no_sample_is_in_two_parts(total: int, calibration: int, evaluation: int | None, size: int) -> None:
    parts = divide(numbered(total), calibration=calibration, evaluation=evaluation, batch_size=size)
    seen = [np.concatenate([inputs[:, 0] for inputs, _ in loader]) for loader in (parts.calibration, parts.evaluation, parts.confirmation)]
    assert tuple(map(len, seen)) == parts.sizes
    assert min(parts.sizes) >= 1
    assert len(np.unique(np.concatenate(seen))) == sum(parts.sizes) <= total
    assert parts.sizes[0] <= calibration
    assert evaluation is None or parts.sizes[1] + parts.sizes[2] <= max(2, evaluation)


def test_everything_is_used_unless_told_otherwise() -> None:
    assert divide(numbered(1000), calibration=100, evaluation=None, batch_size=32).sizes == (100, 600, 300)
    assert divide(numbered(1000), calibration=100, evaluation=90, batch_size=32).sizes == (100, 60, 30)


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(DataError, match="5 samples"):
        divide(numbered(5), calibration=100, evaluation=None, batch_size=32)
