import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from inc_adaptors.qparams import QParams, activation_qparams, affine_qparams, dequantize, quantize, weight_qparams
from inc_adaptors.statistics.histogram import HistogramStatistic
from inc_adaptors.statistics.ranges import ChannelRangeStatistic, RangeStatistic
from inc_config.dtypes import INT8, UINT8, IntegerType, PerChannel, PerGroup, PerTensor, Scheme
from inc_config.errors import CalibrationError, PlanError
from inc_config.plan import TensorPlan

law = settings(deadline=None, max_examples=300)
TYPES = st.builds(IntegerType, st.integers(2, 8), signed=st.booleans())
SCHEMES = st.sampled_from(Scheme)
FINITE = st.floats(allow_nan=False, allow_infinity=False, width=32)
MODERATE = st.floats(-(2.0**60), 2.0**60, width=32)


def check_usable(qparams: QParams, dtype: IntegerType) -> None:
    """The laws of every scale and zero point."""
    with np.errstate(over="raise", divide="raise"):
        inverse = np.float32(1.0) / qparams.scale
    assert qparams.scale.dtype == np.float32
    assert qparams.zero_point.dtype == np.int32
    for number in (qparams.scale, inverse):
        assert np.isfinite(number).all()
        assert (number > 0.0).all()
    assert (dtype.qmin <= qparams.zero_point).all()
    assert (qparams.zero_point <= dtype.qmax).all()
    zeros = np.zeros(qparams.scale.shape, np.float32)
    codes = quantize(zeros, qparams, dtype, PerChannel(0) if zeros.ndim else PerTensor())
    assert (codes == qparams.zero_point).all()


@law
@given(hnp.arrays(np.float32, st.just(()) | st.integers(1, 5).map(lambda n: (n,)), elements=FINITE), st.data(), TYPES, SCHEMES)
def test_scale_and_its_inverse_are_finite_and_positive_and_zero_is_exact(
    one: np.ndarray, data: st.DataObject, dtype: IntegerType, scheme: Scheme
) -> None:
    other = data.draw(hnp.arrays(np.float32, one.shape, elements=FINITE))
    qparams = affine_qparams(np.minimum(one, other), np.maximum(one, other), dtype=dtype, scheme=scheme)
    assert qparams.scale.shape == one.shape
    check_usable(qparams, dtype)


@law
@given(MODERATE, MODERATE, TYPES, SCHEMES, st.floats(0.0, 1.0))
def test_what_lies_in_the_range_comes_back_within_a_step(
    one: float, other: float, dtype: IntegerType, scheme: Scheme, share: float
) -> None:
    low, high = np.float32(min(one, other, 0.0)), np.float32(max(one, other, 0.0))
    assume(high - low > 1e-30)
    qparams = affine_qparams(low, high, dtype=dtype, scheme=scheme)
    value = np.float32(low + share * (np.float64(high) - low))
    back = dequantize(quantize(value[None], qparams, dtype), qparams)[0]
    # Rounding the code moves a value by half a step; rounding an asymmetric zero point can move an end of the range by another half.
    steps = 0.5 if scheme is Scheme.SYMMETRIC else 1.0
    assert abs(np.float64(back) - value) <= steps * np.float64(qparams.scale) * (1.0 + 1e-4)


def test_worked_examples() -> None:
    # uint8 asymmetric over [-1, 3]: 4/255 per code; zero lies at 1 / (4/255) = 63.75 codes, rounded to 64.
    qparams = affine_qparams(np.float32(-1.0), np.float32(3.0), dtype=UINT8, scheme=Scheme.ASYMMETRIC)
    assert (qparams.scale, qparams.zero_point) == (np.float32(4.0 / 255.0), 64)
    # int8 symmetric: the larger magnitude over 127 codes, zero on 0. uint8 symmetric: the same scale, zero on 128.
    for dtype, middle in ((INT8, 0), (UINT8, 128)):
        qparams = affine_qparams(np.float32(-1.0), np.float32(3.0), dtype=dtype, scheme=Scheme.SYMMETRIC)
        assert (qparams.scale, qparams.zero_point) == (np.float32(3.0 / 127.0), middle)
    # A range above zero is widened to zero, which gets the lowest code.
    qparams = affine_qparams(np.float32(2.0), np.float32(5.1), dtype=UINT8, scheme=Scheme.ASYMMETRIC)
    assert (qparams.scale, qparams.zero_point) == (np.float32(5.1) / np.float32(255.0), 0)


@pytest.mark.parametrize(("low", "high"), [(np.nan, 1.0), (0.0, np.inf), (-np.inf, 0.0), (2.0, 1.0), (np.inf, -np.inf)])
def test_a_range_that_is_none_is_refused_with_its_tensor(low: float, high: float) -> None:
    with pytest.raises(CalibrationError, match="No range") as caught:
        affine_qparams(np.float32(low), np.float32(high), dtype=INT8, scheme=Scheme.SYMMETRIC, where="conv1/input:0")
    assert caught.value.where == "conv1/input:0"


def test_bounds_of_different_shapes_are_refused() -> None:
    with pytest.raises(CalibrationError, match="No range"):
        affine_qparams(np.zeros(2, np.float32), np.ones(3, np.float32), dtype=INT8, scheme=Scheme.SYMMETRIC)


@pytest.mark.parametrize("scale", [0.0, -1.0, np.nan, np.inf])
def test_an_unusable_scale_cannot_be_built(scale: float) -> None:
    with pytest.raises(CalibrationError, match="finite and positive"):
        QParams(scale=scale, zero_point=0)


WEIGHT_PLANS = st.builds(
    TensorPlan,
    dtype=TYPES,
    scheme=SCHEMES,
    granularity=st.sampled_from([PerTensor(), PerChannel(0)]),
    threshold=st.sampled_from(["minmax", "percentile", "mse"]),
)


@settings(deadline=None, max_examples=150)
@given(
    hnp.arrays(np.float32, (3, 2, 2), elements=MODERATE | st.sampled_from([0.0, 2.0**-149, 2.0**-120])),
    hnp.arrays(np.float32, 3, elements=MODERATE),
    st.floats(2.0**-100, 2.0**60, width=32),
    WEIGHT_PLANS,
)
def test_every_bias_fits_int32(weight: np.ndarray, bias: np.ndarray, input_scale: float, plan: TensorPlan) -> None:
    assume(np.abs(bias).max() / np.float64(input_scale) < 2.0**150)
    qparams = weight_qparams(weight, plan, bias=bias, input_scale=input_scale)
    check_usable(qparams, plan.dtype)
    product = np.float32(input_scale) * qparams.scale  # as a runtime computes it
    assert (product > 0.0).all()
    assert (np.abs(np.rint(bias.astype(np.float64) / product)) < 2.0**31).all()
    assert (np.abs(np.rint(bias / product)) < 2.0**31).all()


def test_a_pruned_channel_gets_a_usable_scale() -> None:
    weight = np.ones((3, 4), np.float32)
    weight[1] = 1e-12
    weight[2] = 0.0
    plan = TensorPlan(granularity=PerChannel(0))
    free = weight_qparams(weight, plan).scale
    held = weight_qparams(weight, plan, bias=np.ones(3, np.float32), input_scale=0.01).scale
    assert 1.0 / (0.01 * free[1]) > 2.0**31  # the law is broken without the floor
    assert 2.0**30 < 1.0 / (0.01 * held[1]) < 2.0**31
    assert (held[[0, 2]] == free[[0, 2]]).all()


def test_a_bias_that_no_scale_can_hold_is_refused() -> None:
    plan = TensorPlan(granularity=PerChannel(0))
    with pytest.raises(CalibrationError, match="No float32 weight scale") as caught:
        weight_qparams(np.ones((1, 2), np.float32), plan, bias=np.array([1e38], np.float32), input_scale=1e-30, where="fc/weight")
    assert caught.value.where == "fc/weight"
    with pytest.raises(CalibrationError, match="No float32 weight scale"):
        weight_qparams(np.ones((1, 2), np.float32), plan, bias=np.array([np.nan], np.float32), input_scale=1.0)


@pytest.mark.parametrize("granularity", [PerChannel(1), PerGroup(1, 2)])
def test_a_bias_along_another_axis_is_refused(granularity: PerChannel | PerGroup) -> None:
    with pytest.raises(CalibrationError, match="does not go with weight scales"):
        weight_qparams(np.ones((3, 4), np.float32), TensorPlan(granularity=granularity), bias=np.ones(3, np.float32), input_scale=1.0)


GRANULARITIES = [PerTensor(), PerChannel(0), PerChannel(-1), PerGroup(1, 2), PerGroup(1, 3), PerGroup(-1, 64), PerGroup(0, 1)]


@pytest.mark.parametrize("granularity", GRANULARITIES)
@pytest.mark.parametrize("threshold", ["minmax", "percentile", "mse"])
def test_weights_come_back_within_half_a_step_at_every_granularity(granularity: PerTensor | PerChannel | PerGroup, threshold: str) -> None:
    weight = np.random.default_rng(0).standard_normal((4, 5, 3), dtype=np.float32)
    plan = TensorPlan(granularity=granularity, threshold=threshold)
    qparams = weight_qparams(weight, plan)
    back = dequantize(quantize(weight, qparams, INT8, granularity), qparams, granularity)
    assert back.shape == weight.shape
    # mse may cut an end by a few of its hundredths; so far off it is still nothing that another scale's step could explain.
    assert np.abs(back - weight).max() <= float(qparams.scale.max()) * (0.5001 if threshold == "minmax" else 5.0)


def test_groups_are_runs_along_their_axis() -> None:
    # Seven columns in groups of three: magnitudes 1, 2, 3 -> scales 1/127, 2/127, 3/127, the last group one column long.
    weight = np.array([[1, 1, -1, 2, -2, 2, 3]], np.float32)
    qparams = weight_qparams(weight, TensorPlan(granularity=PerGroup(1, 3)))
    assert qparams.scale.tolist() == [[np.float32(n / 127.0) for n in (1.0, 2.0, 3.0)]]
    assert quantize(weight, qparams, INT8, PerGroup(1, 3)).tolist() == [[127, 127, -127, 127, -127, 127, 127]]


@pytest.mark.parametrize("shape", [(0, 4), (4, 0)])
def test_an_empty_weight_has_scales_of_the_right_shape(shape: tuple[int, int]) -> None:
    assert weight_qparams(np.zeros(shape, np.float32), TensorPlan(granularity=PerChannel(0))).scale.shape == (shape[0],)


def test_a_weight_that_cannot_be_quantized_is_refused() -> None:
    with pytest.raises(CalibrationError, match="NaN or infinity"):
        weight_qparams(np.array([1.0, np.nan], np.float32), TensorPlan(), where="fc/weight")
    with pytest.raises(CalibrationError, match="no axis 2"):
        weight_qparams(np.ones((2, 2), np.float32), TensorPlan(granularity=PerChannel(2)))
    with pytest.raises(PlanError, match="no KL threshold"):
        weight_qparams(np.ones((2, 2), np.float32), TensorPlan(threshold="kl"))


def test_activations_follow_their_plan() -> None:
    values = np.linspace(-1.0, 3.0, 401, dtype=np.float32).reshape(1, 1, 401)
    whole, channels = HistogramStatistic(), ChannelRangeStatistic(axis=1)
    whole.update(values)
    channels.update(values)
    plan = TensorPlan(dtype=UINT8, scheme=Scheme.ASYMMETRIC)
    assert activation_qparams(plan, whole).scale == np.float32(4.0 / 255.0)
    per_channel = TensorPlan(dtype=UINT8, scheme=Scheme.ASYMMETRIC, granularity=PerChannel(1))
    assert activation_qparams(per_channel, channels).scale.tolist() == [np.float32(4.0 / 255.0)]
    for mismatched, statistic in ((plan, channels), (per_channel, whole)):
        with pytest.raises(CalibrationError, match="was gathered"):
            activation_qparams(mismatched, statistic)


def test_an_activation_never_seen_is_refused_with_its_tensor() -> None:
    with pytest.raises(CalibrationError, match="No ordinary value") as caught:
        activation_qparams(TensorPlan(), RangeStatistic(), where="conv1/input:0")
    assert caught.value.where == "conv1/input:0"
