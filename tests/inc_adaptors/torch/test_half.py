"""Layers of PyTorch models in 16 bits."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
import torch
from inc_adaptors import store
from inc_adaptors.statistics.store import Statistics
from inc_adaptors.torch.adaptor import TorchAdaptor
from inc_adaptors.torch.half import HalfLayer, measured
from inc_config.capabilities import Capabilities, ReasonCode
from inc_config.dtypes import BF16, FP16, FloatType
from inc_config.errors import PlanError, StoreError
from inc_config.plan import FLOAT, OpPlan
from torch import nn

IN_BF16, IN_FP16 = OpPlan(compute_dtype=BF16), OpPlan(compute_dtype=FP16)
X = np.random.default_rng(0).standard_normal((4, 32)).astype(np.float32)


class Twice(nn.Module):
    """One layer called twice, and a head whose weight other code reads."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.fc = nn.Linear(32, 32)
        self.head = nn.Linear(32, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.fc(torch.relu(self.fc(x))))
        return self.head(x) + self.head.weight.sum()


def twice_as_fast(module: nn.Module, shape: tuple[int, ...], dtype: FloatType) -> float | None:
    return 2.0


def mixed(
    model: nn.Module, speed: Any = twice_as_fast, dtypes: Any = (BF16,), batches: Any = (X,), **more: Any
) -> tuple[Any, Any, Capabilities]:
    adaptor = TorchAdaptor(half_speed=speed)
    handle = adaptor.open(model)
    bare = adaptor.capabilities(handle, adaptor.target(), batches=batches)
    bare = attrs.evolve(bare, ops=[attrs.evolve(op, options=(FLOAT,), reason=None) for op in bare.ops])
    return adaptor, handle, adaptor.half(handle, bare, dtypes, batches=batches, **more)


def emitted(adaptor: Any, handle: Any, found: Capabilities, plan: Any = None) -> Any:
    return adaptor.emitter(handle, Statistics(values={}, samples=0), found).emit(plan or found.plan())


def reason(found: Capabilities, scope: str) -> Any:
    return next(op.reason for op in found.ops if op.op.scope == scope)


def test_a_layer_in_bf16_takes_and_gives_float32() -> None:
    layer = nn.Linear(32, 8)
    half = HalfLayer(layer, BF16)
    x = torch.from_numpy(X)
    expected = (x.bfloat16() @ layer.weight.bfloat16().T + layer.bias.bfloat16()).float()
    assert half(x).dtype == torch.float32
    torch.testing.assert_close(half(x), expected, rtol=2e-2, atol=2e-2)  # two roundings to 8 bits: 2 * 2**-8 of sums of 32
    assert half.weight.dtype == torch.float32
    assert half.bias is not None
    assert half.bias.dtype == torch.float32


def test_only_whole_layers_change_their_type_and_what_cannot_says_why() -> None:
    adaptor, handle, found = mixed(Twice())
    calls = [op.op for op in found.ops if op.op.scope == "fc"]
    assert [op.call_index for op in calls] == [0, 1]
    made = emitted(adaptor, handle, found)
    assert isinstance(made.native.fc, HalfLayer)
    assert isinstance(made.native.head, nn.Linear)
    assert reason(found, "head").code is ReasonCode.DYNAMIC_WEIGHT
    one = emitted(adaptor, handle, found, found.plan().with_float(calls[:1]))
    assert isinstance(one.native.fc, nn.Linear)
    assert "fc stays in fp32: not all its calls were to be in 16 bits" in one.state.notes


def test_what_was_measured_decides_and_is_said() -> None:
    def speed(module: nn.Module, shape: tuple[int, ...], dtype: FloatType) -> float | None:
        return {BF16: 0.5, FP16: None}[dtype]

    _, _, found = mixed(nn.Sequential(nn.Linear(32, 32)), speed, (BF16, FP16))
    assert str(reason(found, "0")).startswith("slower_in_half: bf16 Linear 2.0x slower than fp32 here; torch ")
    _, _, smaller = mixed(nn.Sequential(nn.Linear(32, 32)), speed, (BF16, FP16), smaller=True)
    assert smaller.ops[0].options == (IN_BF16, FLOAT)


def test_the_faster_type_comes_first() -> None:
    _, _, found = mixed(nn.Sequential(nn.Linear(32, 32)), lambda m, s, dtype: 3.0 if dtype is FP16 else 2.0, (BF16, FP16))
    assert found.ops[0].options == (IN_FP16, IN_BF16, FLOAT)


@pytest.mark.parametrize(("weight", "scale", "what"), [(1e6, 1.0, "its weight has values beyond 65504"), (1.0, 1e6, "during calibration")])
def test_values_beyond_fp16_keep_a_layer_in_fp32(weight: float, scale: float, what: str) -> None:
    model = nn.Sequential(nn.Linear(32, 32))
    with torch.no_grad():
        model[0].weight.mul_(weight)
    _, _, found = mixed(model, dtypes=(FP16,), batches=(X, X * np.float32(scale)))
    assert found.ops[0].options == (FLOAT,)
    assert found.ops[0].reason is not None
    assert found.ops[0].reason.code is ReasonCode.HALF_OVERFLOW
    assert what in found.ops[0].reason.detail


def test_without_a_batch_nothing_is_guessed() -> None:
    _, _, found = mixed(nn.Sequential(nn.Linear(32, 32)), batches=())
    assert found.ops[0].reason is not None
    assert found.ops[0].reason.code is ReasonCode.NOT_EXECUTED


def test_integers_and_16_bits_in_one_plan_are_refused() -> None:
    adaptor = TorchAdaptor(minimum_work=0, half_speed=twice_as_fast)
    handle = adaptor.open(nn.Sequential(nn.Linear(32, 32), nn.Linear(32, 8)))
    found = adaptor.half(handle, adaptor.capabilities(handle, adaptor.target(), batches=(X,)), (BF16,), batches=(X,))
    plan = found.plan().with_ops({found.ops[0].op: IN_BF16})
    with pytest.raises(PlanError, match="on integers and in 16 bits"):
        emitted(adaptor, handle, found, plan)


def test_a_type_that_is_not_offered_is_refused() -> None:
    adaptor, handle, found = mixed(nn.Sequential(nn.Linear(32, 32)))
    with pytest.raises(PlanError, match="0 in fp16"):
        emitted(adaptor, handle, found, found.plan().with_ops({found.ops[0].op: IN_FP16}))


def test_measuring_leaves_layer_and_threads_as_they_were() -> None:
    layer, threads = nn.Conv2d(3, 8, 3), torch.get_num_threads()
    before = layer.weight.detach().clone()
    ratio = measured(layer, (1, 3, 8, 8), BF16)
    assert ratio is not None
    assert ratio > 0.0
    assert measured(layer, (1, 3, 8, 8), BF16) == ratio  # remembered
    assert torch.get_num_threads() == threads
    assert torch.equal(layer.weight, before)


def test_a_damaged_record_is_refused(tmp_path: Any) -> None:
    adaptor, handle, found = mixed(nn.Sequential(nn.Linear(32, 32)))
    saved = adaptor.to_saved(emitted(adaptor, handle, found))
    surgery = [record | {"details": {"dtype": "fp8"}} for record in saved.document["surgery"]]
    with pytest.raises(StoreError, match="names no 16-bit type"):
        adaptor.from_saved(attrs.evolve(saved, document={**saved.document, "surgery": surgery}), nn.Sequential(nn.Linear(32, 32)))
    store.save(saved, tmp_path / "model")
    again = adaptor.from_saved(store.load(tmp_path / "model").model, nn.Sequential(nn.Linear(32, 32)))
    assert isinstance(again.native[0], HalfLayer)
