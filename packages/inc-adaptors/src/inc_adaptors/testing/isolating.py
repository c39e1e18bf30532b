# ruff: noqa: S101 - the suites are tests
"""The laws of ``roles.Isolates``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Self

import attrs
import numpy as np
import pytest
from inc_config.plan import OpId

from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Isolates, Isolation
from inc_adaptors.testing.case import Case, Outputs, assert_close, sqnr_db
from inc_adaptors.testing.quantizing import Calibrated

_LEAST_DB = 20.0
"""How far below an operator's own noise two ways to compute it may differ: codes at the edge of two may fall either way."""
_EXACT_DB = 80.0


@attrs.frozen(eq=False)
class Alone:
    """A calibrated model, its emitter, and all operators of its default plan in isolation."""

    calibrated: Calibrated
    emitter: Isolates
    isolation: Isolation

    @classmethod
    def of(cls, case: Case) -> Self:
        """Everything of a case's default plan; to be closed."""
        handle = case.open()
        capabilities = case.capabilities(handle)
        calibrated = Calibrated(case, handle, capabilities, case.statistics(handle, capabilities))
        emitter = calibrated.emitter()
        assert isinstance(emitter, Isolates)
        isolation = emitter.isolation(calibrated.plan, calibrated.plan.quantized)
        assert isolation is not None
        return cls(calibrated, emitter, isolation)

    def whole(self, op: OpId) -> ModelHandle:
        """A model of its own in which only ``op`` is on integers."""
        plan = self.calibrated.plan
        return self.emitter.emit(plan.with_float(set(plan.quantized) - {op}))

    def outputs(self, op: OpId) -> Outputs:
        """Over all batches."""
        case, alone = self.calibrated.case, self.isolation.alone(op)
        parts = [alone(self.isolation.floats(batch, (op,))) for batch in case.batches]
        return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


class IsolatesConformance:
    """One operator on integers, without a model of its own."""

    @pytest.fixture
    def alone(self, case: Case) -> Iterator[Alone]:
        """Everything of the default plan."""
        made = Alone.of(case)
        with closing(made.isolation):
            yield made

    def test_an_operator_alone_makes_the_noise_that_it_makes_in_a_model_of_its_own(self, case: Case, alone: Alone) -> None:
        """Operators that have no integer form alone are those without effect."""
        reference = case.outputs(alone.calibrated.handle)
        assert alone.isolation.ops
        for op in alone.calibrated.plan.quantized:
            expected = case.outputs(alone.whole(op))
            if op not in alone.isolation.ops:
                assert_close(expected, reference)
                continue
            noise_db = sqnr_db(reference, expected)
            assert sqnr_db(expected, alone.outputs(op)) > min(noise_db + _LEAST_DB, max(noise_db, _EXACT_DB)), op

    def test_the_float_run_is_the_original_model(self, case: Case, alone: Alone) -> None:
        """Within 1e-5, whatever operators it is for."""
        for batch in case.batches[:2]:
            for ops in ((), alone.isolation.ops):
                assert_close(alone.isolation.floats(batch, ops).outputs, case.adaptor.predict(alone.calibrated.handle, batch))

    def test_one_float_run_serves_many_operators(self, case: Case, alone: Alone) -> None:
        """In any order, and as if it were theirs alone."""
        shared = alone.isolation.floats(case.batches[0], alone.isolation.ops)
        for op in reversed(alone.isolation.ops):
            run = alone.isolation.alone(op)
            assert_close(run(shared), run(alone.isolation.floats(case.batches[0], (op,))), tolerance=1e-6)
