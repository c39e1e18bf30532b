# ruff: noqa: S101 - the suites are tests
"""The laws of ``roles.MixesPrecision``, on an adaptor and a target of which at least one operator has a 16-bit option."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from inc_config.capabilities import Capabilities
from inc_config.dtypes import BF16, FP16, FloatType
from inc_config.plan import FLOAT, OpId, QuantizationPlan

from inc_adaptors import store
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import MixesPrecision, Stores
from inc_adaptors.testing.case import Case, assert_close, assert_same, sqnr_db

BOTH = (BF16, FP16)
LEAST_DB = 30.0
"""bf16 keeps 8 significant bits of every number: each rounding costs about 50 dB, and many of them add up."""


class MixesPrecisionConformance:
    """16-bit options, and the models that plans with them become."""

    @pytest.fixture
    def handle(self, case: Case) -> ModelHandle:
        """The case's model."""
        return case.open()

    @pytest.fixture
    def mixed(self, case: Case, handle: ModelHandle) -> Capabilities:
        """Its capabilities with 16-bit options."""
        return _half(case, handle, case.capabilities(handle))

    def test_the_adaptor_has_the_role(self, case: Case) -> None:
        """``require`` finds it."""
        assert isinstance(case.adaptor, MixesPrecision)

    def test_options_stand_between_integers_and_float(self, case: Case, handle: ModelHandle, mixed: Capabilities) -> None:
        """Integers first, then what was asked for, float last; the operators are the same, and some have a 16-bit option."""
        before = case.capabilities(handle)
        assert mixed.target == before.target
        assert [op.op for op in mixed.ops] == [op.op for op in before.ops]
        for old, new in zip(before.ops, mixed.ops, strict=True):
            halves = [option for option in new.options if not option.is_quantized and option != FLOAT]
            integers = [option for option in old.options if option.is_quantized]
            assert list(new.options) == [*integers, *halves, FLOAT]
            assert {option.compute_dtype for option in halves} <= set(BOTH)
        assert _lowered(mixed), "the case must have an operator with a 16-bit option"

    def test_only_the_types_that_were_asked_for_are_offered(self, case: Case, handle: ModelHandle) -> None:
        """One type, and none."""
        before = case.capabilities(handle)
        for asked in ((BF16,), (FP16,), ()):
            found = case.adaptor.half(handle, before, asked, batches=case.batches)
            offered = {o.compute_dtype for op in found.ops for o in op.options if not o.is_quantized} - {FloatType.FP32}
            assert offered <= set(asked)

    def test_operators_that_stay_in_float_say_why(self, case: Case, handle: ModelHandle) -> None:
        """Of a description without integers every operator has a 16-bit option or a reason."""
        bare = _without_integers(case.capabilities(handle))
        for op in _half(case, handle, bare).ops:
            assert op.is_lowerable or op.reason is not None, op.op

    def test_excluded_operators_stay_excluded(self, case: Case, handle: ModelHandle, mixed: Capabilities) -> None:
        """Whoever excluded them before."""
        excluded = mixed.restrict(exclude=(".*",))
        assert not excluded.lowerable
        assert not {op.op for op in _half(case, handle, excluded).lowerable} & set(_lowered(mixed))

    def test_a_model_in_16_bits_stays_close_and_keeps_its_types(self, case: Case, handle: ModelHandle, mixed: Capabilities) -> None:
        """Close to float but not float, no larger, with its plan; inputs and outputs keep their types."""
        for dtype in BOTH:
            plan = _plan(mixed, dtype)
            if all(option == FLOAT for option in plan.ops.values()):
                continue
            made = _emitted(case, handle, mixed, plan)
            reference, got = case.outputs(handle), case.outputs(made)
            assert LEAST_DB < sqnr_db(reference, got) < 130.0
            assert [array.dtype for array in got] == [array.dtype for array in reference]
            assert made.signature == handle.signature
            assert case.adaptor.size_bytes(made) < case.adaptor.size_bytes(handle)
            assert made.state.plan == plan

    def test_emission_leaves_the_original_alone(self, case: Case, handle: ModelHandle, mixed: Capabilities) -> None:
        """Handles are replaced, never changed, and float plans are float models."""
        before, outputs = case.adaptor.fingerprint(handle), case.outputs(handle)
        emitter = case.adaptor.emitter(handle, case.statistics(handle, mixed), mixed)
        emitter.emit(_half_plan(mixed))
        plain = emitter.emit(mixed.plan().with_float(mixed.plan().ops))
        assert case.adaptor.fingerprint(handle) == before
        assert_same(case.outputs(handle), outputs)
        assert_close(case.outputs(plain), outputs)

    def test_integers_and_16_bits_share_a_model(self, case: Case, handle: ModelHandle, mixed: Capabilities) -> None:
        """Every operator that can is on integers but one, which is in 16 bits."""
        whole = mixed.plan()
        if not case.adaptor.mixes_with_integers:
            pytest.skip("this adaptor makes models with one of them")
        chosen = next((op for op in _lowered(mixed) if whole.ops[op].is_quantized), None)
        if chosen is None or len(whole.quantized) < 2:
            pytest.skip("no operator of this case has both integers and 16 bits")
        plan = whole.with_ops({chosen: _half_plan(mixed).ops[chosen]})
        made = case.adaptor.emitter(handle, case.statistics(handle, mixed, whole), mixed).emit(plan, final=True)
        assert sqnr_db(case.outputs(handle), case.outputs(made)) > case.sqnr_db
        assert made.state.plan == plan

    def test_a_saved_model_in_16_bits_predicts_bit_identically(
        self, case: Case, handle: ModelHandle, mixed: Capabilities, tmp_path: Path
    ) -> None:
        """Through the real format."""
        if not isinstance(case.adaptor, Stores):
            pytest.skip("this adaptor does not store")
        made = _emitted(case, handle, mixed, _half_plan(mixed))
        store.save(case.adaptor.to_saved(made), tmp_path / "model")
        again = case.adaptor.from_saved(store.load(tmp_path / "model").model, case.make_model(1))
        assert_same(case.outputs(again), case.outputs(made))
        assert again.state.plan == made.state.plan


def _half(case: Case, handle: ModelHandle, capabilities: Capabilities) -> Capabilities:
    found: Capabilities = case.adaptor.half(handle, capabilities, BOTH, batches=case.batches)
    return found


def _lowered(capabilities: Capabilities) -> list[OpId]:
    """Operators with a 16-bit option."""
    return [op.op for op in capabilities.ops if any(not o.is_quantized and o != FLOAT for o in op.options)]


def _plan(capabilities: Capabilities, dtype: FloatType) -> QuantizationPlan:
    return capabilities.plan(lambda option: option.compute_dtype is dtype)


def _half_plan(capabilities: Capabilities) -> QuantizationPlan:
    """Every operator in its first 16-bit type."""
    return capabilities.plan(lambda option: not option.is_quantized)


def _emitted(case: Case, handle: ModelHandle, capabilities: Capabilities, plan: QuantizationPlan) -> ModelHandle:
    made: ModelHandle = case.adaptor.emitter(handle, case.statistics(handle, capabilities, plan), capabilities).emit(plan, final=True)
    return made


def _without_integers(capabilities: Capabilities) -> Capabilities:
    bare = (attrs.evolve(op, options=(FLOAT,), reason=None) if op.is_quantizable else op for op in capabilities.ops)
    return attrs.evolve(capabilities, ops=tuple(bare))
