import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inc_adaptors.handle import Signature
from inc_config.errors import DataError
from inc_orchestrate.data import HELD_OUT_SAMPLES, SampleIds, calibration_data, hold_out

ANY = Signature()


def samples(count: int) -> np.ndarray:
    """Every sample is its own number."""
    return np.arange(count, dtype=np.float32).reshape(count, 1)


def seen(batches: object) -> list[int]:
    return [int(v) for batch in batches for v in np.asarray(batch).reshape(-1)]  # type: ignore[attr-defined]  # an iterable


@given(st.lists(st.integers(1, 40), min_size=1, max_size=30), st.integers(1, 150))
def test_held_out_samples_are_disjoint_from_calibration_and_none_is_invented(sizes: list[int], wanted: int) -> None:
    total = sum(sizes)
    if total < 2:
        return
    batches = np.split(samples(total), np.cumsum(sizes)[:-1])
    calibration, held = hold_out(iter(batches), samples=wanted, signature=ANY)
    left, right = seen(calibration.stream()), seen(held)
    assert left
    assert right
    assert not set(left) & set(right)
    assert set(left) | set(right) <= set(range(total))
    assert len(left) <= wanted
    assert len(right) <= max(HELD_OUT_SAMPLES, total // 2 + 1)


def test_batches_go_to_both_sides_in_turn_so_that_sorted_data_leaves_both_every_class() -> None:
    batches = [np.full((10, 1), label, dtype=np.float32) for label in range(6) for _ in range(2)]
    calibration, held = hold_out(batches, samples=1000, signature=ANY)
    assert set(seen(calibration.stream())) == set(seen(held)) == set(range(6))


def test_one_sample_cannot_do_both() -> None:
    with pytest.raises(DataError, match="One sample cannot both calibrate the model and judge it"):
        hold_out([samples(1)], samples=100, signature=ANY)


def test_calibration_reads_as_many_samples_as_asked_and_the_first_batch_early() -> None:
    read = []

    def source() -> object:
        for batch in np.split(samples(100), 10):
            read.append(len(batch))
            yield batch, np.zeros(10)

    data = calibration_data(source(), samples=35, signature=ANY)
    assert len(read) == 1
    assert seen(data.stream()) == list(range(35))
    assert data.ids.count == 35
    assert len(read) == 4


@pytest.mark.parametrize(
    ("batches", "message"),
    [([], "not a single batch"), ([np.zeros((0, 3))], "Batch 0 is empty"), ([np.array([[np.nan]])], "1 non-finite values")],
)
def test_unfit_calibration_data_is_refused_before_the_pass(batches: list[np.ndarray], message: str) -> None:
    with pytest.raises(DataError, match=message):
        calibration_data(batches, samples=10, signature=ANY)


@given(st.permutations(list(range(12))), st.integers(1, 12))
def test_identities_do_not_depend_on_order_or_batching(order: list[int], size: int) -> None:
    one, other = SampleIds(), SampleIds()
    one.update(samples(12), np.arange(12))
    shuffled, labels = samples(12)[order], np.arange(12)[order]
    for start in range(0, 12, size):
        other.update(shuffled[start : start + size], labels[start : start + size])
    assert one.fingerprint == other.fingerprint
    assert one.overlap(other) == 12


def test_other_labels_are_other_data_but_the_same_inputs() -> None:
    one, other = SampleIds(), SampleIds()
    one.update(samples(5), np.zeros(5))
    other.update(samples(5), np.ones(5))
    assert one.fingerprint != other.fingerprint
    assert one.overlap(other) == 5
