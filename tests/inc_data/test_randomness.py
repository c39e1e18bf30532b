from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from inc_data.randomness import permutation, reading_sample, sample_generator


@given(st.integers(0, 200), st.integers(0, 2**40))
def test_a_permutation_holds_every_number_once(count, seed):
    assert sorted(permutation(count, seed).tolist()) == list(range(count))


def test_a_permutation_is_the_order_of_the_bit_generators_words():
    # PCG64's raw words are promised to stay; sorting them in Python is the independent derivation.
    words = np.random.PCG64(np.random.SeedSequence((7, 2))).random_raw(20).tolist()
    assert permutation(20, 7, 2).tolist() == sorted(range(20), key=words.__getitem__)


def test_every_part_of_the_key_changes_the_permutation():
    orders = {tuple(permutation(50, *key)) for key in [(0,), (1,), (0, 1), (1, 1), (1, 0, 1)]}
    assert len(orders) == 5


def test_draws_depend_on_the_sample_the_position_and_the_seed_only():
    own = np.random.default_rng(0)

    def draws(*key):
        with reading_sample(*key):
            return [sample_generator(seed, own).random() for seed in (0, 0, 1)]

    assert draws(5, 0, 3) == draws(5, 0, 3)
    assert len({*draws(5, 0, 3), *draws(5, 0, 4), *draws(5, 1, 3)}) == 9


def test_outside_of_a_sample_a_transforms_own_stream_is_used():
    own = np.random.default_rng(0)
    assert sample_generator(9, own) is own
