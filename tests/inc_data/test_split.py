from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inc_data import ArrayDataset, DataLoader, Subset, fingerprint, split


def parts(result):
    return result.calibration, result.evaluation, result.confirmation


@given(
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=80),
    cuts=st.tuples(st.integers(0, 80), st.integers(0, 80), st.integers(0, 80)),
    seed=st.integers(0, 1000),
)
def test_parts_are_disjoint_of_the_size_asked_for_and_keep_the_shares_of_labels(labels, cuts, seed):
    total = len(labels)
    a, b, c = sorted(cut % (total + 1) for cut in cuts)
    sizes = (a, b - a, c - b)
    if not sum(sizes):
        return
    array = np.array(labels)
    result = split(ArrayDataset(np.arange(total), array), calibration=sizes[0], evaluation=sizes[1], confirmation=sizes[2], seed=seed)
    drawn = [part.indices for part in parts(result)]
    assert tuple(map(len, drawn)) == sizes
    everything = np.concatenate(drawn)
    assert len(np.unique(everything)) == len(everything)
    left = np.bincount(array, minlength=5)
    for part, size in zip(drawn, sizes, strict=True):
        counts = np.bincount(array[part], minlength=5)
        # each label's count is its quota rounded down or up
        assert np.all(np.abs(counts - size * left / max(left.sum(), 1)) < 1)
        left = left - counts


def test_the_same_seed_gives_the_same_parts_and_another_gives_others():
    dataset = ArrayDataset(np.arange(100), np.arange(100) % 3)
    first, again, other = (split(dataset, calibration=20, evaluation=0.5, seed=seed) for seed in (4, 4, 5))
    assert [p.fingerprint for p in parts(first)] == [p.fingerprint for p in parts(again)]
    assert first.calibration.fingerprint != other.calibration.fingerprint
    assert first.calibration.indices.tolist() == again.calibration.indices.tolist()


def test_a_float_is_a_share_and_a_share_that_floating_point_misses_is_not_cut():
    dataset = ArrayDataset(np.arange(100))
    result = split(dataset, calibration=0.29, evaluation=0.7, confirmation=1)
    assert [len(part) for part in parts(result)] == [29, 70, 1]
    assert len(split(dataset, calibration=1.0).calibration) == 100


def test_items_of_a_part_are_not_sorted_by_label():
    labels = np.repeat(np.arange(10), 50)
    head = split(ArrayDataset(labels, labels), evaluation=500).evaluation.labels[:100]
    assert len(np.unique(head)) == 10


def test_torchvisions_targets_are_labels_and_other_labels_draw_evenly():
    class Targets(list):
        targets = [0] * 50 + [1] * 50  # torchvision's attribute, as an instance would have it

    evaluation = split(Targets(range(100)), evaluation=10).evaluation
    assert (evaluation.indices < 50).sum() == 5
    floats = ArrayDataset(np.arange(10), np.linspace(0, 1, 10))
    assert len(split(floats, evaluation=5).evaluation) == 5
    assert len(split(ArrayDataset(np.arange(4), np.array(["a", "b", "a", "b"])), evaluation=2).evaluation) == 2


def test_a_part_is_a_dataset_that_reads_batches_as_fast_as_its_whole():
    dataset = ArrayDataset(np.arange(20) * 10, np.arange(20))
    part = split(dataset, evaluation=6).evaluation
    inputs, labels = next(iter(DataLoader(part, 6)))
    assert labels.tolist() == part.indices.tolist() == part.labels.tolist()
    assert (inputs == labels * 10).all()
    assert part[0] == (part.indices[0] * 10, part.indices[0])
    assert part.batch_reader() is not None
    assert Subset(list(range(20)), [1]).batch_reader() is None


def test_a_fingerprint_names_the_content_of_a_part_whatever_its_order():
    array = np.arange(10)
    assert Subset(ArrayDataset(array), [3, 1]).fingerprint == Subset(ArrayDataset(array.copy()), [1, 3]).fingerprint
    assert Subset(ArrayDataset(array), [3, 1]).fingerprint == DataLoader(Subset(ArrayDataset(array), [3, 1]), shuffle=True).fingerprint
    assert Subset(ArrayDataset(array), [3, 1]).fingerprint == fingerprint(ArrayDataset(array[[1, 3]]))
    assert Subset(Subset(ArrayDataset(array), [5, 3, 1]), [2, 1]).fingerprint == Subset(ArrayDataset(array), [1, 3]).fingerprint


@pytest.mark.parametrize(
    ("sizes", "kind", "message"),
    [
        ({}, ValueError, "The parts need 0 items, the dataset has 10"),
        ({"calibration": 6, "evaluation": 5}, ValueError, r"need 11 items, the dataset has 10\.(?s:.*)calibration 6, evaluation 5"),
        ({"calibration": -1}, ValueError, "at least 0, got -1"),
        ({"calibration": 1.5}, ValueError, "calibration=1.5 of 10 items is none"),
        ({"calibration": 0.01}, ValueError, "calibration=0.01 of 10 items is none"),
        ({"calibration": float("nan")}, ValueError, "calibration=nan"),
        ({"calibration": "half"}, TypeError, "calibration must be an integer"),
        ({"calibration": 1, "seed": -1}, ValueError, "seed must be at least 0"),
    ],
)
def test_sizes_that_cannot_be_are_refused(sizes, kind, message):
    with pytest.raises(kind, match=message):
        split(ArrayDataset(np.arange(10)), **sizes)


def test_indices_of_a_subset_are_integers():
    assert len(Subset([1, 2], [])) == 0
    with pytest.raises(TypeError, match="Indices must be integers, got float64"):
        Subset([1, 2], [0.5])


def test_a_dataset_without_numbers_cannot_be_split():
    class Stream:
        def __iter__(self):
            return iter(range(3))

    with pytest.raises(TypeError, match="cannot be found by number"):
        split(Stream(), calibration=1)
