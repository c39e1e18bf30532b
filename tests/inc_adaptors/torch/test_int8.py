"""Int8 modules compute what integer arithmetic says, and survive copying and saving."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from inc_adaptors.torch.codes import Codes, hand_over
from inc_adaptors.torch.int8 import CallPlan, Geometry, Int8Conv, Int8Linear, Int8Operator, Mode
from inc_adaptors.torch.kernels import quantize
from torch.nn import functional

STATIC = CallPlan(mode="static")
IN_SCALE, IN_ZERO, OUT_SCALE, OUT_ZERO = 0.02, 100, 0.05, 90


def filled(module: Int8Operator) -> Int8Operator:
    """Random codes and scales; inputs within [-2, 3.1]."""
    shape = module.weight_codes.shape
    module.weight_codes.copy_(torch.randint(-127, 128, shape, dtype=torch.int8))
    module.weight_scale.copy_(torch.rand(shape[0]) * 0.002 + 0.001)
    if module.bias_values is not None:
        module.bias_values.copy_(torch.randn(shape[0]))
    module.input_scale.fill_(IN_SCALE)
    module.input_zero_point.fill_(IN_ZERO)
    module.output_scale.fill_(OUT_SCALE)
    module.output_zero_point.fill_(OUT_ZERO)
    return module


def convolution(nd: int, groups: int = 1, activation: str = "none", bias: bool = True, **plan: bool) -> Int8Conv:
    geometry = Geometry(stride=(2, 1)[:nd], padding=(1, 2)[:nd], dilation=(1, 2)[:nd], groups=groups)
    shape = (12, 6 // groups, *(3,) * nd)
    return filled(Int8Conv(shape, geometry, bias=bias, activation=activation, calls=(CallPlan(mode="static", **plan),)))


def expected(module: Int8Operator, x: torch.Tensor) -> torch.Tensor:
    """Integer arithmetic in float64 (exact below 2^53), then one scale per channel: the definition of the operator."""
    codes = quantize(x, IN_SCALE, IN_ZERO).double() - IN_ZERO
    weight = module.weight_codes.double()
    if isinstance(module, Int8Conv):
        convolve = functional.conv1d if len(module.stride) == 1 else functional.conv2d
        sums = convolve(codes, weight, None, module.stride, module.padding, module.dilation, module.groups)
        per_channel = (1, -1, *(1,) * len(module.stride))
    else:
        sums, per_channel = codes @ weight.T, (-1,)
    scaled = sums * (np.float32(IN_SCALE) * module.weight_scale.double()).view(per_channel)
    if module.bias_values is not None:
        scaled = scaled + module.bias_values.double().view(per_channel)
    return {"none": scaled, "relu": scaled.clamp(min=0), "relu6": scaled.clamp(0, 6)}[module.activation].float()


IMAGES = {1: (2, 6, 15), 2: (2, 6, 9, 11)}


# oneDNN clips at 6 after two-dimensional convolutions only, and the flow fuses no other.
KINDS = [(1, "none"), (1, "relu"), (2, "none"), (2, "relu"), (2, "relu6")]


@pytest.mark.parametrize(("nd", "activation"), KINDS)
@pytest.mark.parametrize("groups", [1, 2, 6])
def test_a_convolution_equals_integer_arithmetic(nd: int, activation: str, groups: int) -> None:
    module = convolution(nd, groups, activation, bias=groups != 2)
    x = torch.randn(IMAGES[nd])
    assert torch.allclose(module(x), expected(module, x), atol=1e-4)


@pytest.mark.parametrize(("nd", "activation"), KINDS)
def test_codes_handed_over_are_the_quantized_result(nd: int, activation: str) -> None:
    module = convolution(nd, activation=activation, hands_over=True)
    x = torch.randn(IMAGES[nd])
    result = module(x)
    assert isinstance(result, Codes)
    assert (result.scale, result.zero_point) == (pytest.approx(OUT_SCALE), OUT_ZERO)
    wanted = quantize(expected(module, x), OUT_SCALE, OUT_ZERO)
    assert (result.codes.int() - wanted.int()).abs().max() <= 1, "a tie may round either way"
    assert (result.codes != wanted).float().mean() < 0.01


@pytest.mark.parametrize("shape", [(6,), (5, 6), (2, 3, 6)])
@pytest.mark.parametrize("activation", ["none", "relu"])
def test_a_linear_layer_equals_integer_arithmetic(shape: tuple[int, ...], activation: str) -> None:
    module = filled(Int8Linear((4, 6), bias=True, activation=activation, calls=(STATIC,)))
    x = torch.randn(shape)
    assert torch.allclose(module(x), expected(module, x), atol=1e-4)


def test_padding_is_real_zero_whatever_the_zero_point() -> None:
    module = convolution(2)
    x = torch.zeros(1, 6, 5, 5)
    assert torch.allclose(module(x), module.bias_values.view(1, -1, 1, 1).expand(1, 12, 3, 5), atol=1e-5)


def test_codes_received_are_used_with_their_own_scale() -> None:
    module = convolution(2)
    x = torch.rand(2, 6, 9, 11) * 50
    codes = quantize(x, 0.2, 3).contiguous(memory_format=torch.channels_last)
    real = (codes.float() - 3) * 0.2
    reference = functional.conv2d(real, module.weight, module.bias_values, module.stride, module.padding, module.dilation)
    assert torch.allclose(module(hand_over(codes, 0.2, 3)), reference, atol=1e-3)


def test_a_dynamic_layer_uses_each_batchs_own_range() -> None:
    module = filled(Int8Linear((4, 6), bias=True, activation="none", calls=(CallPlan(mode="dynamic"),)))
    for magnitude in (1e-3, 1.0, 1e4):
        x = torch.randn(8, 6) * magnitude
        reference = functional.linear(x, module.weight, module.bias_values)
        step = float(x.max() - x.min()) / 255
        bound = step / 2 * float(module.weight.abs().sum(1).max()) * 1.01
        assert (module(x) - reference).abs().max() <= bound


def test_a_dynamic_batch_without_a_finite_range_is_computed_in_float() -> None:
    module = filled(Int8Linear((4, 6), bias=True, activation="none", calls=(CallPlan(mode="dynamic"),)))
    assert module(torch.full((2, 6), torch.nan)).isnan().all()
    assert torch.equal(module(torch.zeros(2, 6)), module.bias_values.expand(2, 4))
    assert module(torch.zeros(0, 6)).shape == (0, 4)


def test_an_image_without_a_batch_axis_is_taken() -> None:
    module = convolution(2)
    x = torch.randn(6, 9, 11)
    assert torch.allclose(module(x), module(x.unsqueeze(0))[0], atol=1e-6)


def test_many_shapes_are_right_and_few_are_kept() -> None:
    module = convolution(2)
    for height in (9, 10, 11, 12, 13, 14, 9):
        x = torch.randn(1, 6, height, 8)
        assert torch.allclose(module(x), expected(module, x), atol=1e-4)
    assert len(module._packs) == 4


def test_calls_of_one_module_have_their_own_plans() -> None:
    original = torch.nn.Linear(6, 4)
    calls = (STATIC, CallPlan(mode="float"), CallPlan(mode="dynamic"))
    module = filled(Int8Linear((4, 6), bias=True, activation="none", calls=calls, original=original))
    x = torch.randn(3, 6)
    first, second, third, beyond = (module(x) for _ in range(4))
    assert torch.allclose(first, expected(module, x), atol=1e-4)
    assert torch.equal(second, original(x))
    assert not torch.equal(first, third)
    assert torch.equal(beyond, original(x)), "a call that the trace never saw has no range"
    module.restart_calls()
    assert torch.equal(module(x), first)


def _reloaded(module: Int8Conv) -> Int8Conv:
    fresh = convolution(2, hands_over=True)
    fresh(torch.randn(2, 6, 9, 11))
    fresh.load_state_dict(module.state_dict())
    return fresh


@pytest.mark.parametrize("move", [copy.deepcopy, _reloaded], ids=["deepcopy", "state dict"])
def test_copies_predict_bit_identically(move) -> None:
    module = convolution(2, hands_over=True)
    x = torch.randn(2, 6, 9, 11)
    first = module(x)
    moved = move(module)
    assert torch.equal(moved(x).codes, first.codes)
    assert moved(x).scale == first.scale


def test_the_saved_state_is_int8_weights_and_small_vectors() -> None:
    module = convolution(2)
    module(torch.randn(2, 6, 9, 11))
    kinds = {name: value.dtype for name, value in module.state_dict().items()}
    assert kinds == {
        "weight_codes": torch.int8, "weight_scale": torch.float32, "bias_values": torch.float32, "input_scale": torch.float32,
        "input_zero_point": torch.int32, "output_scale": torch.float32, "output_zero_point": torch.int32,
    }  # fmt: skip


def test_weight_and_bias_read_as_floats() -> None:
    module = filled(Int8Linear((4, 6), bias=False, activation="none", calls=(STATIC,)))
    assert torch.equal(module.weight[1], module.weight_codes[1] * module.weight_scale[1])
    assert module.bias is None


def test_a_mode_is_one_of_three() -> None:
    with pytest.raises(ValueError, match="sometimes"):
        CallPlan(mode="sometimes")
    assert CallPlan(mode="float").mode is Mode.FLOAT
