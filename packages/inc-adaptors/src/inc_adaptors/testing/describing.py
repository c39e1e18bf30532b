# ruff: noqa: S101 - the suites are tests
"""The laws of ``roles.Describes``."""

from __future__ import annotations

from inc_config.plan import FLOAT

from inc_adaptors.roles import Describes
from inc_adaptors.testing.case import Case, assert_same


class DescribesConformance:
    """What can be done with each operator."""

    def test_the_adaptor_has_the_role(self, case: Case) -> None:
        """``require`` finds it."""
        assert isinstance(case.adaptor, Describes)

    def test_capabilities_are_the_same_for_the_same_model(self, case: Case) -> None:
        """Asked twice, of a copy, and of a fresh model with other weights' operators."""
        handle = case.open()
        found = case.capabilities(handle)
        assert case.capabilities(handle) == found
        assert case.capabilities(case.adaptor.copy(handle)) == found
        assert [op.op for op in case.capabilities(case.open(1)).ops] == [op.op for op in found.ops]

    def test_capabilities_say_what_they_are_for(self, case: Case) -> None:
        """The target that was asked about; each operator once; at least one has integers."""
        found = case.capabilities(case.open())
        assert found.target == case.adaptor.target()
        assert len({op.op for op in found.ops}) == len(found.ops)
        assert found.quantizable

    def test_every_operator_can_stay_in_float_and_says_why_it_must(self, case: Case) -> None:
        """Distinct options that end with the float plan; a reason where it is the only one."""
        for op in case.capabilities(case.open()).ops:
            assert op.options[-1] == FLOAT
            assert len(set(op.options)) == len(op.options)
            assert op.is_quantizable or op.reason is not None, op.op

    def test_the_default_plan_covers_every_operator(self, case: Case) -> None:
        """And takes each one's best option."""
        found = case.capabilities(case.open())
        assert dict(found.plan().ops) == {op.op: op.options[0] for op in found.ops}

    def test_describing_leaves_the_model_bit_identical(self, case: Case) -> None:
        """No hooks stay behind."""
        handle = case.open()
        before, outputs = case.adaptor.fingerprint(handle), case.outputs(handle)
        case.capabilities(handle)
        assert case.adaptor.fingerprint(handle) == before
        assert_same(case.outputs(handle), outputs)
