"""Verdicts at any time hold their stated error rates, and come soon enough to be worth it."""

import numpy as np
import pytest
from inc_metrics import MetricValueError, Sequential, Verdict
from inc_metrics.confidence.betting import Wealth
from numpy.typing import NDArray

RUNS = 10_000
RATE = 0.05


def pairs(rng: np.random.Generator, samples: int, *, drop: float, differing: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Right and wrong answers of two models: they differ on the fraction ``differing``, the second is worse by ``drop``."""
    chance = rng.random(samples)
    lost, won = chance < (differing + drop) / 2, (chance >= (differing + drop) / 2) & (chance < differing)
    both = rng.random(samples) < 0.7
    return np.where(won, False, lost | both).astype(float), np.where(lost, False, won | both).astype(float)


def rates(verdicts: list[Verdict]) -> dict[Verdict, float]:
    return {verdict: verdicts.count(verdict) / len(verdicts) for verdict in Verdict}


@pytest.mark.parametrize("differing", [0.03, 0.3])
def test_at_the_null_looking_after_every_sample_accepts_and_rejects_no_more_often_than_stated(differing: float) -> None:
    # The drop is exactly the allowed one, so either verdict is a mistake. Every update looks after each of its samples.
    rng = np.random.default_rng(1)
    verdicts = []
    for _ in range(RUNS):
        test = Sequential(absolute=0.02, error_rate=RATE)
        verdicts.append(test.update(*pairs(rng, 600, drop=0.02, differing=differing)))
    found = rates(verdicts)
    assert 0.0 < found[Verdict.WITHIN] <= RATE
    assert 0.0 < found[Verdict.OUTSIDE] <= RATE


def test_at_the_null_without_replacement_the_rate_holds_too() -> None:
    # The population's own mean is one sample short of the criterion; stop before its end, where everything is certain.
    rng = np.random.default_rng(2)
    base = np.ones(400)
    new = np.ones(400)
    new[:9] = 0.0  # a drop of 9/400 where 8/400 is allowed
    verdicts = []
    for _ in range(RUNS):
        test = Sequential(absolute=0.02, error_rate=RATE, population=400)
        verdicts.append(test.update(base[:320], rng.permutation(new)[:320]))
    assert rates(verdicts)[Verdict.WITHIN] <= RATE


def test_at_the_null_of_a_relative_criterion_with_continuous_values_the_rate_holds() -> None:
    rng = np.random.default_rng(3)
    verdicts = []
    for _ in range(RUNS // 4):
        base = rng.beta(8, 2, 400)
        test = Sequential(relative=0.05, error_rate=0.1)
        verdicts.append(test.update(base, 0.95 * rng.permutation(base)))
    found = rates(verdicts)
    assert found[Verdict.WITHIN] <= 0.1
    assert found[Verdict.OUTSIDE] <= 0.1


@pytest.mark.parametrize(
    ("differing", "drop", "allowed", "expected", "median_bound"),
    [
        # One look at a number of samples fixed beforehand, with a power of one half, takes z^2 differing / (allowed - drop)^2: 270, 810,
        # 2,700 and 675 for a differing fraction of 0.01, 0.03, 0.1 and 0.1 with a drop. Looking all the time costs a factor of about three.
        # Identical models take at least log(1 / 0.05) / log(1 / 0.99) = 298, with everything on the largest stake.
        (0.0, 0.0, 0.01, Verdict.WITHIN, 750),
        (0.01, 0.0, 0.01, Verdict.WITHIN, 1_500),
        (0.03, 0.0, 0.01, Verdict.WITHIN, 2_900),
        (0.1, 0.0, 0.01, Verdict.WITHIN, 8_500),
        (0.1, 0.03, 0.01, Verdict.OUTSIDE, 2_500),
        (0.03, 0.02, 0.01, Verdict.OUTSIDE, 2_900),
    ],
)
def test_typical_effects_are_decided_soon(differing: float, drop: float, allowed: float, expected: Verdict, median_bound: int) -> None:
    rng = np.random.default_rng(4)
    after, right = [], 0
    for _ in range(100):
        test = Sequential(absolute=allowed)
        right += test.update(*pairs(rng, 20_000, drop=drop, differing=differing)) is expected
        after.append(test.decided_after or 20_000)
    assert right >= 93
    assert np.median(after) < median_bound


def test_batches_of_any_size_give_the_same_verdict_after_the_same_sample() -> None:
    base, new = pairs(np.random.default_rng(5), 6_000, drop=0.05, differing=0.1)
    for population in (None, 6_000):
        whole, parts = (Sequential(absolute=0.01, population=population) for _ in range(2))
        whole.update(base, new)
        for start in range(0, 6_000, 7):
            parts.update(base[start : start + 7], new[start : start + 7])
        assert whole.verdict is parts.verdict is Verdict.OUTSIDE
        assert whole.decided_after == parts.decided_after
        assert whole.samples == parts.samples == 6_000


def test_the_first_verdict_stands() -> None:
    test = Sequential(absolute=0.05)
    assert test.update(np.ones(2_000), np.ones(2_000)) is Verdict.WITHIN
    assert test.update(np.ones(20_000), np.zeros(20_000)) is Verdict.WITHIN


def test_a_whole_population_is_certain() -> None:
    # 100 samples with a drop of 2: 0.02 holds, 0.019 does not, whatever chance would say.
    base, new = np.ones(100), np.ones(100)
    new[[3, 99]] = 0.0
    assert Sequential(absolute=0.02, population=100, error_rate=1e-6).update(base, new) is Verdict.WITHIN
    assert Sequential(absolute=0.019, population=100, error_rate=1e-6).update(base, new) is Verdict.OUTSIDE
    # With the first half all wrong nothing can bring the mean back, however small the error rate.
    early = Sequential(absolute=0.1, population=100, error_rate=1e-12)
    assert early.update(np.ones(50), np.zeros(50)) is Verdict.OUTSIDE


def test_lower_may_be_better_and_bounds_may_be_others() -> None:
    rng = np.random.default_rng(6)
    losses = rng.uniform(0.0, 100.0, 5_000)
    options = {"bounds": (0.0, 100.0), "higher_is_better": False}
    assert Sequential(relative=0.1, **options).update(losses, losses) is Verdict.WITHIN
    assert Sequential(relative=0.1, **options).update(losses * 0.7, losses) is Verdict.OUTSIDE
    assert Sequential(absolute=10.0, **options).update(losses, losses * 0.5) is Verdict.WITHIN


def test_the_capital_of_one_observation_is_the_mixture_of_the_bets() -> None:
    from inc_metrics.confidence.betting import STAKES

    # y = 1 against a bound of 1/4: each stake f wins f (1 / (1/4) - 1) = 3 f; y = 0 loses f.
    path = np.exp(Wealth(0.25).bet(np.array([1.0, 0.0])))
    assert path == pytest.approx([np.mean(1 + 3 * STAKES), np.mean((1 + 3 * STAKES) * (1 - STAKES))], rel=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "neither absolute nor relative"),
        ({"absolute": 0.1, "relative": 0.1}, "both absolute and relative"),
        ({"absolute": -0.1}, "allowed loss is -0.1"),
        ({"relative": 1.0}, "allowed loss is 1.0"),
        ({"absolute": 1.0}, "always holds"),
        ({"absolute": 0.1, "error_rate": 0.0}, "error rate is 0.0"),
        ({"absolute": 0.1, "bounds": (1.0, 0.0)}, "bounds are"),
        ({"absolute": 0.1, "population": 0}, "population is 0"),
    ],
)
def test_a_criterion_that_makes_no_sense_is_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(MetricValueError, match=message):
        Sequential(**options)  # type: ignore[arg-type]  # mypy sees one type for all options


def test_values_that_make_no_sense_are_refused_and_change_nothing() -> None:
    test = Sequential(absolute=0.1, population=10)
    for base, new, message in (
        ([1.0], [1.0, 0.0], r"\(2,\).*\(1,\)"),
        ([], [], r"\(0,\)"),
        ([50.0], [1.0], r"50.0 is outside the bounds 0.0 to 1.0"),
        ([np.nan], [1.0], "NaN"),
        (np.ones(11), np.ones(11), "11 samples were given of a population of 10"),
    ):
        with pytest.raises(MetricValueError, match=message):
            test.update(base, new)
    assert test.samples == 0
    assert test.update(1.0, 1) is Verdict.NOT_YET


@pytest.mark.parametrize("population", [None, 400])
def test_at_any_time_each_bound_of_the_interval_is_wrong_no_more_often_than_stated(population: int | None) -> None:
    # The interval is that of all looks so far together, so one look at the end tells whether any was wrong.
    rng = np.random.default_rng(7)
    low_wrong = high_wrong = 0
    runs, accepting, rejecting = 600, 0.1, 0.2
    for _ in range(runs):
        base, new = pairs(rng, 400, drop=0.05, differing=0.15)
        truth = -0.05 if population is None else float(np.mean(new - base))
        test = Sequential(absolute=0.02, error_rate=accepting, rejection_error_rate=rejecting, population=population)
        test.update(base[:250], new[:250])
        low, high = test.interval()
        low_wrong += low > truth
        high_wrong += high < truth
    assert 0 < low_wrong <= accepting * runs
    assert 0 < high_wrong <= rejecting * runs


@pytest.mark.parametrize("options", [{"absolute": 0.03}, {"relative": 0.05}, {"absolute": 0.03, "population": 3_000}])
@pytest.mark.parametrize("higher_is_better", [True, False])
def test_the_interval_and_the_verdict_say_the_same(options: dict[str, float], higher_is_better: bool) -> None:
    rng = np.random.default_rng(8)
    border = -options.get("absolute", 0.0)
    found = set()
    for drop in (0.0, 0.02, 0.04, 0.08):
        test = Sequential(**options, higher_is_better=higher_is_better)  # type: ignore[arg-type]  # mypy sees one type for all options
        base, new = pairs(rng, 3_000, drop=drop, differing=0.12)
        before = (-2.0, 2.0)
        for start in range(0, 1_500, 250):
            verdict = test.update(base[start : start + 250], new[start : start + 250])
            low, high = test.interval()
            assert before[0] <= low <= high <= before[1]  # what was known stays known
            before = low, high
            worst, best = (low, high) if higher_is_better else (-high, -low)
            assert (worst >= border - 1e-8) == (verdict is Verdict.WITHIN)
            assert (best <= border + 1e-8) == (verdict is Verdict.OUTSIDE)
            found.add(verdict)
    assert len(found) >= 2


def test_the_interval_of_a_whole_population_is_a_point_and_without_samples_there_is_none() -> None:
    test = Sequential(absolute=0.1, population=4, higher_is_better=False, bounds=(0.0, 10.0))
    with pytest.raises(MetricValueError, match="no data"):
        test.interval()
    test.update([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 4.0, 5.0])
    assert test.interval() == pytest.approx((0.5, 0.5), abs=1e-12)


@pytest.mark.parametrize(("lost", "samples"), [(7, 12), (14, 24), (15, 29), (51, 100)])
def test_a_population_exactly_at_the_border_is_not_found_outside_by_rounding(lost: int, samples: int) -> None:
    # All losses come first; then the rest has to be all wins for the drop to be the allowed one, which it is. The error rate is below
    # the probability of this order, so that only rounding could call the rest impossible.
    base = np.repeat([1.0, 0.0], [lost, samples - lost])
    test = Sequential(absolute=(2 * lost - samples) / samples, population=samples, error_rate=1e-300)
    assert test.update(base, 1.0 - base) is Verdict.WITHIN
