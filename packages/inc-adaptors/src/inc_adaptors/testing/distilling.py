# ruff: noqa: S101 - the suites are tests
"""The laws of ``roles.Distills``."""

from __future__ import annotations

import math

import numpy as np
import pytest
from inc_config.errors import IncError

from inc_adaptors.batches import to_numpy
from inc_adaptors.roles import Distills
from inc_adaptors.testing.case import Case

# At T = 2 the student's softmax(s / T) is (1/4, 3/4) and the teacher's (1/2, 1/2):
#   KL  = 1/2 ln((1/2)/(1/4)) + 1/2 ln((1/2)/(3/4)) = 1/2 ln(4/3)        times T^2 = 4: 2 ln(4/3)
#   CE  = -1/2 ln(1/4) - 1/2 ln(3/4)                = 1/2 ln(16/3)       times T^2 = 4: 2 ln(16/3)
#   MSE = mean of (0, 2 ln 3)^2                     = 2 (ln 3)^2         on the logits
STUDENT = np.array([[0.0, 2.0 * math.log(3.0)]], np.float32)
TEACHER = np.zeros((1, 2), np.float32)
GOLDEN = {"kl": 2.0 * math.log(4.0 / 3.0), "ce": 2.0 * math.log(16.0 / 3.0), "mse": 2.0 * math.log(3.0) ** 2}


class DistillsConformance:
    """Soft-target losses."""

    def test_the_adaptor_has_the_role(self, case: Case) -> None:
        """``require`` finds it."""
        assert isinstance(case.adaptor, Distills)

    @pytest.mark.parametrize("kind", sorted(GOLDEN))
    def test_the_loss_is_the_formulas(self, case: Case, kind: str) -> None:
        """Worked out by hand above."""
        assert _loss(case, kind, STUDENT, TEACHER) == pytest.approx(GOLDEN[kind], rel=1e-5)

    @pytest.mark.parametrize("kind", ["kl", "mse"])
    def test_the_loss_is_a_mean_over_samples(self, case: Case, kind: str) -> None:
        """A second sample on which student and teacher agree halves it."""
        students, teachers = np.concatenate([STUDENT, STUDENT]), np.concatenate([TEACHER, STUDENT])
        assert _loss(case, kind, students, teachers) == pytest.approx(GOLDEN[kind] / 2.0, rel=1e-5)

    @pytest.mark.parametrize("kind", ["kl", "ce"])
    def test_adding_a_constant_to_all_logits_changes_nothing(self, case: Case, kind: str) -> None:
        """Also far out, where an exponential taken first would overflow."""
        assert _loss(case, kind, STUDENT + 1e4, TEACHER - 1e4) == pytest.approx(GOLDEN[kind], rel=1e-2)

    def test_a_loss_that_is_not_known_is_refused(self, case: Case) -> None:
        """By name, before training."""
        with pytest.raises(IncError, match="hinge"):
            case.adaptor.soft_target_loss("hinge", temperature=2.0)


def _loss(case: Case, kind: str, student: np.ndarray, teacher: np.ndarray) -> float:
    loss = case.adaptor.soft_target_loss(kind, temperature=2.0)
    return float(to_numpy(loss(case.to_native(student), case.to_native(teacher))))
