import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inc_config.pruning import NofMPattern, Scope
from inc_orchestrate.pruning.allocation import allocate, allocate_n_of_m, keep_highest, whole

# Few distinct values, so that ties are frequent.
values = st.integers(0, 6).map(float)
weights = st.dictionaries(st.sampled_from("abcde"), st.lists(values, min_size=1, max_size=30).map(np.array), min_size=1)
fractions = st.floats(0.0, 0.999)


def cuts(masks: dict) -> dict[str, int]:
    return {name: int((~mask).sum()) for name, mask in masks.items()}


@given(weights, fractions)
def test_global_sparsity_is_what_was_asked_to_one_block(scores: dict, sparsity: float) -> None:
    total = sum(value.size for value in scores.values())
    cut = sum(cuts(allocate(scores, sparsity=sparsity, scope=Scope.GLOBAL)).values())
    assert cut <= sparsity * total + 1e-6 < cut + 1 + 1e-6


@given(weights, fractions)
def test_local_sparsity_is_what_was_asked_of_every_weight(scores: dict, sparsity: float) -> None:
    for name, cut in cuts(allocate(scores, sparsity=sparsity, scope=Scope.LOCAL)).items():
        assert cut == whole(sparsity, scores[name].size)


@given(weights, fractions)
def test_nothing_kept_is_less_important_than_something_cut(scores: dict, sparsity: float) -> None:
    masks = allocate(scores, sparsity=sparsity, scope=Scope.GLOBAL)
    kept = [v for name, mask in masks.items() for v in scores[name][mask]]
    cut = [v for name, mask in masks.items() for v in scores[name][~mask]]
    assert not kept or not cut or min(kept) >= max(cut)


@given(weights, fractions, fractions, fractions)
def test_no_weight_leaves_its_bounds(scores: dict, sparsity: float, one: float, other: float) -> None:
    low, high = min(one, other), max(one, other)
    found = cuts(allocate(scores, sparsity=sparsity, scope=Scope.GLOBAL, minimum=low, maximum=high))
    for name, cut in found.items():
        size = scores[name].size
        assert whole(min(low, sparsity), size) <= cut <= max(whole(high, size), whole(min(low, sparsity), size))


def refrozen(scores: dict, sparsity: float, maximum: float) -> dict[str, int]:
    """The 2.x line's rule, written as it is told: freeze a weight that exceeds its maximum there and solve again for the others."""
    budget = whole(sparsity, sum(value.size for value in scores.values()))
    frozen: dict[str, int] = {}
    while True:
        free = {name: value for name, value in scores.items() if name not in frozen}
        ordered = sorted((v, list(scores).index(n), i, n) for n, value in free.items() for i, v in enumerate(value))
        taken = ordered[: max(0, budget - sum(frozen.values()))]
        count = {name: sum(1 for entry in taken if entry[3] == name) for name in free}
        over = {name: whole(maximum, scores[name].size) for name in free if count[name] > whole(maximum, scores[name].size)}
        if not over:
            return count | frozen
        frozen |= over


@given(weights, fractions, fractions)
def test_one_pass_equals_freezing_and_solving_again(scores: dict, sparsity: float, maximum: float) -> None:
    assert cuts(allocate(scores, sparsity=sparsity, scope=Scope.GLOBAL, maximum=maximum)) == refrozen(scores, sparsity, maximum)


def best_cost(scores: dict, bounds: dict[str, tuple[int, int]], budget: int) -> float:
    """The least total score that can be cut within the bounds, by trying every split of the budget."""
    prefix = {name: np.concatenate([[0.0], np.cumsum(np.sort(value))]) for name, value in scores.items()}
    ranges = [range(bounds[name][0], bounds[name][1] + 1) for name in scores]
    splits = (split for split in itertools.product(*ranges) if sum(split) == budget)
    return min(sum(prefix[name][n] for name, n in zip(scores, split, strict=True)) for split in splits)


@given(
    st.dictionaries(st.sampled_from("abc"), st.lists(values, min_size=1, max_size=7).map(np.array), min_size=1),
    fractions,
    fractions,
    fractions,
)
def test_the_cut_is_the_cheapest_within_the_bounds(scores: dict, sparsity: float, one: float, other: float) -> None:
    low, high = min(one, other), max(one, other)
    masks = allocate(scores, sparsity=sparsity, scope=Scope.GLOBAL, minimum=low, maximum=high)
    bounds = {}
    for name, value in scores.items():
        least = whole(min(low, sparsity), value.size)
        bounds[name] = (least, max(least, whole(high, value.size)))
    budget = min(whole(sparsity, sum(v.size for v in scores.values())), sum(high for _, high in bounds.values()))
    assert sum(cuts(masks).values()) == budget
    assert sum(float(scores[name][~mask].sum()) for name, mask in masks.items()) == best_cost(scores, bounds, budget)


def test_products_that_floating_point_puts_below_a_whole_number_lose_no_block() -> None:
    assert 0.29 * 100 < 29  # 28.999999999999996
    assert whole(0.29, 100) == 29
    assert whole(0.8, 64 * 64) == 3276


def test_equal_scores_are_cut_from_the_front() -> None:
    assert keep_highest(np.ones(4), 2).tolist() == [False, False, True, True]


groups = st.integers(2, 6).flatmap(lambda m: st.tuples(st.integers(1, m - 1), st.just(m)))


@given(groups, st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**31))
def test_every_group_loses_exactly_n_of_m(n_of_m: tuple[int, int], rows: int, count: int, seed: int) -> None:
    pattern = NofMPattern(*n_of_m)
    scores = np.random.default_rng(seed).random((rows, count * pattern.group))
    keep = allocate_n_of_m(scores, pattern, sparsity=pattern.zeros / pattern.group)
    by_group = (~keep).reshape(rows, count, pattern.group).sum(axis=-1)
    assert (by_group == pattern.zeros).all()
    assert (
        np.sort(scores.reshape(rows, count, -1)[0, 0])[: pattern.zeros].max()
        < scores.reshape(rows, count, -1)[0, 0][keep.reshape(rows, count, -1)[0, 0]].min()
    )


@pytest.mark.parametrize(("sparsity", "zeros"), [(0.0, 0), (0.24, 0), (0.25, 1), (0.49, 1), (0.5, 2)])
def test_a_growing_n_of_m_cuts_whole_elements_per_group(sparsity: float, zeros: int) -> None:
    keep = allocate_n_of_m(np.arange(8.0).reshape(1, 8), NofMPattern(2, 4), sparsity=sparsity)
    assert (~keep).sum() == 2 * zeros
