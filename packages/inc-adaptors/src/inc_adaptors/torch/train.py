"""The plain training loop with hooks in the documented order."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sized
from typing import Any

import attrs
import torch
from inc_config.errors import DataError, StepError
from torch import nn

from inc_adaptors.batches import check_reiterable, describe, split
from inc_adaptors.hooks import TrainingHooks
from inc_adaptors.roles import TrainingSpec
from inc_adaptors.torch.calling import call_checked, device_of, required_inputs, to_native

Progress = Callable[[int, int], None]


@attrs.frozen(kw_only=True, eq=False)
class Task:
    """What is trained: ``extra_parameters`` join the model's in the optimizer, ``teacher`` maps native inputs to native outputs."""

    model: nn.Module
    training: TrainingSpec
    hooks: TrainingHooks
    extra_parameters: tuple[Any, ...] = ()
    teacher: Callable[[Any], Any] | None = None
    progress: Progress


def train(task: Task) -> None:
    """Train the model in place on ``training.device`` and leave it on its own device in evaluation mode.

    Random numbers start from ``training.seed`` and the caller's generator is left as it was.

    Raises:
        DataError: the loader yields nothing, or batches that do not fit.
        StepError: neither epochs nor steps, an unknown device, a loss that is not one finite number with a gradient (names the step).
    """
    model, training = task.model, task.training
    if training.epochs is None and training.steps is None:
        raise StepError("The training says neither epochs nor steps.", where="training", fix="give epochs=... or steps=...")
    home = device_of(model)
    device = device_named(training.device, home)
    if training.epochs is not None and training.epochs > 1 and hasattr(training.loader, "__next__"):
        check_reiterable(training.loader, where="training.loader")
    devices = [device.index or 0] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(training.seed)
        model.to(device)
        model.train()
        try:
            _Loop(task, device).run()
        finally:
            model.to(home)
            model.eval()


def device_named(name: str | None, home: torch.device) -> torch.device:
    """``None`` stays home, ``"auto"`` is CUDA where there is one, anything else is torch's name.

    Raises:
        StepError: unknown, or not there.
    """
    if name is None:
        return home
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise StepError(f"Unknown device {name!r}.", where="training.device", fix="cpu, cuda, cuda:1, auto or None") from error
    try:
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError) as error:  # torch asserts that it was built for CUDA
        raise StepError(
            f"The device {name!r} is not there.", where="training.device", fix="auto, cpu, or a torch built for this device and its driver"
        ) from error
    return device


class _Loop:
    def __init__(self, task: Task, device: torch.device) -> None:
        self.model, self.training, self.hooks, self.teacher, self.progress = (
            task.model,
            task.training,
            task.hooks,
            task.teacher,
            task.progress,
        )
        self.device = device
        self.optimizer = self.training.optimizer(_parameters(self.model, task.extra_parameters))
        self.scheduler = None if self.training.scheduler is None else self.training.scheduler(self.optimizer)
        self.step = 0
        self.total = _total_steps(self.training)

    def run(self) -> None:
        """Run every epoch."""
        training, hooks = self.training, self.hooks
        hooks.on_train_begin()
        for epoch in itertools.count() if training.epochs is None else range(training.epochs):
            if self._is_done():
                break
            hooks.on_epoch_begin(epoch)
            before = self.step
            for batch in self._batches():
                self._train_on(batch)
            if self.step == before:
                raise DataError(
                    f"The training loader yields no batch in epoch {epoch}.",
                    where="training.loader",
                    fix="check its length, and that it can be iterated again (a generator cannot)",
                )
            hooks.on_epoch_end()
        hooks.on_train_end()

    def _is_done(self) -> bool:
        return self.training.steps is not None and self.step >= self.training.steps

    def _batches(self) -> Iterator[Any]:
        for batch in self.training.loader:
            yield batch
            if self._is_done():
                return

    def _train_on(self, batch: Any) -> None:
        raw_inputs, raw_targets = split(batch, required_inputs(self.model))
        inputs, targets = to_native(raw_inputs, self.device), to_native(raw_targets, self.device)
        hooks = self.hooks
        hooks.on_step_begin(self.step)
        self.optimizer.zero_grad()
        outputs = call_checked(self.model, inputs)
        loss = self._loss(outputs, targets)
        taught = None
        if self.teacher is not None:
            with torch.no_grad():
                taught = self.teacher(inputs)
        loss = self._checked(hooks.on_after_compute_loss(inputs, outputs, loss, taught))
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own method has no types
        hooks.on_before_optimizer_step()
        self.optimizer.step()
        hooks.on_after_optimizer_step()
        if self.scheduler is not None:
            self.scheduler.step()
        self.step += 1
        hooks.on_step_end()
        self.progress(self.step, self.total)

    def _loss(self, outputs: Any, targets: Any) -> Any:
        try:
            return self.training.loss(outputs, targets)
        except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise StepError(
                f"The loss cannot be computed in step {self.step}: {str(error).splitlines()[0]}.",
                where=f"outputs {describe(outputs)}, targets {describe(targets)}",
                fix="give a loss(outputs, targets) for what this model returns and this loader yields",
            ) from error

    def _checked(self, loss: Any) -> torch.Tensor:
        if not isinstance(loss, torch.Tensor) or loss.numel() != 1 or not loss.requires_grad:
            raise StepError(
                f"The loss of step {self.step} is {describe(loss)}{'' if getattr(loss, 'requires_grad', True) else ' without a gradient'}.",
                where="training.loss",
                fix="return one number as a tensor computed from the outputs (no .item(), no detach())",
            )
        if not torch.isfinite(loss):
            raise StepError(
                f"The loss is {loss.item()} in step {self.step}.",
                where="training",
                fix="lower the learning rate, clip gradients, or look at this batch for NaN",
            )
        return loss


def _parameters(model: nn.Module, extra: tuple[Any, ...]) -> list[Any]:
    own = [parameter for parameter in model.parameters() if parameter.requires_grad]
    known = {id(parameter) for parameter in own}
    return [*own, *(parameter for parameter in extra if id(parameter) not in known)]


def _total_steps(training: TrainingSpec) -> int:
    """Steps the training will take; 0 where the loader has no length and only epochs are given."""
    length = len(training.loader) if isinstance(training.loader, Sized) else 0
    by_epochs = None if training.epochs is None or not length else training.epochs * length
    return min(value for value in (by_epochs, training.steps, by_epochs or training.steps or 0) if value is not None)
