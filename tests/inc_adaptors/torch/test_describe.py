from __future__ import annotations

import pytest
import torch
from inc_adaptors.torch.adaptor import TorchAdaptor
from inc_config.capabilities import Capabilities, OpCapability, ReasonCode
from inc_config.dtypes import INT8, UINT8, IntegerType, PerChannel, Scheme
from inc_config.plan import FLOAT
from inc_config.target import Device, Isa, Runtime, Target
from torch import nn
from torch.nn import functional

ADAPTOR = TorchAdaptor(minimum_work=0)
HERE = Target(runtime=Runtime.TORCH, isa=Isa.AVX512_VNNI)


def described(model: nn.Module, *batches: object, target: Target = HERE, adaptor: TorchAdaptor = ADAPTOR) -> Capabilities:
    return adaptor.capabilities(adaptor.open(model), target, batches=batches)


def only(found: Capabilities) -> OpCapability:
    (capability,) = found.ops
    return capability


def test_operators_come_in_execution_order_with_members_work_and_size(models) -> None:
    found = described(models.Residual(), torch.rand(4, 3, 8, 8))
    assert [(str(c.op), c.op.type, c.members) for c in found.ops] == [
        ("stem", "Conv", ("stem", "norm0")),
        ("conv1", "Conv", ("conv1", "norm1")),
        ("conv2", "Conv", ("conv2", "norm2")),
        ("head", "Linear", ("head",)),
    ]
    # One image: 8x8 outputs of 16 channels from 3x3x3 inputs; 4x4 outputs of 16 from 16x3x3; 5 outputs from 16.
    assert [c.work for c in found.ops] == [64 * 16 * 27, 16 * 16 * 144, 16 * 16 * 144, 5 * 16]
    assert [c.weight_bytes for c in found.ops] == [4 * 16 * 27, 4 * 16 * 144, 4 * 16 * 144, 4 * 5 * 16]


def test_options_are_static_first_then_dynamic_for_linear_then_float(models) -> None:
    found = {str(c.op): c for c in described(models.Chain(), torch.rand(2, 3, 8, 8)).ops}
    conv, linear = found["0"], found["10"]
    assert [option.precision for option in conv.options] == ["int8", "fp32"]
    assert [option.precision for option in linear.options] == ["int8", "int8 dynamic", "fp32"]
    static = conv.options[0]
    assert (static.inputs[0].dtype, static.inputs[0].scheme) == (UINT8, Scheme.ASYMMETRIC)
    assert (static.weight.dtype, static.weight.scheme, static.weight.granularity) == (INT8, Scheme.SYMMETRIC, PerChannel(0))
    assert static.outputs, "the next convolution takes its codes"
    assert found["7"].options[0].outputs, "a Linear layer takes them after Flatten"
    assert not found["13"].options[0].outputs, "the model returns it"


def test_small_operators_beside_bigger_ones_stay_in_float_unless_asked_for() -> None:
    model, batch = nn.Sequential(nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 4)), torch.rand(8, 512)
    _, small = described(model, batch, adaptor=TorchAdaptor()).ops
    assert small.options == (FLOAT,)
    assert small.reason.code is ReasonCode.TOO_SMALL
    assert "2048 multiply-adds" in small.reason.detail
    assert all(capability.is_quantizable for capability in described(model, batch).ops)


def test_weights_have_seven_bits_where_sums_would_saturate() -> None:
    for isa in (Isa.AVX2, Isa.AVX512, Isa.GENERIC):
        capability = only(described(nn.Linear(16, 4), torch.rand(8, 16), target=Target(runtime=Runtime.TORCH, isa=isa)))
        assert capability.options[0].weight.dtype == IntegerType(7, signed=True)


@pytest.mark.parametrize("target", [Target(runtime=Runtime.ONNXRUNTIME), Target(runtime=Runtime.TORCH, device=Device.CUDA)])
def test_another_target_has_no_kernel_here(target: Target) -> None:
    assert only(described(nn.Linear(16, 4), torch.rand(8, 16), target=target)).reason.code is ReasonCode.NO_INTEGER_KERNEL


class Own(nn.Linear):
    def forward(self, x):
        return super().forward(x) * 2.0


@pytest.mark.parametrize(
    ("model", "batch"),
    [
        (Own(4, 4), torch.rand(2, 4)),
        (nn.utils.parametrizations.weight_norm(nn.Linear(4, 4)), torch.rand(2, 4)),
        (nn.Conv2d(1, 2, 3, padding=1, padding_mode="circular"), torch.rand(2, 1, 5, 5)),
        (nn.Conv2d(1, 2, 2, padding="same"), torch.rand(2, 1, 5, 5)),
        (nn.ConvTranspose2d(1, 2, 2), torch.rand(2, 1, 5, 5)),
        (nn.Embedding(5, 4), torch.tensor([[1, 2]])),
    ],
    ids=["own forward", "parametrized", "circular", "uneven", "transposed", "embedding"],
)
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
def test_what_has_no_kernel_says_so(model: nn.Module, batch: torch.Tensor) -> None:
    found = described(model, batch).ops
    assert len(found) == 1
    assert found[0].reason.code is ReasonCode.UNSUPPORTED_OPERATOR
    assert found[0].weight_bytes > 0 or "Parametrized" in found[0].reason.detail


def test_weights_that_are_not_float32_stay_as_they_are() -> None:
    capability = only(described(nn.Linear(16, 4).bfloat16(), torch.rand(8, 16).bfloat16()))
    assert capability.reason.code is ReasonCode.NO_INTEGER_KERNEL
    assert "bfloat16 on cpu" in capability.reason.detail


def test_a_subclass_that_computes_the_same_is_taken() -> None:
    class Renamed(nn.Linear):
        pass

    assert only(described(Renamed(4, 4), torch.rand(2, 4))).is_quantizable


def test_a_module_that_did_not_run_is_listed_last() -> None:
    class Skips(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.unused = nn.Conv2d(1, 1, 1)
            self.used = nn.Linear(4, 4)

        def forward(self, x):
            return self.used(x)

    used, unused = described(Skips(), torch.rand(2, 4)).ops
    assert used.is_quantizable
    assert (unused.op.scope, unused.reason.code) == ("unused", ReasonCode.NOT_EXECUTED)


def test_functions_on_weights_are_listed_as_unsupported() -> None:
    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.rand(4, 4))
            self.inner = nn.Linear(4, 4)

        def forward(self, x):
            return functional.linear(self.inner(x), self.inner.weight) @ self.inner.weight

    found = {(c.op.scope, c.op.type): c.reason for c in described(Functional(), torch.rand(2, 4)).ops}
    assert found["inner", "Linear"].code is ReasonCode.DYNAMIC_WEIGHT
    assert {code for (_, kind), reason in found.items() if kind != "Linear" for code in [reason.code]} == {ReasonCode.UNSUPPORTED_OPERATOR}
    assert len(found) == 3


def test_attention_projections_that_torch_reads_itself_are_not_executed() -> None:
    class Attends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x):
            return self.attention(x, x, x)[0]

    found = {c.op.scope: c for c in described(Attends(), torch.rand(2, 3, 8)).ops}
    assert found["attention.out_proj"].reason.code is ReasonCode.NOT_EXECUTED


def test_without_a_batch_linear_layers_can_be_dynamic_and_the_rest_stays() -> None:
    found = {c.op.scope: c for c in described(nn.Sequential(nn.Conv2d(1, 1, 1), nn.Linear(4, 4))).ops}
    assert [option.precision for option in found["1"].options] == ["int8 dynamic", "fp32"]
    assert found["0"].reason.code is ReasonCode.NOT_EXECUTED


def test_a_model_of_small_operators_only_is_quantized_whole() -> None:
    """Whoever asks for int8 of a tiny model gets it: small for its size's sake, and the measured latency says the rest."""
    tiny = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    assert all(capability.is_quantizable for capability in described(tiny, torch.rand(2, 8), adaptor=TorchAdaptor()).ops)
