"""Codes are a float tensor to whoever does not know them."""

from __future__ import annotations

import copy

import pytest
import torch
from inc_adaptors.torch.codes import Codes, hand_over
from inc_adaptors.torch.kernels import dequantize, quantize
from torch import nn
from torch.nn import functional

SCALE = 0.03


def pair(zero_point: int = 120) -> tuple[Codes, torch.Tensor]:
    values = torch.randn(2, 8, 9, 9).contiguous(memory_format=torch.channels_last)
    codes = quantize(values, SCALE, zero_point)
    return hand_over(codes, SCALE, zero_point), dequantize(codes, SCALE, zero_point)


CARRIED = {
    "relu": functional.relu,
    "torch.relu": torch.relu,
    "method": lambda x: x.relu(),
    "module": nn.ReLU(),
    "pool": lambda x: functional.max_pool2d(x, 3, 2, 1),
    "pool module": nn.MaxPool2d((3, 2), stride=(1, 2), padding=(1, 0), dilation=2),
    "ceil": nn.MaxPool2d(2, ceil_mode=True),
    "flatten": lambda x: torch.flatten(x, 1),
    "flatten module": nn.Flatten(),
    "reshape": lambda x: x.reshape(2, -1),
    "view": lambda x: x.view(2, -1) if isinstance(x, Codes) else x.reshape(2, -1),
    "dropout": lambda x: functional.dropout(x, 0.5, training=False),
    "contiguous": lambda x: x.contiguous(),
}


@pytest.mark.parametrize("name", CARRIED)
@pytest.mark.parametrize("zero_point", [0, 120])
def test_functions_that_commute_with_quantization_keep_codes(name: str, zero_point: int) -> None:
    codes, values = pair(zero_point)
    result = CARRIED[name](codes)
    assert isinstance(result, Codes)
    assert torch.equal(result + 0.0, CARRIED[name](values))


SEEN_AS_FLOAT = {
    "add": lambda x: x + 1.0,
    "reversed": lambda x: 2.0 * x,
    "mean": lambda x: x.mean((2, 3)),
    "cat": lambda x: torch.cat([x, x], 1),
    "index": lambda x: x[0, 1],
    "clone": lambda x: x.clone(),
    "deepcopy": copy.deepcopy,
    "conv": lambda x: functional.conv2d(x, torch.ones(1, 8, 3, 3)),
    "dropout": lambda x: functional.dropout(x, 0.0, training=True),
    "indices": lambda x: functional.max_pool2d(x, 2, return_indices=True)[0],
    "numpy": lambda x: torch.from_numpy(x.numpy()),
    "avg": lambda x: functional.adaptive_avg_pool2d(x, 1),
}


@pytest.mark.parametrize("name", SEEN_AS_FLOAT)
def test_every_other_function_gets_the_real_values(name: str) -> None:
    codes, values = pair()
    result = SEEN_AS_FLOAT[name](codes)
    assert not isinstance(result, Codes)
    assert torch.equal(result, SEEN_AS_FLOAT[name](values))


def test_shape_type_and_device_are_those_of_the_real_values() -> None:
    codes, values = pair()
    assert codes.shape == values.shape
    assert codes.size(1) == values.size(1)
    assert codes.ndim == codes.dim() == 4
    assert codes.dtype is torch.float32
    assert codes.is_floating_point()
    assert codes.device == values.device
    assert len(codes) == 2


def test_a_change_in_place_is_seen_by_later_readers() -> None:
    codes, values = pair()
    codes[:, 0] = 0.0
    codes.mul_(0.5)
    values[:, 0] = 0.0
    assert torch.allclose(codes + 0.0, values * 0.5, atol=SCALE / 2 + 1e-6)


def test_relu_in_place_changes_the_codes_themselves() -> None:
    codes, values = pair()
    functional.relu_(codes)
    assert torch.equal(codes + 0.0, values.relu())
