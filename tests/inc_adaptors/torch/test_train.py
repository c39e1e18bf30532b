"""The training loop: hooks in order, one optimizer, clear errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from inc_adaptors.hooks import HOOK_NAMES, NoHooks
from inc_adaptors.torch.adaptor import TorchAdaptor
from inc_config.errors import DataError, StepError
from torch import nn

ADAPTOR = TorchAdaptor()


class Recorder:
    """Writes down every hook."""

    required = frozenset()

    def __init__(self) -> None:
        self.seen: list[tuple[str, tuple[Any, ...]]] = []

    def __getattr__(self, name: str) -> Any:
        if name not in HOOK_NAMES:
            raise AttributeError(name)

        def record(*args: Any) -> Any:
            self.seen.append((name, args))
            return args[2] if name == "on_after_compute_loss" else None

        return record


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.1)


def pairs(count: int = 3) -> list[Any]:
    generator = np.random.default_rng(0)
    return [(generator.normal(size=(4, 6)).astype(np.float32), generator.integers(0, 3, 4)) for _ in range(count)]


def run(training, model=None, hooks=None, **kwargs):
    model = nn.Linear(6, 3) if model is None else model
    return ADAPTOR.train(ADAPTOR.open(model), training, hooks or NoHooks(), **kwargs)


def test_hooks_come_in_the_documented_order(training) -> None:
    hooks = Recorder()
    run(training(loader=pairs(2), loss=nn.CrossEntropyLoss(), optimizer=sgd, epochs=2), hooks=hooks)
    step = ["on_step_begin", "on_after_compute_loss", "on_before_optimizer_step", "on_after_optimizer_step", "on_step_end"]
    epoch = ["on_epoch_begin", *step, *step, "on_epoch_end"]
    assert [name for name, _ in hooks.seen] == ["on_train_begin", *epoch, *epoch, "on_train_end"]
    assert [args[0] for name, args in hooks.seen if name == "on_step_begin"] == [0, 1, 2, 3]
    assert [args[0] for name, args in hooks.seen if name == "on_epoch_begin"] == [0, 1]


def test_gradients_are_there_before_the_optimizer_step_and_weights_differ_after(training) -> None:
    model = nn.Linear(6, 3)
    before = model.weight.detach().clone()
    grads, changed = [], []

    class Hooks(NoHooks):
        def on_before_optimizer_step(self) -> None:
            grads.append(float(model.weight.grad.abs().sum()))
            changed.append(torch.equal(model.weight, before))

        def on_after_optimizer_step(self) -> None:
            changed.append(torch.equal(model.weight, before))

    run(training(loader=pairs(1), loss=nn.CrossEntropyLoss(), optimizer=sgd, epochs=1), model, Hooks())
    assert grads[0] > 0
    assert changed == [True, False]


def test_one_step_is_plain_gradient_descent(training) -> None:
    model = nn.Linear(6, 3)
    expected = nn.Linear(6, 3)
    expected.load_state_dict(model.state_dict())
    x, y = pairs(1)[0]
    nn.functional.cross_entropy(expected(torch.from_numpy(x)), torch.from_numpy(y)).backward()
    run(training(loader=[(x, y)], loss=nn.CrossEntropyLoss(), optimizer=sgd, steps=1), model)
    assert torch.allclose(model.weight, expected.weight - 0.1 * expected.weight.grad)


@pytest.mark.parametrize(("epochs", "steps", "done"), [(None, 5, 5), (2, None, 6), (2, 4, 4), (1, 50, 3)])
def test_training_ends_after_steps_or_epochs(training, epochs, steps, done) -> None:
    seen: list[tuple[int, int]] = []
    spec = training(loader=pairs(3), loss=nn.CrossEntropyLoss(), optimizer=sgd, epochs=epochs, steps=steps)
    run(spec, progress=lambda step, total: seen.append((step, total)))
    assert seen[-1] == (done, done)


@pytest.mark.parametrize("form", ["tensors", "dict", "nested"])
def test_loaders_of_every_form_train(training, form) -> None:
    class ByName(nn.Linear):
        def forward(self, pixels):
            return super().forward(pixels)

    batches: list[Any] = {
        "tensors": [(torch.from_numpy(x), torch.from_numpy(y)) for x, y in pairs()],
        "dict": [{"pixels": x, "label": y} for x, y in pairs()],
        "nested": [((x,), y) for x, y in pairs()],
    }[form]
    model = ByName(6, 3)
    before = model.weight.detach().clone()
    run(training(loader=batches, loss=nn.CrossEntropyLoss(), optimizer=sgd, epochs=1), model)
    assert not torch.equal(model.weight, before)


def test_the_same_seed_gives_the_same_weights_and_leaves_the_callers_generator(training) -> None:
    data = torch.utils.data.TensorDataset(torch.rand(16, 6), torch.randint(0, 3, (16,)))
    start = nn.Sequential(nn.Linear(6, 6), nn.Dropout(0.5), nn.Linear(6, 3)).state_dict()

    def trained(seed: int) -> torch.Tensor:
        model = nn.Sequential(nn.Linear(6, 6), nn.Dropout(0.5), nn.Linear(6, 3))
        model.load_state_dict(start)
        loader = torch.utils.data.DataLoader(data, batch_size=4, shuffle=True)
        torch.rand(seed)
        state = torch.random.get_rng_state()
        run(training(loader=loader, loss=nn.CrossEntropyLoss(), optimizer=sgd, epochs=2, seed=seed), model)
        assert torch.equal(torch.random.get_rng_state(), state)
        return model[0].weight.detach()

    assert torch.equal(trained(1), trained(1))
    assert not torch.equal(trained(1), trained(2))


def test_the_model_ends_in_evaluation_mode_on_its_own_device(training) -> None:
    model = nn.Sequential(nn.Linear(6, 3), nn.BatchNorm1d(3))
    handle = run(training(loader=pairs(), loss=nn.CrossEntropyLoss(), optimizer=sgd, epochs=1, device="cpu"), model)
    assert handle.native is model
    assert not any(module.training for module in model.modules())
    assert int(model[1].num_batches_tracked) == 3, "it trained in training mode"


def test_extra_parameters_are_optimized_once_each(training) -> None:
    model, extra = nn.Linear(6, 3), nn.Parameter(torch.zeros(3))
    given: list[Any] = []

    def optimizer(parameters):
        given.extend(parameters)
        return sgd(given)

    class Adds(NoHooks):
        def on_after_compute_loss(self, inputs, outputs, loss, teacher_outputs=None):
            return loss + (outputs * extra).sum()

    run(
        training(loader=pairs(), loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=1),
        model,
        Adds(),
        extra_parameters=[extra, model.weight],
    )
    assert [id(p) for p in given] == [id(model.weight), id(model.bias), id(extra)]
    assert extra.abs().sum() > 0


def test_the_scheduler_steps_with_the_optimizer(training) -> None:
    made = []

    def scheduler(optimizer):
        made.append(torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0 / (1 + step)))
        return made[0]

    run(training(loader=pairs(), loss=nn.CrossEntropyLoss(), optimizer=sgd, epochs=2, scheduler=scheduler))
    assert made[0].get_last_lr() == [pytest.approx(0.1 / 7)]


def test_the_teacher_sees_the_inputs_and_hooks_see_its_outputs(training) -> None:
    hooks, teacher = Recorder(), ADAPTOR.teacher(nn.Linear(6, 3))
    run(training(loader=pairs(1), loss=nn.CrossEntropyLoss(), optimizer=sgd, epochs=1), hooks=hooks, teacher=teacher)
    (inputs, _, _, taught) = next(args for name, args in hooks.seen if name == "on_after_compute_loss")
    assert torch.equal(taught, teacher(inputs))
    assert not taught.requires_grad


def test_an_empty_loader_is_refused_before_any_hook(training) -> None:
    hooks = Recorder()
    with pytest.raises(DataError, match="no batch"):
        run(training(loader=[], loss=nn.CrossEntropyLoss(), optimizer=sgd, epochs=1), hooks=hooks)
    assert "on_step_begin" not in [name for name, _ in hooks.seen]


def test_a_generator_is_refused_for_several_epochs_before_any_hook(training) -> None:
    hooks = Recorder()
    with pytest.raises(DataError, match="only once"):
        run(training(loader=iter(pairs()), loss=nn.CrossEntropyLoss(), optimizer=sgd, epochs=2), hooks=hooks)
    assert not hooks.seen


def test_a_loss_that_is_not_finite_names_the_step(training) -> None:
    batches = pairs(3)
    batches[1] = (np.full_like(batches[1][0], np.inf), batches[1][1])
    with pytest.raises(StepError, match="loss is nan in step 1"):
        run(training(loader=batches, loss=nn.CrossEntropyLoss(), optimizer=sgd, epochs=1))


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (lambda outputs, targets: 1.0, "is float"),
        (lambda outputs, targets: outputs, r"float32\[4, 3\]"),
        (lambda outputs, targets: outputs.sum().detach(), "without a gradient"),
        (lambda outputs, targets: outputs.logits, "cannot be computed in step 0"),
    ],
    ids=["number", "vector", "detached", "wrong outputs"],
)
def test_a_loss_of_the_wrong_kind_is_explained(training, loss, message) -> None:
    with pytest.raises(StepError, match=message):
        run(training(loader=pairs(), loss=loss, optimizer=sgd, epochs=1))


@pytest.mark.parametrize("device", ["gpu", "cuda:77", "xpu:77", "meta"])
def test_a_device_that_is_not_there_is_refused(training, device) -> None:
    asked = training(loader=pairs(), loss=nn.CrossEntropyLoss(), optimizer=sgd, epochs=1, device=device)
    with pytest.raises(StepError, match=device):
        run(asked)
    with pytest.raises(StepError, match=device):
        ADAPTOR.check_training(ADAPTOR.open(nn.Linear(4, 3)), asked)


def test_neither_epochs_nor_steps_is_refused(training) -> None:
    with pytest.raises(StepError, match="neither epochs nor steps"):
        run(training(loader=pairs(), loss=nn.CrossEntropyLoss(), optimizer=sgd))


def test_auto_trains_wherever_there_is_a_device(training) -> None:
    model = nn.Linear(6, 3)
    run(training(loader=pairs(), loss=nn.CrossEntropyLoss(), optimizer=sgd, epochs=1, device="auto"), model)
    assert model.weight.device.type == "cpu"
