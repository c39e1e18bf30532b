from itertools import pairwise

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inc_adaptors.statistics.create import create
from inc_adaptors.statistics.merging import merged
from inc_adaptors.statistics.protocol import StatisticSpec
from inc_adaptors.statistics.store import Statistics
from inc_config.errors import CalibrationError
from inc_config.plan import OpId, TensorKey

SPECS = (StatisticSpec("range"), StatisticSpec("histogram", {"bins": 64}), StatisticSpec("channel_range", {"axis": 1}))
DATA, FIXED = TensorKey(OpId("conv", 0, "Conv"), "input:0"), TensorKey(OpId("add", 0, "Add"), "input:1")
CONSTANT = np.linspace(-1, 1, 10, dtype=np.float32).reshape(2, 5)


def observed(arrays, specs=SPECS, model="m"):
    """One pass: the constant is taken in once, every array as it comes."""
    values = {key: {spec: create(spec) for spec in specs} for key in (DATA, FIXED)}
    for key, taken in ((DATA, arrays), (FIXED, [CONSTANT])):
        for array in taken:
            for statistic in values[key].values():
                statistic.update(array)
    non_finite = max((statistic.non_finite for statistic in values[DATA].values()), default=0)
    return Statistics(
        values=values,
        samples=sum(map(len, arrays)),
        non_finite={DATA: non_finite} if non_finite else {},
        model_fingerprint=model,
        data_fingerprint="d",
        constant=frozenset({FIXED}),
    )


def contents(statistics):
    arrays = {
        (str(key), spec.name, name): (array.dtype, array.tobytes())
        for key, found in statistics.values.items()
        for spec, statistic in found.items()
        for name, array in statistic.to_arrays().items()
    }
    return arrays, statistics.samples, dict(statistics.non_finite), statistics.constant


@given(
    seed=st.integers(0, 2**32 - 1),
    scales=st.lists(st.sampled_from([1e-6, 0.5, 1.0, 300.0, np.nan]), min_size=1, max_size=8),
    cuts=st.sets(st.integers(1, 7)),
    backwards=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_parts_merge_to_one_pass_bit_for_bit_in_any_order(seed, scales, cuts, backwards):
    rng = np.random.default_rng(seed)
    arrays = [(rng.standard_normal((4, 3)) * scale).astype(np.float32) for scale in scales]
    edges = [0, *sorted(cut for cut in cuts if cut < len(arrays)), len(arrays)]
    parts = [observed(arrays[start:stop]) for start, stop in pairwise(edges)]
    assert contents(merged(parts[::-1] if backwards else parts)) == contents(observed(arrays))


def test_what_is_merged_belongs_to_the_model_and_to_no_data(tmp_path):
    found = merged([observed([CONSTANT]), observed([CONSTANT])])
    assert (found.model_fingerprint, found.data_fingerprint) == ("m", "")
    path = found.save(tmp_path / "statistics.safetensors")
    assert contents(Statistics.load(path, model_fingerprint="m", data_fingerprint="")) == contents(found)


@pytest.mark.parametrize(
    ("other", "fault"),
    [
        (observed([CONSTANT], model="another"), "are of different models"),
        (observed([CONSTANT], specs=SPECS[:2]), "do not hold the same tensors and statistics"),
        (attrs.evolve(observed([CONSTANT]), constant=frozenset()), "do not hold the same tensors and statistics"),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(other, fault):
    with pytest.raises(CalibrationError, match=fault):
        merged([observed([CONSTANT]), other])


def test_nothing_does_not_merge():
    with pytest.raises(CalibrationError, match="no statistics to merge"):
        merged([])
