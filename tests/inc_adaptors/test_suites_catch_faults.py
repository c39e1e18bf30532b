"""The conformance suites fail for adaptors with the faults they are there to find."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import attrs
import numpy as np
import pytest
from inc_adaptors.handle import ModelHandle
from inc_adaptors.statistics.protocol import StatisticSpec
from inc_adaptors.testing import (
    AccessesWeightsConformance,
    AdaptorConformance,
    Case,
    DescribesConformance,
    DistillsConformance,
    IsolatesConformance,
    MixesPrecisionConformance,
    ObservesConformance,
    PlainTraining,
    QuantizesConformance,
    StoresConformance,
    TrainsConformance,
)
from inc_adaptors.testing.isolating import Alone
from inc_adaptors.testing.quantizing import Calibrated
from inc_config.capabilities import Capabilities
from inc_config.dtypes import BF16, FP16
from inc_config.plan import OpId, TensorKey
from toy_adaptor import ToyAdaptor
from toy_emitter import ToyEmitter
from toy_graph import Relu, ToyModel, perceptron
from toy_tape import GradientDescent, cross_entropy
from toy_weights import ToyWeights

Broken = type[ToyAdaptor]


def _case(adaptor: ToyAdaptor) -> Case:
    rng = np.random.default_rng(0)
    batches = tuple(rng.normal(size=(size, 32)).astype(np.float32) for size in (4, 3, 5, 4))
    loader = [(rng.normal(size=(8, 32)).astype(np.float32), rng.integers(0, 10, 8)) for _ in range(4)]
    return Case(
        adaptor=adaptor,
        make_model=lambda seed: perceptron((32, 128, 64, 10), seed),
        batches=batches,
        misfit=batches[0][:, 1:],
        training=lambda: PlainTraining(loader=loader, loss=cross_entropy, optimizer=lambda found: GradientDescent(found, 0.05)),
    )


def _wanted(case: Case) -> Any:
    return {TensorKey(op.op, "input:0"): frozenset({StatisticSpec("range")}) for op in case.capabilities(case.open()).quantizable}


def _calibrated(case: Case) -> Calibrated:
    handle = case.open()
    capabilities = case.capabilities(handle)
    return Calibrated(case, handle, capabilities, case.statistics(handle, capabilities))


class CountsItsCalls(ToyAdaptor):
    def predict(self, handle: ModelHandle, inputs: Any) -> Any:
        outputs = super().predict(handle, inputs)
        first = handle.native.operators["fc0"]
        first.bias.value = first.bias.value + np.float32(1e-3)
        return outputs


class NormalizesOverTheBatch(ToyAdaptor):
    def predict(self, handle: ModelHandle, inputs: Any) -> Any:
        (output,) = super().predict(handle, inputs)
        return (output - output.mean(axis=0),)


class CopiesNothing(ToyAdaptor):
    def copy(self, handle: ModelHandle) -> ModelHandle:
        return handle


class ForgetsReasons(ToyAdaptor):
    def capabilities(self, handle: ModelHandle, target: Any, *, batches: Iterable[Any] = ()) -> Capabilities:
        found = super().capabilities(handle, target)
        return attrs.evolve(found, ops=tuple(attrs.evolve(op, reason=None) for op in found.ops))


class KeepsBatches(ToyAdaptor):
    def observe(self, handle: ModelHandle, batches: Iterable[Any], *args: Any, **kwargs: Any) -> Any:
        return super().observe(handle, list(batches), *args, **kwargs)


class ReadsTwice(ToyAdaptor):
    def observe(self, handle: ModelHandle, batches: Iterable[Any], *args: Any, **kwargs: Any) -> Any:
        next(iter(batches), None)
        return super().observe(handle, batches, *args, **kwargs)


class NeverQuantizes(ToyAdaptor):
    def emitter(self, handle: ModelHandle, *args: Any) -> Any:
        class Emitter(ToyEmitter):
            def emit(self, plan: Any, *, final: bool = False) -> ModelHandle:
                emitted = super().emit(plan, final=final)
                return attrs.evolve(handle, state=emitted.state)

        return Emitter(handle, args[0], self.fingerprint(handle))


class LosesActivations(ToyAdaptor):
    """Drops what the integer clamp would cover, also where the operator is back in float."""

    def emitter(self, handle: ModelHandle, *args: Any) -> Any:
        class Emitter(ToyEmitter):
            def emit(self, plan: Any, *, final: bool = False) -> ModelHandle:
                emitted = super().emit(plan, final=final)
                kept = {name: op for name, op in emitted.native.operators.items() if not (final and isinstance(op, Relu))}
                return attrs.evolve(emitted, native=ToyModel(kept))

        return Emitter(handle, args[0], self.fingerprint(handle))


class QuantizesInPlace(ToyAdaptor):
    def emitter(self, handle: ModelHandle, *args: Any) -> Any:
        class Emitter(ToyEmitter):
            def emit(self, plan: Any, *, final: bool = False) -> ModelHandle:
                emitted = super().emit(plan.with_float(op for op in plan.quantized if op.scope in self.done), final=final)
                self.done |= {op.scope for op in plan.quantized}
                return emitted

            done: set[str] = set()  # noqa: RUF012  (the fault: state shared between emissions)

        return Emitter(handle, args[0], self.fingerprint(handle))


class LeavesTheOthersOnIntegers(ToyAdaptor):
    def emitter(self, handle: ModelHandle, *args: Any) -> Any:
        class Emitter(ToyEmitter):
            def isolation(self, plan: Any, ops: Any) -> Any:
                made = super().isolation(plan, ops)
                made.alone = lambda op: lambda run: (self.emit(plan).native(run.feed["x"]).value,)  # type: ignore[method-assign]  # the fault
                return made

        return Emitter(handle, args[0], self.fingerprint(handle))


class OffersWhatNobodyAskedFor(ToyAdaptor):
    def half(self, handle: ModelHandle, capabilities: Capabilities, precisions: Any, **more: Any) -> Capabilities:
        return super().half(handle, capabilities, (BF16, FP16), **more)


class OffersWhatIsExcluded(ToyAdaptor):
    def half(self, handle: ModelHandle, capabilities: Capabilities, precisions: Any, **more: Any) -> Capabilities:
        bare = attrs.evolve(capabilities, ops=tuple(attrs.evolve(op, reason=None) for op in capabilities.ops))
        return super().half(handle, bare, precisions, **more)


class LeavesWeightsInFloat(ToyAdaptor):
    def emitter(self, handle: ModelHandle, *args: Any) -> Any:
        class Emitter(ToyEmitter):
            def emit(self, plan: Any, *, final: bool = False) -> ModelHandle:
                made = super().emit(plan.with_float(plan.ops), final=final)
                return attrs.evolve(made, state=attrs.evolve(made.state, plan=plan))

        return Emitter(handle, args[0], self.fingerprint(handle))


class _Hooks:
    def __init__(self, hooks: Any, replaced: str, result: Callable[..., Any]) -> None:
        self.hooks, self.replaced, self.result = hooks, replaced, result

    def __getattr__(self, name: str) -> Any:
        return self.result if name == self.replaced else getattr(self.hooks, name)


class SkipsAHook(ToyAdaptor):
    def train(self, handle: ModelHandle, training: Any, hooks: Any, **kwargs: Any) -> ModelHandle:
        return super().train(handle, training, _Hooks(hooks, "on_step_end", lambda: None), **kwargs)


class IgnoresTheHooksLoss(ToyAdaptor):
    def train(self, handle: ModelHandle, training: Any, hooks: Any, **kwargs: Any) -> ModelHandle:
        return super().train(handle, training, _Hooks(hooks, "on_after_compute_loss", lambda i, o, loss, t: loss), **kwargs)


class MasksTheWrongElements(ToyAdaptor):
    def weights(self, handle: ModelHandle) -> ToyWeights:
        class Shifted(ToyWeights):
            def set_masks(self, masks: Any) -> None:
                super().set_masks({name: np.roll(mask, 1, axis=1) for name, mask in masks.items()})

        return Shifted(handle.native, handle.state.masks)


class NeverDecays(ToyAdaptor):
    def weights(self, handle: ModelHandle) -> ToyWeights:
        class Adds(ToyWeights):
            def accumulate_scores(self, criterion: str, *, decay: float) -> None:
                super().accumulate_scores(criterion, decay=1.0)

        return Adds(handle.native, handle.state.masks)


class ForgetsTheSquaredTemperature(ToyAdaptor):
    def soft_target_loss(self, kind: str, *, temperature: float) -> Any:
        loss = super().soft_target_loss(kind, temperature=temperature)
        return lambda student, teacher: loss(student, teacher) * (1.0 / temperature**2)


class SavesNoPlan(ToyAdaptor):
    def to_saved(self, handle: ModelHandle) -> Any:
        return super().to_saved(attrs.evolve(handle, state=attrs.evolve(handle.state, plan=None)))


def _law(suite: Any, name: str, *extra: str) -> Callable[[Case, Any], None]:
    def run(case: Case, tmp_path: Any) -> None:
        makers: dict[str, Callable[[], Any]] = {
            "case": lambda: case,
            "wanted": lambda: _wanted(case),
            "calibrated": lambda: _calibrated(case),
            "handle": case.open,
            "alone": lambda: Alone.of(case),
            "mixed": lambda: case.adaptor.half(case.open(), case.capabilities(case.open()), (BF16, FP16), batches=case.batches),
            "tmp_path": lambda: tmp_path,
            "kl": lambda: "kl",
        }
        getattr(suite(), name)(*(makers[argument]() for argument in extra))

    return run


FAULTS: list[tuple[Broken, Callable[[Case, Any], None]]] = [
    (CountsItsCalls, _law(AdaptorConformance, "test_predict_leaves_the_model_bit_identical", "case")),
    (NormalizesOverTheBatch, _law(AdaptorConformance, "test_predict_runs_in_evaluation_mode", "case")),
    (CopiesNothing, _law(AdaptorConformance, "test_a_copy_keeps_everything_and_shares_nothing", "case")),
    (CopiesNothing, _law(TrainsConformance, "test_training_a_copy_leaves_the_original_bit_identical", "case")),
    (CopiesNothing, _law(AccessesWeightsConformance, "test_masking_a_copy_leaves_the_original_bit_identical", "case")),
    (ForgetsReasons, _law(DescribesConformance, "test_every_operator_can_stay_in_float_and_says_why_it_must", "case")),
    (KeepsBatches, _law(ObservesConformance, "test_batches_are_let_go", "case", "wanted")),
    (ReadsTwice, _law(ObservesConformance, "test_a_source_that_can_be_read_once_is_enough", "case", "wanted")),
    (NeverQuantizes, _law(QuantizesConformance, "test_the_default_plan_computes_on_integers_and_stays_close", "case", "calibrated")),
    (LosesActivations, _law(QuantizesConformance, "test_a_final_model_computes_what_was_tuned", "case", "calibrated")),
    (QuantizesInPlace, _law(QuantizesConformance, "test_plans_do_not_influence_each_other", "case", "calibrated")),
    (QuantizesInPlace, _law(QuantizesConformance, "test_emitting_twice_is_bit_identical", "case", "calibrated")),
    (
        LeavesTheOthersOnIntegers,
        _law(IsolatesConformance, "test_an_operator_alone_makes_the_noise_that_it_makes_in_a_model_of_its_own", "case", "alone"),
    ),
    (OffersWhatNobodyAskedFor, _law(MixesPrecisionConformance, "test_only_the_types_that_were_asked_for_are_offered", "case", "handle")),
    (OffersWhatIsExcluded, _law(MixesPrecisionConformance, "test_excluded_operators_stay_excluded", "case", "handle", "mixed")),
    (
        LeavesWeightsInFloat,
        _law(MixesPrecisionConformance, "test_a_model_in_16_bits_stays_close_and_keeps_its_types", "case", "handle", "mixed"),
    ),
    (SkipsAHook, _law(TrainsConformance, "test_hooks_are_called_in_the_documented_order", "case")),
    (IgnoresTheHooksLoss, _law(TrainsConformance, "test_the_loss_that_hooks_return_is_the_one_differentiated", "case")),
    (MasksTheWrongElements, _law(AccessesWeightsConformance, "test_masks_zero_what_they_cut_and_nothing_else", "case")),
    (NeverDecays, _law(AccessesWeightsConformance, "test_snip_momentum_decays_what_it_gathered", "case")),
    (ForgetsTheSquaredTemperature, _law(DistillsConformance, "test_the_loss_is_the_formulas", "case", "kl")),
    (SavesNoPlan, _law(StoresConformance, "test_a_quantized_model_comes_back_with_its_plan", "case", "tmp_path")),
]


@pytest.mark.parametrize(("broken", "law"), FAULTS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_fault_is_found_and_the_sound_adaptor_is_not_blamed(broken: Broken, law: Any, tmp_path: Any) -> None:
    law(_case(ToyAdaptor()), tmp_path / "sound")
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        law(_case(broken()), tmp_path / "broken")


def test_the_ids_of_operators_are_those_of_the_callers_model() -> None:
    case = _case(ToyAdaptor())
    assert [op.op for op in case.capabilities(case.open()).quantizable] == [OpId(f"fc{index}", 0, "Linear") for index in range(3)]
