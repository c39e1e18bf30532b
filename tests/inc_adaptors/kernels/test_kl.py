import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from inc_adaptors.kernels.kl import EPSILON, kl_divergences, kl_divergences_numpy, kl_search

law = settings(deadline=None, max_examples=60)
RNG = np.random.default_rng(7)
SAMPLES = {
    "normal": RNG.standard_normal(50_000),
    "relu": np.maximum(RNG.standard_normal(40_000), 0.0),
    "laplace": RNG.laplace(size=60_000),
    "uniform": RNG.uniform(-1.0, 1.0, 30_000),
    "heavy tail": RNG.standard_t(3, 20_000),
    "square": RNG.standard_normal(2_000) ** 2,
    "few values": np.repeat([-1.0, 0.25, 3.0], 100),
}


def symmetric(values: np.ndarray, bins: int = 2048) -> tuple[np.ndarray, np.ndarray]:
    limit = np.abs(values).max()
    return np.histogram(values, bins, (-limit, limit))


@law
@given(
    hnp.arrays(np.int64, st.integers(1, 150).map(lambda n: 2 * n), elements=st.just(0) | st.integers(0, 5) | st.integers(0, 10**9)),
    st.sampled_from([2, 3, 8, 16]),
)
def test_the_kernel_equals_its_twin(counts: np.ndarray, levels: int) -> None:
    counts[0] += 1
    found, twin = kl_divergences(counts, levels), kl_divergences_numpy(counts, levels)
    assert found.shape == twin.shape
    np.testing.assert_allclose(found, twin, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("name", SAMPLES)
def test_on_histograms_as_they_come_the_kernel_chooses_like_its_twin(name: str) -> None:
    counts, _ = symmetric(SAMPLES[name].astype(np.float32))
    assert kl_search(counts, 128) == 64 + int(np.argmin(kl_divergences_numpy(counts, 128)))


def test_a_divergence_worked_out_by_hand() -> None:
    # Window i = 1 of [1, 2, 4, 1], two levels: bins 1..3, p = [1 + 2, 4, 1], one bin per level, q = [2, 4 + 1] and an empty remainder bin.
    # p has no empty bin; q has one of three, so both of its filled bins give up EPSILON / 2.
    p = np.array([3.0, 4.0, 1.0]) / 8.0
    q = np.array([2.0 - EPSILON / 2, 5.0 - EPSILON / 2, EPSILON]) / 7.0
    expected = sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
    assert kl_divergences(np.array([1, 2, 4, 1]), 2)[0] == pytest.approx(expected, rel=1e-12)


def test_a_histogram_with_fewer_bins_than_levels_has_no_candidate() -> None:
    assert kl_search(np.ones(64, np.int64), 130) == -1


def onnxruntimes_choice(counts: np.ndarray, edges: np.ndarray) -> int:
    """The window that onnxruntime's own search takes."""
    calibrate = pytest.importorskip(
        "onnxruntime.quantization.calibrate", reason="onnxruntime is an optional framework of inc-adaptors", exc_type=ImportError
    )
    collector = calibrate.HistogramCollector.__new__(calibrate.HistogramCollector)  # its search reads only its arguments
    everything = np.float32(np.inf)  # given as the data's range, so that nothing is clipped afterwards
    low, high = collector.get_entropy_threshold((counts, edges, -everything, everything, everything), 128)
    window = counts.size // 2 - int(np.flatnonzero(edges == low)[0])
    assert edges[min(counts.size // 2 + window + 1, counts.size)] == high
    return window


@pytest.mark.parametrize("name", SAMPLES)
def test_thresholds_equal_those_of_onnxruntime(name: str) -> None:
    values = SAMPLES[name].astype(np.float32)
    counts, edges = symmetric(values)
    assert kl_search(counts, 128) == onnxruntimes_choice(counts, edges)


def test_on_a_plateau_onnxruntimes_choice_is_as_good_up_to_its_float32_rounding() -> None:
    # All but one of 30,001 values lie in the two middle bins; between windows over nothing but empty bins divergences differ by 2e-8.
    values = np.append(RNG.normal(0.0, 1e-3, 30_000), 5.0).astype(np.float32)
    counts, edges = symmetric(values)
    divergences = kl_divergences(counts, 128)
    assert divergences[onnxruntimes_choice(counts, edges) - 64] - divergences.min() < 1e-6
