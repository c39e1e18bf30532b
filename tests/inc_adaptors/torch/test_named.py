from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from inc_adaptors.roles import NamesTraining, require
from inc_adaptors.torch.adaptor import TorchAdaptor
from inc_config.errors import StepError
from inc_config.named import Named
from inc_config.training import LOSSES, OPTIMIZERS

NAMES = require(TorchAdaptor(), NamesTraining, step="test")
LOGITS = torch.tensor([[0.0, math.log(3.0)]])  # softmax: 1/4, 3/4
VALUES, TARGETS = torch.tensor([[1.0], [4.0]]), torch.tensor([2, 2])


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_of_the_vocabulary_is_known(name: str) -> None:
    assert callable(NAMES.loss_named(Named(name)))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_of_the_vocabulary_takes_a_step(name: str) -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = NAMES.optimizer_named(Named(name, {"learning_rate": 0.1}))([weight])
    weight.sum().backward()
    optimizer.step()
    assert (weight < 1.0).all()


@pytest.mark.parametrize(
    ("named", "outputs", "targets", "expected"),
    [
        (Named("cross_entropy"), LOGITS, torch.tensor([1], dtype=torch.int32), math.log(4.0 / 3.0)),
        (Named("cross_entropy"), {"logits": LOGITS}, torch.tensor([[0.0, 1.0]]), math.log(4.0 / 3.0)),
        # Half of the mass is spread evenly: 3/4 on class 1 and 1/4 on class 0.
        (Named("cross_entropy", {"label_smoothing": 0.5}), LOGITS, torch.tensor([1]), 0.75 * math.log(4 / 3) + 0.25 * math.log(4)),
        (Named("nll"), LOGITS.log_softmax(-1), torch.tensor([1], dtype=torch.uint8), math.log(4.0 / 3.0)),
        (Named("mse"), VALUES, TARGETS, (1.0 + 4.0) / 2),
        (Named("mse", {"reduction": "sum"}), VALUES, TARGETS, 5.0),
        (Named("l1"), VALUES, TARGETS, (1.0 + 2.0) / 2),
        (Named("smooth_l1"), VALUES, TARGETS, (0.5 + 1.5) / 2),
        (Named("bce_with_logits"), torch.zeros(2, 1), torch.tensor([0, 1]), math.log(2.0)),
    ],
)
def test_a_loss_is_what_its_name_says(named: Named, outputs: Any, targets: torch.Tensor, expected: float) -> None:
    assert NAMES.loss_named(named)(outputs, targets).item() == pytest.approx(expected, rel=1e-6)


def test_an_optimizer_has_its_arguments() -> None:
    sgd = NAMES.optimizer_named(Named("sgd", {"learning_rate": 0.5, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}))
    group = sgd([torch.nn.Parameter(torch.ones(1))]).param_groups[0]
    assert (group["lr"], group["momentum"], group["nesterov"], group["weight_decay"]) == (0.5, 0.9, True, 0.1)
    adamw = NAMES.optimizer_named(Named("adamw", {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3, "amsgrad": True}))
    group = adamw([torch.nn.Parameter(torch.ones(1))]).param_groups[0]
    assert (group["betas"], group["eps"], group["amsgrad"], group["weight_decay"]) == ((0.8, 0.9), 1e-3, True, 0.01)


@pytest.mark.parametrize(
    ("call", "named", "what"),
    [
        (NAMES.loss_named, Named("hinge"), "Unknown loss 'hinge'"),
        (NAMES.loss_named, Named("mse", {"reduction": "none"}), "Unknown reduction 'none'"),
        (NAMES.loss_named, Named("nll", {"weight": 1}), "nll has no argument 'weight'"),
        (NAMES.optimizer_named, Named("lamb"), "Unknown optimizer 'lamb'"),
        (NAMES.optimizer_named, Named("adam", {"lr": 1}), "adam has no argument 'lr'"),
        (NAMES.optimizer_named, Named("sgd", {"learning_rate": -1.0}), "sgd: Invalid learning rate"),
        (NAMES.optimizer_named, Named("adam", {"learning_rate": "fast"}), "adam: "),
    ],
)
def test_what_torch_does_not_have_is_refused_before_training(call: Any, named: Named, what: str) -> None:
    with pytest.raises(StepError, match=what) as caught:
        call(named)
    assert caught.value.fix
