from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inc_data import ArrayDataset, DataLoader, Distributed, Sequential, Shuffled, Weighted


@given(count=st.integers(1, 50), world=st.integers(1, 7), shuffle=st.booleans(), drop=st.booleans(), epoch=st.integers(0, 3))
def test_shares_are_equal_long_and_together_the_whole(count, world, shuffle, drop, epoch):
    order = Shuffled(3) if shuffle else Sequential()
    shares = [Distributed(rank, world, order, drop).numbers(count, epoch).tolist() for rank in range(world)]
    assert len({len(share) for share in shares}) == 1
    items = [item for share in shares for item in share]
    if drop:
        assert len(items) == len(set(items)) == count - count % world
    else:
        assert set(items) == set(range(count))
        assert len(items) - count < world
    if shuffle:
        # The whole is one permutation of the epoch, dealt out in turn.
        dealt = [share[turn] for turn in range(len(shares[0])) for share in shares]
        assert dealt[:count][: len(dealt)] == order.numbers(count, epoch).tolist()[: len(dealt)]


def test_more_processes_than_items_still_get_one_each():
    assert [Distributed(rank, 5).numbers(2, 0).tolist() for rank in range(5)] == [[0], [1], [0], [1], [0]]


def test_weights_are_the_shares_of_the_draws():
    drawn = Weighted([1, 0, 3], samples=40_000, seed=1).numbers(3, 0)
    shares = np.bincount(drawn, minlength=3) / 40_000
    # Standard deviation of a share: sqrt(3/16 / 40000) = 0.0022.
    assert shares[1] == 0
    assert abs(shares[2] - 0.75) < 0.011
    assert not np.array_equal(drawn, Weighted([1, 0, 3], samples=40_000, seed=1).numbers(3, 1))
    assert np.array_equal(drawn, Weighted([1, 0, 3], samples=40_000, seed=1).numbers(3, 0))


def test_a_loader_takes_orders_numbers_and_batches_of_numbers():
    data = ArrayDataset(np.arange(10))
    batches = [batch.tolist() for batch in DataLoader(data, 2, sampler=[7, 3, 3])]
    assert batches == [[7, 3], [3]]
    assert [batch.tolist() for batch in DataLoader(data, batch_sampler=[[9], [1, 2]])] == [[9], [1, 2]]
    assert len(DataLoader(data, batch_sampler=[[9], [1, 2]])) == 2
    share = DataLoader(data, 2, sampler=Distributed(1, 3))
    assert [batch.tolist() for batch in share] == [[1, 4], [7, 0]]
    assert len(share) == 2
    assert len(DataLoader(data, 4, sampler=Weighted([1.0] * 10, samples=9))) == 3


@pytest.mark.parametrize(
    ("build", "kind", "message"),
    [
        (lambda: Weighted([]), ValueError, "weights must be numbers"),
        (lambda: Weighted([0, 0]), ValueError, "one of them above"),
        (lambda: Weighted([1, -1]), ValueError, "weights must be numbers"),
        (lambda: DataLoader([1, 2], sampler=Weighted([1.0])), ValueError, "1 weights for 2 items"),
        (lambda: Distributed(2, 2), ValueError, "rank 2 is none of 2"),
        (lambda: DataLoader([1], sampler=iter([0])), TypeError, "sampler cannot be read again"),
        (lambda: DataLoader([1], sampler=[0], shuffle=True), ValueError, "shuffle and sampler both give an order"),
        (lambda: DataLoader([1], sampler=[1]), ValueError, "integers from 0 to 0"),
        (lambda: DataLoader([1], sampler=[]), ValueError, "no batch of 1"),
        (lambda: list(DataLoader([1], batch_sampler=[[0.5]])), ValueError, "no item's number"),
    ],
)
def test_orders_that_cannot_be_are_refused(build, kind, message):
    with pytest.raises(kind, match=message):
        build()
