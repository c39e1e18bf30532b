"""Training steps in a loop of the user's own."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from inc_config.errors import IncError, StepError
from inc_orchestrate import Compression, Distill, PipelineError, Prune, Quantize, prepare
from torch import nn


def train(compression: Compression, digits: Any, *, start: int = 0, stop: int = 20) -> None:
    """A loop as users write it; stochastic gradient descent without state, so that it can be cut in two."""
    model = compression.model
    model.train()
    optimizer = torch.optim.SGD([*model.parameters(), *compression.extra_parameters], lr=0.05)
    for step in range(start, stop):
        inputs, targets = digits.train[step]
        compression.hooks.on_step_begin(step)
        optimizer.zero_grad()
        outputs = model(inputs)
        loss = nn.functional.cross_entropy(outputs, targets)
        loss = compression.hooks.on_after_compute_loss(inputs, outputs, loss)
        loss.backward()
        compression.hooks.on_before_optimizer_step()
        optimizer.step()
        compression.hooks.on_after_optimizer_step()


def test_in_place_changes_the_users_own_module(model: nn.Module, digits: Any) -> None:
    compression = prepare(model, [Prune(target_sparsity=0.5, end_step=10)])
    assert compression.model is model
    train(compression, digits)
    handle = compression.finish()
    assert handle.native is model
    zeros = sum(int((model.get_parameter(name) == 0).sum()) for name in handle.state.masks)
    assert zeros == int(0.5 * sum(mask.size for mask in handle.state.masks.values()))


def test_a_copy_leaves_the_users_module_alone(model: nn.Module, digits: Any) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    compression = prepare(model, [Prune(target_sparsity=0.5, end_step=10)], in_place=False)
    train(compression, digits)
    compression.finish()
    assert compression.model is not model
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_prune_and_distill_share_the_loop(model: nn.Module, trained: nn.Module, digits: Any) -> None:
    teacher = copy.deepcopy(trained)
    compression = prepare(
        model, [Prune(target_sparsity=0.3), Distill(teacher=teacher, student_weight=0.0, teacher_weight=1.0)], total_steps=20
    )
    inputs, targets = digits.train[0]
    outputs = model(inputs)
    # The student still equals its teacher, so the divergence is zero and the weight on the task's loss is zero too.
    loss = compression.hooks.on_after_compute_loss(inputs, outputs, nn.functional.cross_entropy(outputs, targets))
    assert loss.item() == pytest.approx(0.0, abs=1e-5)
    # Kullback-Leibler divergence to a uniform teacher, T = 4, by hand: T^2 (log 10 minus the entropy bound) computed with numpy.
    uniform = torch.zeros_like(outputs)
    given = compression.hooks.on_after_compute_loss(inputs, outputs, nn.functional.cross_entropy(outputs, targets), uniform).item()
    logits = outputs.detach().numpy().astype(np.float64) / 4
    log_q = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    assert given == pytest.approx(16 * np.mean((0.1 * (np.log(0.1) - log_q)).sum(axis=1)), rel=1e-4)
    train(compression, digits)
    compression.finish()


def test_a_checkpoint_continues_the_schedule(model: nn.Module, digits: Any) -> None:
    step = Prune(target_sparsity=0.6, end_step=15, frequency=2)
    whole = prepare(copy.deepcopy(model), [step])
    train(whole, digits)
    expected = whole.finish()

    first = prepare(copy.deepcopy(model), [step])
    train(first, digits, stop=8)
    arrays, weights = first.state_arrays(), copy.deepcopy(first.model.state_dict())
    resumed_model = copy.deepcopy(model)
    resumed_model.load_state_dict(weights)
    second = prepare(resumed_model, [step], state=arrays)
    train(second, digits, start=8)
    handle = second.finish()

    assert sorted(handle.state.masks) == sorted(expected.state.masks)
    for name, mask in handle.state.masks.items():
        np.testing.assert_array_equal(mask, expected.state.masks[name])
    for name, value in handle.native.state_dict().items():
        torch.testing.assert_close(value, expected.native.state_dict()[name])


def test_finish_before_the_required_hooks_is_an_error(model: nn.Module) -> None:
    compression = prepare(model, [Prune(target_sparsity=0.5, end_step=10)])
    compression.hooks.on_step_begin(0)
    with pytest.raises(StepError, match="never called on_before_optimizer_step"):
        compression.finish()


def test_a_loop_that_only_shows_the_loss_gives_the_same_sparsity(model: nn.Module, digits: Any) -> None:
    compression = prepare(model, [Prune(target_sparsity=0.5, end_step=4)])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for inputs, targets in digits.train[:6]:
        optimizer.zero_grad()
        outputs = model(inputs)
        # Masks are due here, but the gradients still need the weights of the forward pass.
        compression.hooks.on_after_compute_loss(inputs, outputs, nn.functional.cross_entropy(outputs, targets)).backward()
        compression.hooks.on_before_optimizer_step()
        optimizer.step()
    handle = compression.finish()
    zeros = sum(int((model.get_parameter(name) == 0).sum()) for name in handle.state.masks)
    assert zeros == int(0.5 * sum(mask.size for mask in handle.state.masks.values()))


def test_a_loop_whose_steps_cannot_be_told_apart_is_an_error(model: nn.Module) -> None:
    compression = prepare(model, [Prune(target_sparsity=0.5, end_step=10)])
    for _ in range(12):
        compression.hooks.on_before_optimizer_step()
    with pytest.raises(StepError, match="never called on_after_optimizer_step"):
        compression.finish()


def test_quantize_has_no_place_in_a_loop(model: nn.Module) -> None:
    with pytest.raises(StepError, match="quantize takes no part in a training"):
        prepare(model, [Prune(end_step=5), Quantize()])


def test_faults_are_told_together(model: nn.Module) -> None:
    with pytest.raises(PipelineError) as caught:
        prepare(model, [Prune(criterion="snp_momentum"), Distill()])
    text = str(caught.value)
    for part in (
        "Unknown name 'snp_momentum' among criteria",
        "did you mean 'snip_momentum'",
        "length of the training is not known",
        "Distill has no teacher",
    ):
        assert part in text
    assert all(isinstance(fault, IncError) and fault.fix for fault in caught.value.faults)
