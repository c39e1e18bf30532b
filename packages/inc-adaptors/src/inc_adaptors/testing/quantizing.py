# ruff: noqa: S101 - the suites are tests
"""The laws of ``roles.Quantizes``."""

from __future__ import annotations

import random

import attrs
import numpy as np
import pytest
from inc_config.capabilities import Capabilities
from inc_config.errors import IncError, PlanError
from inc_config.plan import FLOAT, OpId, QuantizationPlan

from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Emitter, Quantizes
from inc_adaptors.statistics.store import Statistics
from inc_adaptors.testing.case import Case, assert_close, assert_same, sqnr_db


@attrs.frozen(eq=False)
class Calibrated:
    """A model with its capabilities and statistics."""

    case: Case
    handle: ModelHandle
    capabilities: Capabilities
    statistics: Statistics

    def emitter(self) -> Emitter:
        """A new emitter."""
        made: Emitter = self.case.adaptor.emitter(self.handle, self.statistics, self.capabilities)
        return made

    @property
    def plan(self) -> QuantizationPlan:
        """Every operator's best option."""
        return self.capabilities.plan()

    @property
    def float_plan(self) -> QuantizationPlan:
        """Every operator in float."""
        return self.plan.with_float(self.plan.quantized)

    def fallbacks(self, count: int) -> list[QuantizationPlan]:
        """Plans with random sets of operators back in float, the same each time."""
        choose = random.Random(0)  # noqa: S311  (not for secrets)
        return [self.plan.with_float(op for op in self.plan.quantized if choose.random() < 0.5) for _ in range(count)]


class QuantizesConformance:
    """Plans become models with real integer kernels."""

    @pytest.fixture
    def calibrated(self, case: Case) -> Calibrated:
        """The case's model, observed over all batches."""
        handle = case.open()
        capabilities = case.capabilities(handle)
        return Calibrated(case, handle, capabilities, case.statistics(handle, capabilities))

    def test_the_adaptor_has_the_role(self, case: Case) -> None:
        """``require`` finds it."""
        assert isinstance(case.adaptor, Quantizes)

    def test_plans_want_statistics_of_their_own_operators_only(self, case: Case, calibrated: Calibrated) -> None:
        """A float plan wants none; more plans never want less."""
        assert case.adaptor.wanted(calibrated.capabilities, (calibrated.float_plan,)) == {}
        all_of_them = case.adaptor.wanted(calibrated.capabilities, (calibrated.plan, calibrated.float_plan))
        assert {key.op for key in all_of_them} <= set(calibrated.plan.ops)
        for plan in calibrated.fallbacks(3):
            fewer = case.adaptor.wanted(calibrated.capabilities, (plan,))
            assert all(specs <= all_of_them[key] for key, specs in fewer.items())

    def test_an_all_float_plan_is_the_original_model(self, case: Case, calibrated: Calibrated) -> None:
        """Within 1e-5."""
        emitted = calibrated.emitter().emit(calibrated.float_plan)
        assert_close(case.outputs(emitted), case.outputs(calibrated.handle))

    def test_the_default_plan_computes_on_integers_and_stays_close(self, case: Case, calibrated: Calibrated) -> None:
        """Other outputs than float's, near them, from a smaller model that carries its plan."""
        emitted = calibrated.emitter().emit(calibrated.plan, final=True)
        reference, got = case.outputs(calibrated.handle), case.outputs(emitted)
        assert case.sqnr_db < sqnr_db(reference, got) < 100.0
        assert case.adaptor.size_bytes(emitted) < case.adaptor.size_bytes(calibrated.handle)
        assert case.adaptor.fingerprint(emitted) != case.adaptor.fingerprint(calibrated.handle)
        assert emitted.framework == case.adaptor.name
        assert emitted.state.plan == calibrated.plan

    def test_emission_leaves_the_original_bit_identical(self, case: Case, calibrated: Calibrated) -> None:
        """Handles are replaced, never changed."""
        before, outputs = case.adaptor.fingerprint(calibrated.handle), case.outputs(calibrated.handle)
        emitted = calibrated.emitter().emit(calibrated.plan)
        case.outputs(emitted)
        assert case.adaptor.fingerprint(calibrated.handle) == before
        assert_same(case.outputs(calibrated.handle), outputs)
        assert calibrated.handle.state.plan is None

    def test_emitting_twice_is_bit_identical(self, case: Case, calibrated: Calibrated) -> None:
        """From one emitter and from two."""
        emitter = calibrated.emitter()
        first, second, other = emitter.emit(calibrated.plan), emitter.emit(calibrated.plan), calibrated.emitter().emit(calibrated.plan)
        assert case.adaptor.fingerprint(first) == case.adaptor.fingerprint(second) == case.adaptor.fingerprint(other)
        assert_same(case.outputs(second), case.outputs(first))
        assert_same(case.outputs(other), case.outputs(first))

    def test_plans_do_not_influence_each_other(self, case: Case, calibrated: Calibrated) -> None:
        """Random fallback sets emitted in two orders equal those from a fresh emitter each; earlier models stay as they were."""
        plans = [*calibrated.fallbacks(4), calibrated.plan, calibrated.float_plan]
        one, two = calibrated.emitter(), calibrated.emitter()
        forward = [one.emit(plan) for plan in plans]
        backward = [two.emit(plan) for plan in reversed(plans)][::-1]
        for plan, left, right in zip(plans, forward, backward, strict=True):
            alone = case.outputs(calibrated.emitter().emit(plan))
            assert_same(case.outputs(left), alone)
            assert_same(case.outputs(right), alone)

    def test_each_operator_in_float_changes_the_model_back(self, case: Case, calibrated: Calibrated) -> None:
        """One operator alone on integers is nearer to float than all of them, and differs from float."""
        emitter = calibrated.emitter()
        reference = case.outputs(calibrated.handle)
        everything = sqnr_db(reference, case.outputs(emitter.emit(calibrated.plan)))
        for op in calibrated.plan.quantized[:4]:
            alone = calibrated.float_plan.with_ops({op: calibrated.plan.ops[op]})
            got = sqnr_db(reference, case.outputs(emitter.emit(alone)))
            assert everything - 3.0 < got < np.inf, op

    def test_a_final_model_computes_what_was_tuned(self, case: Case, calibrated: Calibrated) -> None:
        """Up to rounding ties."""
        emitter = calibrated.emitter()
        for plan in (calibrated.plan, *calibrated.fallbacks(2)):
            tuned, final = case.outputs(emitter.emit(plan)), case.outputs(emitter.emit(plan, final=True))
            assert sqnr_db(tuned, final) > case.sqnr_db + 10.0

    def test_a_plan_for_another_model_is_refused(self, calibrated: Calibrated) -> None:
        """An operator the model does not have."""
        quantized = calibrated.plan.ops[calibrated.plan.quantized[0]]
        stranger = calibrated.plan.with_ops({OpId("no.such.operator", 0, "Conv"): quantized})
        with pytest.raises(PlanError, match=r"no\.such\.operator"):
            calibrated.emitter().emit(stranger)

    def test_an_operator_that_has_only_float_takes_no_integers(self, calibrated: Calibrated) -> None:
        """A plan outside the capabilities is refused."""
        quantized = calibrated.plan.ops[calibrated.plan.quantized[0]]
        only_float = [op.op for op in calibrated.capabilities.ops if op.options == (FLOAT,)]
        for op in only_float[:1]:
            with pytest.raises(PlanError):
                calibrated.emitter().emit(calibrated.plan.with_ops({op: quantized}))

    def test_missing_statistics_are_refused(self, case: Case, calibrated: Calibrated) -> None:
        """A static plan without its ranges."""
        if not case.adaptor.wanted(calibrated.capabilities, (calibrated.plan,)):
            pytest.skip("the default plan of this adaptor needs no statistics")
        nothing = attrs.evolve(calibrated.statistics, values={})
        with pytest.raises(IncError):
            case.adaptor.emitter(calibrated.handle, nothing, calibrated.capabilities).emit(calibrated.plan)

    def test_statistics_of_another_model_are_refused(self, case: Case, calibrated: Calibrated) -> None:
        """The weights have changed since."""
        with pytest.raises(IncError):
            case.adaptor.emitter(case.open(1), calibrated.statistics, calibrated.capabilities).emit(calibrated.plan)
