from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
from inc_adaptors.torch.distill import Teacher, logits_of, soft_target_loss
from inc_config.errors import ModelError, StepError
from torch import nn

# Two samples, three classes, T = 2. Sample 1: student/T = (0, 0, 0) so q = 1/3 each; teacher/T = (ln 2, 0, 0) so p = (1/2, 1/4, 1/4).
# Sample 2: both equal p = q = (1/2, 1/4, 1/4), whose cross-entropy is its entropy H = 1/2 ln 2 + 2/4 ln 4 = 3/2 ln 2.
STUDENT = torch.tensor([[0.0, 0.0, 0.0], [2 * math.log(2), 0.0, 0.0]])
TEACHER = torch.tensor([[2 * math.log(2), 0.0, 0.0], [2 * math.log(2), 0.0, 0.0]])
ENTROPY = 1.5 * math.log(2)
GOLDEN = {
    "ce": 4 * (math.log(3) + ENTROPY) / 2,  # sample 1: -sum p ln(1/3) = ln 3
    "kl": 4 * (math.log(3) - ENTROPY + 0.0) / 2,
    "mse": (2 * math.log(2)) ** 2 / 6,  # one of six logits differs
}


@pytest.mark.parametrize("kind", GOLDEN)
def test_losses_equal_their_formulas(kind: str) -> None:
    assert float(soft_target_loss(kind, temperature=2.0)(STUDENT, TEACHER)) == pytest.approx(GOLDEN[kind], rel=1e-5)


@pytest.mark.parametrize("kind", ["ce", "kl"])
def test_gradients_are_those_of_the_softened_distributions(kind: str) -> None:
    # Both have the gradient T^2 / N * (q - p) / T in the student's logits; the teacher gets none.
    student, teacher = STUDENT.clone().requires_grad_(), TEACHER.clone().requires_grad_()
    soft_target_loss(kind, temperature=2.0)(student, teacher).backward()
    expected = 4 / 2 * ((STUDENT / 2).softmax(-1) - (TEACHER / 2).softmax(-1)) / 2
    assert torch.allclose(student.grad, expected, atol=1e-6)
    assert teacher.grad is None


def test_sequences_are_averaged_over_positions() -> None:
    loss = soft_target_loss("kl", temperature=2.0)
    stacked = loss(STUDENT.view(1, 2, 3), TEACHER.view(1, 2, 3))
    assert float(stacked) == pytest.approx(GOLDEN["kl"], rel=1e-5)


def test_logits_are_found_in_outputs_of_every_form() -> None:
    for outputs in (STUDENT, (torch.tensor([1]), STUDENT), {"loss": TEACHER[0, 0], "logits": STUDENT}, SimpleNamespace(logits=STUDENT)):
        assert logits_of(outputs) is STUDENT
    with pytest.raises(ModelError, match="no logits"):
        logits_of({"tokens": torch.tensor([1])})


def test_outputs_of_different_shapes_are_refused() -> None:
    with pytest.raises(ModelError, match=r"\(2, 3\) and \(2, 2\)"):
        soft_target_loss("mse", temperature=1.0)(STUDENT, TEACHER[:, :2])


@pytest.mark.parametrize(("kind", "temperature"), [("cosine", 1.0), ("kl", 0.0), ("kl", -1.0), ("ce", math.nan)])
def test_impossible_losses_are_refused(kind: str, temperature: float) -> None:
    with pytest.raises(StepError):
        soft_target_loss(kind, temperature=temperature)


def test_a_teacher_runs_in_evaluation_mode_without_gradients_and_leaves_the_model_its_mode() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.9), nn.BatchNorm1d(4)).train()
    teacher = Teacher(model)
    x = torch.rand(8, 4)
    assert torch.equal(teacher(x), teacher(x))
    assert not teacher(x).requires_grad
    assert model.training
    assert int(model[2].num_batches_tracked) == 0
