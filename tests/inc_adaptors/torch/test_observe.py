from __future__ import annotations

import numpy as np
import pytest
import torch
from inc_adaptors.statistics.protocol import StatisticSpec
from inc_adaptors.torch.adaptor import TorchAdaptor
from inc_config.errors import DataError, PlanError
from inc_config.plan import OpId, TensorKey
from torch import nn

ADAPTOR = TorchAdaptor(minimum_work=0)
RANGE, HISTOGRAM = StatisticSpec("range"), StatisticSpec("histogram")


def key(scope: str, role: str, index: int = 0, kind: str = "Linear") -> TensorKey:
    return TensorKey(OpId(scope, index, kind), role)


def observed(model, batches, *keys, specs=(RANGE,), **kwargs):
    return ADAPTOR.observe(ADAPTOR.open(model), batches, dict.fromkeys(keys, frozenset(specs)), **kwargs)


def test_inputs_are_those_that_the_module_was_given(images) -> None:
    found = observed(
        nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(inplace=True), nn.Conv2d(4, 4, 1)),
        images,
        key("0", "input:0", kind="Conv"),
        key("2", "input:0", kind="Conv"),
    )
    first = found.values[key("0", "input:0", kind="Conv")][RANGE]
    assert first.minimum == min(batch.min() for batch in images)
    assert first.maximum == max(batch.max() for batch in images)
    assert first.count == sum(batch.size for batch in images)
    assert found.values[key("2", "input:0", kind="Conv")][RANGE].minimum == 0.0
    assert found.samples == 12


def test_an_output_is_that_of_the_whole_fused_operator(models, images) -> None:
    model = models.trained(models.Chain(), (3, 8, 8))
    out = key("0", "output:0", kind="Conv")
    found = observed(model, images, out).values[out][RANGE]
    with torch.no_grad():
        expected = torch.cat([nn.Sequential(*list(model)[:3])(torch.from_numpy(batch)) for batch in images])
    assert found.minimum == 0.0
    assert found.maximum == float(expected.max())


def test_calls_of_one_module_are_told_apart_in_every_batch(models) -> None:
    batches = [np.full((2, 16), value, np.float32) for value in (1.0, -2.0)]
    keys = key("shared", "input:0"), key("shared", "input:0", 1)
    found = observed(models.Twice(), batches, *keys)
    assert (found.values[keys[0]][RANGE].minimum, found.values[keys[0]][RANGE].maximum) == (-2.0, 1.0)
    assert found.values[keys[1]][RANGE].minimum >= 0.0


def test_channels_last_memory_gives_the_same_statistics(images) -> None:
    conv = key("", "input:0", kind="Conv")
    channels = StatisticSpec("channel_range", {"axis": 1})
    plain = observed(nn.Conv2d(3, 4, 1), images, conv, specs=(HISTOGRAM, channels)).values[conv]
    native = [torch.from_numpy(batch).contiguous(memory_format=torch.channels_last) for batch in images]
    last = observed(nn.Conv2d(3, 4, 1), native, conv, specs=(HISTOGRAM, channels)).values[conv]
    for spec in (HISTOGRAM, channels):
        for name, array in plain[spec].to_arrays().items():
            assert np.array_equal(array, last[spec].to_arrays()[name])


def test_infinities_inside_the_model_are_counted() -> None:
    class Divides(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.out = nn.Linear(4, 2)

        def forward(self, x):
            return self.out(1.0 / x)

    tensor = key("out", "input:0")
    found = observed(Divides(), [np.array([[0.0, 1.0, 2.0, 0.0]], np.float32)], tensor)
    assert found.non_finite == {tensor: 2}
    assert found.values[tensor][RANGE].maximum == 1.0


def test_nan_in_the_users_batch_is_an_error() -> None:
    with pytest.raises(DataError, match="non-finite"):
        observed(nn.Linear(4, 2), [np.full((1, 4), np.nan, np.float32)], key("", "input:0"))


@pytest.mark.parametrize("scope", ["nowhere", "1.weight"])
def test_an_unknown_tensor_is_an_error(scope: str) -> None:
    with pytest.raises(PlanError, match=scope):
        observed(nn.Sequential(nn.Linear(4, 2)), [np.zeros((1, 4), np.float32)], key(scope, "input:0"))


def test_progress_counts_samples_and_no_hook_stays(models, images) -> None:
    model = models.Residual().train()
    seen: list[int] = []
    observed(model, images, key("head", "input:0"), progress=seen.append)
    assert seen == [4, 8, 12]
    assert all(not m._forward_hooks and not m._forward_pre_hooks and m.training for m in model.modules())


def test_an_error_in_a_batch_leaves_no_hook(images) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1))
    with pytest.raises(DataError):
        observed(model, [images[0], images[0][:, :2]], key("0", "input:0", kind="Conv"))
    assert not model[0]._forward_pre_hooks
