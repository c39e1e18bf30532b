"""Emission: the user's own code runs on, with int8 kernels in the planned places and nothing else changed."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
import torch
from inc_adaptors.handle import ModelHandle
from inc_adaptors.torch.adaptor import TorchAdaptor
from inc_adaptors.torch.int8 import Int8Conv, Int8Linear, Int8Operator, Mode
from inc_config.capabilities import Capabilities
from inc_config.dtypes import IntegerType, PerTensor
from inc_config.errors import CalibrationError, PlanError
from inc_config.named import Named
from inc_config.plan import FLOAT, OpId, OpPlan, QuantizationPlan
from torch import nn
from torch.nn import functional
from torch.profiler import ProfilerActivity, profile

ADAPTOR = TorchAdaptor(minimum_work=0)


@attrs.frozen(kw_only=True, eq=False)
class Ready:
    """A described and calibrated model."""

    handle: ModelHandle
    capabilities: Capabilities
    emitter: Any
    batches: list[Any]

    def predict(self, handle: ModelHandle) -> np.ndarray:
        return np.concatenate([ADAPTOR.predict(handle, batch)[0] for batch in self.batches])


def ready(model: nn.Module, batches: list[Any], change=lambda plan: plan) -> Ready:
    handle = ADAPTOR.open(model)
    found = ADAPTOR.capabilities(handle, ADAPTOR.target(), batches=batches)
    statistics = ADAPTOR.observe(handle, batches, ADAPTOR.wanted(found, [change(found.plan())]))
    return Ready(handle=handle, capabilities=found, emitter=ADAPTOR.emitter(handle, statistics, found), batches=batches)


def int8_modules(handle: ModelHandle) -> dict[str, Int8Operator]:
    return {path: module for path, module in handle.native.named_modules() if isinstance(module, Int8Operator)}


def test_the_float_plan_gives_the_original_back(models, images) -> None:
    work = ready(models.trained(models.Residual(), (3, 8, 8)), images)
    emitted = work.emitter.emit(QuantizationPlan(target=ADAPTOR.target(), ops=dict.fromkeys([c.op for c in work.capabilities.ops], FLOAT)))
    assert np.array_equal(work.predict(emitted), work.predict(work.handle))
    assert ADAPTOR.fingerprint(emitted) == ADAPTOR.fingerprint(work.handle)
    assert emitted.native is not work.handle.native


@pytest.mark.parametrize("name", ["Residual", "Chain"])
def test_all_int8_stays_close_and_leaves_the_callers_model_alone(models, images, sqnr, name) -> None:
    work = ready(models.trained(getattr(models, name)(), (3, 8, 8)), images)
    before = ADAPTOR.fingerprint(work.handle)
    emitted = work.emitter.emit(work.capabilities.plan())
    assert len(int8_modules(emitted)) == len(work.capabilities.quantizable)
    assert sqnr(work.predict(work.handle), work.predict(emitted)) > 30.0
    assert ADAPTOR.fingerprint(work.handle) == before
    assert emitted.state.plan == work.capabilities.plan()
    assert ADAPTOR.size_bytes(emitted) < ADAPTOR.size_bytes(work.handle)


def test_norms_and_relus_are_folded_and_codes_are_handed_over(models, images) -> None:
    model = models.trained(models.Chain(), (3, 8, 8))
    emitted = ready(model, images).emitter.emit(ready(model, images).capabilities.plan()).native
    kinds = [type(module).__name__ for module in emitted]
    assert kinds == [
        "Int8Conv", "Identity", "Identity", "Int8Conv", "Identity", "Identity", "MaxPool2d", "Int8Conv", "Identity", "Flatten",
        "Int8Linear", "Identity", "Dropout", "Int8Linear",
    ]  # fmt: skip
    handing = [emitted[i].calls[0].hands_over for i in (0, 3, 7, 10, 13)]
    assert handing == [True, True, True, True, False]


def test_real_integer_kernels_run(models, images) -> None:
    work = ready(models.trained(models.Chain(), (3, 8, 8)), images)
    emitted = work.emitter.emit(work.capabilities.plan())
    with profile(activities=[ProfilerActivity.CPU]) as run:
        ADAPTOR.predict(emitted, images[0])
    calls = {event.key: event.count for event in run.key_averages()}
    assert calls["onednn::qconv_pointwise"] == 3
    assert calls["onednn::qlinear_pointwise"] == 2
    assert not {"aten::conv2d", "aten::convolution", "aten::addmm", "aten::linear"} & set(calls)


def test_each_operator_can_fall_back_alone(models, images, sqnr) -> None:
    work = ready(models.trained(models.Residual(), (3, 8, 8)), images)
    plan = work.capabilities.plan()
    reference = work.predict(work.handle)
    for capability in work.capabilities.quantizable:
        emitted = work.emitter.emit(plan.with_float([capability.op]))
        assert set(int8_modules(emitted)) == {c.op.scope for c in work.capabilities.quantizable} - {capability.op.scope}
        kept = dict(emitted.native.named_modules())[capability.op.scope]
        assert torch.equal(kept.weight, dict(work.handle.native.named_modules())[capability.op.scope].weight)
        assert sqnr(reference, work.predict(emitted)) > 30.0
    again = work.emitter.emit(plan)
    assert np.array_equal(work.predict(again), work.predict(work.emitter.emit(plan)))


def test_emission_equals_that_of_a_fresh_calibration(models, images) -> None:
    model = models.trained(models.Chain(), (3, 8, 8))
    first, second = ready(model, images), ready(model, images)
    plan = first.capabilities.plan()
    first.emitter.emit(plan.with_float([plan.quantized[1]]))
    assert np.array_equal(first.predict(first.emitter.emit(plan)), second.predict(second.emitter.emit(plan)))


def test_handing_over_changes_nothing_but_rounding(models, images, sqnr) -> None:
    work = ready(models.trained(models.Chain(), (3, 8, 8)), images)
    plan = work.capabilities.plan()
    apart = plan.with_ops({op: attrs.evolve(op_plan, outputs=()) for op, op_plan in plan.ops.items()})
    together, separate = work.emitter.emit(plan), work.emitter.emit(apart)
    assert not any(call.hands_over for module in int8_modules(separate).values() for call in module.calls)
    assert sqnr(work.predict(separate), work.predict(together)) > 45.0


def test_without_a_trace_of_the_model_results_are_the_same_without_hand_over(models, images, sqnr) -> None:
    work = ready(models.trained(models.Chain(), (3, 8, 8)), images)
    plan = work.capabilities.plan()
    statistics = ADAPTOR.observe(work.handle, images, ADAPTOR.wanted(work.capabilities, [plan]))
    elsewhere = ADAPTOR.open(models.Chain())
    elsewhere.native.load_state_dict(work.handle.native.state_dict())
    emitted = ADAPTOR.emitter(elsewhere, statistics, work.capabilities).emit(plan)
    assert sqnr(work.predict(work.emitter.emit(plan)), work.predict(emitted)) > 45.0


def test_dynamic_layers_need_no_statistics(models, sqnr) -> None:
    batches = [np.random.default_rng(0).normal(size=(8, 16)).astype(np.float32)]
    handle = ADAPTOR.open(nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 4)))
    found = ADAPTOR.capabilities(handle, ADAPTOR.target(), batches=batches)
    plan = found.plan(lambda option: option.is_dynamic)
    assert not ADAPTOR.wanted(found, [plan])
    emitted = ADAPTOR.emitter(handle, ADAPTOR.observe(handle, batches, {}), found).emit(plan)
    assert [m.calls[0].mode for m in int8_modules(emitted).values()] == [Mode.DYNAMIC, Mode.DYNAMIC]
    assert sqnr(ADAPTOR.predict(handle, batches[0])[0], ADAPTOR.predict(emitted, batches[0])[0]) > 30.0


@pytest.mark.parametrize("threshold", ["minmax", "percentile", "kl", "mse"])
def test_every_threshold_method_is_served_from_one_pass(models, images, sqnr, threshold) -> None:
    def with_threshold(plan: QuantizationPlan) -> QuantizationPlan:
        def changed(op_plan: OpPlan) -> OpPlan:
            return attrs.evolve(op_plan, inputs=[attrs.evolve(t, threshold=Named(threshold)) for t in op_plan.inputs])

        return plan.with_ops({op: changed(op_plan) for op, op_plan in plan.ops.items()})

    work = ready(models.trained(models.Residual(), (3, 8, 8)), images, with_threshold)
    emitted = work.emitter.emit(with_threshold(work.capabilities.plan()))
    assert sqnr(work.predict(work.handle), work.predict(emitted)) > 15.0


def test_inputs_by_name_a_view_and_nested_outputs_work(models, sqnr) -> None:
    generator = np.random.default_rng(0)
    batches = [{"signal": generator.normal(size=(3, 4, 10)).astype("f4"), "extra": generator.normal(size=(3, 6)).astype("f4")}]
    work = ready(models.TwoInputs(), batches)
    emitted = work.emitter.emit(work.capabilities.plan())
    assert {type(m) for m in int8_modules(emitted).values()} == {Int8Conv, Int8Linear}
    for reference, result in zip(ADAPTOR.predict(work.handle, batches[0]), ADAPTOR.predict(emitted, batches[0]), strict=True):
        assert sqnr(reference, result) > 25.0


class Views(nn.Module):
    """``view`` after a convolution that nothing separates from it, and a float convolution between."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3), nn.Linear(8 * 16, 4)

    def forward(self, x):
        x = self.b(self.a(x).relu())
        return self.c(x.view(x.shape[0], -1))


@pytest.mark.parametrize("in_float", [(), ("a",), ("b",), ("c",), ("b", "c")])
def test_view_after_a_convolution_works_with_any_fallback(images, sqnr, in_float) -> None:
    work = ready(Views(), images)
    plan = work.capabilities.plan().with_float([op for op in work.capabilities.plan().ops if op.scope in in_float])
    assert sqnr(work.predict(work.handle), work.predict(work.emitter.emit(plan))) > 25.0


class Branches(nn.Module):
    """Which way the tensor goes depends on data."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, x):
        y = self.a(x)
        if float(x.mean()) > 10.0:
            y[:, 0] = 1.0
            return (torch.cat([y, functional.gelu(y)], 1) * 0.5).view(x.shape[0], 16, -1)[:, :8]
        return self.b(functional.relu(y)).flatten(2)


def test_a_way_that_calibration_never_took_still_gives_right_values(images, sqnr) -> None:
    work = ready(Branches(), images)
    emitted = work.emitter.emit(work.capabilities.plan())
    assert emitted.native.a.calls[0].hands_over
    # One pixel makes the mean large and leaves the rest of the image within the calibrated range.
    batch = images[0].copy()
    batch[:, :, 0, 0] = 1e5
    reference, result = ADAPTOR.predict(work.handle, batch)[0], ADAPTOR.predict(emitted, batch)[0]
    inside = np.ones((8, 8), bool)
    inside[:2, :2] = False
    clear = reference.reshape(4, 8, 8, 8)[..., inside], result.reshape(4, 8, 8, 8)[..., inside]
    positive = clear[0] > 0  # what lies below zero was never needed by the consumer, whose range starts there
    assert sqnr(clear[0][positive], clear[1][positive]) > 20.0


def test_calls_of_one_module_have_ranges_of_their_own(models, sqnr) -> None:
    batches = [np.random.default_rng(0).normal(size=(16, 16)).astype(np.float32)]
    work = ready(models.Twice(), batches)
    plan = work.capabilities.plan()
    emitted = work.emitter.emit(plan)
    shared = emitted.native.shared
    assert len(shared.calls) == 2
    assert shared.input_scale[1] > 2 * shared.input_scale[0]
    reference = work.predict(work.handle)
    assert sqnr(reference, work.predict(emitted)) > 30.0
    assert np.array_equal(work.predict(emitted), work.predict(ADAPTOR.copy(emitted))), "calls are counted anew in each pass, also by copies"
    half = work.emitter.emit(plan.with_float([OpId("shared", 1, "Linear")]))
    assert [call.mode for call in half.native.shared.calls] == [Mode.STATIC, Mode.FLOAT]
    assert sqnr(reference, work.predict(half)) > 30.0


def test_a_weight_tied_to_an_embedding_is_quantized_apart(sqnr) -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words = nn.Embedding(20, 16)
            self.out = nn.Linear(16, 20, bias=False)
            self.out.weight = self.words.weight

        def forward(self, tokens):
            return self.out(self.words(tokens))

    batches = [np.random.default_rng(0).integers(0, 20, (4, 6))]
    work = ready(Tied(), batches)
    emitted = work.emitter.emit(work.capabilities.plan())
    assert torch.equal(emitted.native.words.weight, work.handle.native.words.weight)
    assert sqnr(work.predict(work.handle), work.predict(emitted)) > 30.0


def test_a_model_that_is_one_layer_is_replaced_whole(sqnr) -> None:
    work = ready(nn.Linear(16, 8), [np.random.default_rng(0).normal(size=(4, 16)).astype(np.float32)])
    emitted = work.emitter.emit(work.capabilities.plan())
    assert isinstance(emitted.native, Int8Linear)
    assert sqnr(work.predict(work.handle), work.predict(emitted)) > 30.0


def test_an_encoder_layer_calls_its_quantized_modules(sqnr) -> None:
    model = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True).eval()
    batches = [np.random.default_rng(0).normal(size=(4, 5, 16)).astype(np.float32)]
    work = ready(model, batches)
    emitted = work.emitter.emit(work.capabilities.plan())
    assert set(int8_modules(emitted)) == {"linear1", "linear2"}
    with profile(activities=[ProfilerActivity.CPU]) as run:
        result = work.predict(emitted)
    assert {e.key: e.count for e in run.key_averages()}["onednn::qlinear_pointwise"] == 2
    assert sqnr(work.predict(work.handle), result) > 30.0


def test_pruned_weights_stay_zero_and_dead_channels_usable(models, images, sqnr) -> None:
    model = models.trained(models.Chain(), (3, 8, 8))
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                module.weight[torch.rand_like(module.weight) < 0.8] = 0.0
        model[0].weight[3] = 0.0
        model[7].weight[5] = 1e-30
    work = ready(model, images)
    emitted = work.emitter.emit(work.capabilities.plan())
    for path, module in int8_modules(emitted).items():
        original = dict(model.named_modules())[path]
        assert not module.weight_codes[original.weight == 0.0].any()
        bias = 0.0 if module.bias_values is None else (module.bias_values / module.weight_scale / module.input_scale[0]).abs().max()
        assert bias < 2**31
    assert sqnr(work.predict(work.handle), work.predict(emitted)) > 25.0


def test_a_model_in_training_mode_is_calibrated_and_emitted_in_its_mode(models, images, sqnr) -> None:
    model = models.trained(models.Residual(), (3, 8, 8)).train()
    work = ready(model, images)
    emitted = work.emitter.emit(work.capabilities.plan())
    assert model.training
    assert emitted.native.training
    assert sqnr(work.predict(work.handle), work.predict(emitted)) > 30.0


def test_an_operator_that_saw_infinity_stays_in_float_with_a_note(images) -> None:
    class Overflows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(8, 8), nn.Linear(8, 8)

        def forward(self, x):
            return self.b(self.a(x) / torch.zeros_like(x))

    work = ready(Overflows(), [images[0]])
    emitted = work.emitter.emit(work.capabilities.plan())
    assert set(int8_modules(emitted)) == {"a"}
    assert emitted.state.plan.quantized == (OpId("a", 0, "Linear"),)
    assert "b stays in float" in emitted.state.notes[0]


def test_a_module_with_hooks_stays_as_it_is(models, images) -> None:
    model = models.trained(models.Chain(), (3, 8, 8))
    seen = []
    model[3].register_forward_hook(lambda module, args, out: seen.append(out))
    work = ready(model, images)
    emitted = work.emitter.emit(work.capabilities.plan())
    assert "3" not in int8_modules(emitted)
    seen.clear()
    ADAPTOR.predict(emitted, images[0])
    assert len(seen) == 1


def test_statistics_of_other_weights_are_refused(models, images) -> None:
    work = ready(models.trained(models.Residual(), (3, 8, 8)), images)
    statistics = ADAPTOR.observe(work.handle, images, ADAPTOR.wanted(work.capabilities, [work.capabilities.plan()]))
    with torch.no_grad():
        work.handle.native.head.weight.mul_(2.0)
    with pytest.raises(CalibrationError, match="weights have changed"):
        ADAPTOR.emitter(work.handle, statistics, work.capabilities)


def test_weights_of_16_bits_are_refused(models, images) -> None:
    work = ready(models.trained(models.Chain(), (3, 8, 8)), images)
    plan = work.capabilities.plan()
    op = plan.quantized[0]
    wide = attrs.evolve(plan.ops[op], weight=attrs.evolve(plan.ops[op].weight, dtype=IntegerType(16, signed=True)))
    with pytest.raises(PlanError, match="signed codes of 2 to 8 bits"):
        work.emitter.emit(plan.with_ops({op: wide}))


def test_a_plan_for_another_model_is_refused(models, images) -> None:
    work = ready(models.trained(models.Residual(), (3, 8, 8)), images)
    plan = work.capabilities.plan()
    with pytest.raises(PlanError, match=r"unknown: layer9\.conv"):
        work.emitter.emit(plan.with_ops({OpId("layer9.conv"): FLOAT}))
    restricted = ADAPTOR.emitter(work.handle, ADAPTOR.observe(work.handle, images, {}), work.capabilities.restrict(exclude=("conv1",)))
    with pytest.raises(PlanError, match="without an integer kernel: conv1"):
        restricted.emit(plan)


def test_a_range_that_was_not_gathered_is_refused(models, images) -> None:
    work = ready(models.trained(models.Residual(), (3, 8, 8)), images)
    empty = ADAPTOR.emitter(work.handle, ADAPTOR.observe(work.handle, images, {}), work.capabilities)
    with pytest.raises(CalibrationError, match="gathered"):
        empty.emit(work.capabilities.plan())


@pytest.mark.parametrize(
    "change",
    [
        lambda p: attrs.evolve(p, inputs=(attrs.evolve(p.inputs[0], dtype=IntegerType(8, signed=True)),)),
        lambda p: attrs.evolve(p, inputs=()),
        lambda p: attrs.evolve(p, weight=None),
        lambda p: attrs.evolve(p, weight=attrs.evolve(p.weight, dtype=IntegerType(8, signed=False))),
    ],
    ids=["int8 input", "no input", "no weight", "uint8 weight"],
)
def test_what_the_kernels_cannot_do_is_refused(models, images, change) -> None:
    work = ready(models.trained(models.Residual(), (3, 8, 8)), images)
    plan = work.capabilities.plan()
    op = plan.quantized[0]
    with pytest.raises(PlanError, match="stem is planned"):
        work.emitter.emit(plan.with_ops({op: change(plan.ops[op])}))


@pytest.mark.parametrize(("bits", "least"), [(7, 25.0), (4, 8.0)])
def test_weights_of_fewer_bits_and_per_tensor_run_on_the_same_kernels(models, images, sqnr, bits, least) -> None:
    work = ready(models.trained(models.Residual(), (3, 8, 8)), images)
    plan = work.capabilities.plan()
    for changes in ({"dtype": IntegerType(bits, signed=True)}, {"dtype": IntegerType(bits, signed=True), "granularity": PerTensor()}):
        ops = {op: attrs.evolve(plan.ops[op], weight=attrs.evolve(plan.ops[op].weight, **changes)) for op in plan.quantized}
        emitted = work.emitter.emit(plan.with_ops(ops))
        assert all(m.weight_codes.abs().max() < 2 ** (bits - 1) for m in int8_modules(emitted).values())
        assert sqnr(work.predict(work.handle), work.predict(emitted)) > least
