from __future__ import annotations

import numpy as np
import pytest
import torch
from inc_adaptors.torch.fold import fold, geometry_of
from torch import nn
from torch.nn import functional


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("groups", [1, 4])
def test_a_folded_layer_computes_what_the_two_did(bias: bool, affine: bool, groups: int) -> None:
    layer, norm = nn.Conv2d(4, 8, 3, bias=bias, groups=groups), nn.BatchNorm2d(8, affine=affine).eval()
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.1, 3.0)
    if affine:
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    folded = fold(layer, norm)
    x = torch.randn(2, 4, 6, 6)
    with torch.no_grad():
        result = functional.conv2d(x, torch.from_numpy(folded.weight), torch.from_numpy(folded.bias), groups=groups)
        assert torch.allclose(result, norm(layer(x)), atol=1e-5)


def test_pruned_weights_stay_exactly_zero() -> None:
    layer, norm = nn.Conv1d(4, 8, 3), nn.BatchNorm1d(8).eval()
    with torch.no_grad():
        layer.weight[::2] = 0.0
    assert not fold(layer, norm).weight[::2].any()


def test_without_a_norm_weights_are_kept_bit_for_bit() -> None:
    layer = nn.Linear(4, 3, bias=False)
    folded = fold(layer, None)
    assert np.array_equal(folded.weight, layer.weight.detach().numpy())
    assert folded.bias is None


def test_even_same_padding_becomes_numbers_and_uneven_is_refused() -> None:
    assert geometry_of(nn.Conv2d(1, 1, (3, 5), padding="same", dilation=(2, 1))).padding == (2, 2)
    assert geometry_of(nn.Conv2d(1, 1, (3, 1), padding="same")).padding == (1, 0)
    assert geometry_of(nn.Conv2d(1, 1, 3, padding="valid")).padding == (0, 0)
    assert geometry_of(nn.Conv2d(1, 1, 2, padding="same")) is None
    assert geometry_of(nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect")) is None
