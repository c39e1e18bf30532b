"""How a model is trained: the user's data, loss and optimizer, or the user's own loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import attrs
from inc_adaptors.hooks import TrainingHooks
from inc_config.errors import DataError, IncError, StepError

Loop = Callable[[Any, TrainingHooks], Any]


@attrs.frozen(eq=False)
class Training:
    """Everything a training stage needs, in the framework's own objects.

    Args:
        loader: batches of (inputs, targets); read once per epoch, so it must be iterable more than once.
        loss: ``(outputs, targets) -> loss`` in the framework's tensors.
        optimizer: ``(parameters) -> optimizer``, a factory: every stage builds its own.
        epochs: passes over the loader; give this or ``steps``.
        steps: optimizer steps.
        scheduler: ``(optimizer) -> learning-rate scheduler``.
        device: where to train, such as ``"cuda"``; None leaves the model where it is.
        seed: of the framework's random numbers.
        loop: the user's own loop, ``(model, hooks) -> None`` or a model; it calls the hooks, and ``loader``, ``loss`` and ``optimizer``
            may then be left out. ``steps`` (or ``epochs`` and ``loader``) tells schedules how long it will be.

    Raises:
        StepError: something is missing or contradictory.
    """

    loader: Any = None
    loss: Any = None
    optimizer: Any = None
    epochs: int | None = attrs.field(default=None, kw_only=True)
    steps: int | None = attrs.field(default=None, kw_only=True)
    scheduler: Callable[[Any], Any] | None = attrs.field(default=None, kw_only=True)
    device: str | None = attrs.field(default=None, kw_only=True)
    seed: int = attrs.field(default=0, kw_only=True)
    loop: Loop | None = attrs.field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        fix = "Training(loader, loss, optimizer, epochs=3), or Training(loop=my_loop, steps=1000)"
        missing = [name for name in ("loader", "loss", "optimizer") if getattr(self, name) is None]
        if self.loop is None and missing:
            raise StepError(f"Training lacks {', '.join(missing)}.", where="Training(...)", fix=fix)
        if self.loop is None and (self.epochs is None) == (self.steps is None):
            raise StepError("Training needs either epochs or steps.", where=f"Training(epochs={self.epochs}, steps={self.steps})", fix=fix)
        for name in ("epochs", "steps"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise StepError(f"{name} must be a whole number above 0, got {value!r}.", where="Training(...)", fix=fix)
        for name in ("loss", "optimizer", "scheduler", "loop"):
            value = getattr(self, name)
            if value is not None and not callable(value):
                raise StepError(
                    f"{name} must be callable, got {type(value).__name__}.",
                    where="Training(...)",
                    fix="give a factory such as lambda parameters: SGD(parameters, lr=0.1)" if name == "optimizer" else fix,
                )

    @property
    def steps_per_epoch(self) -> int | None:
        """Optimizer steps of one pass over the data; None when nobody can know before it runs."""
        return _length(self.loader)

    @property
    def total_steps(self) -> int | None:
        """Optimizer steps of the whole training; None when nobody can know before it runs."""
        if self.steps is not None:
            return self.steps
        length = _length(self.loader)
        return None if length is None or self.epochs is None else self.epochs * length

    def faults(self) -> tuple[IncError, ...]:
        """What is wrong with the data, found without reading it."""
        if self.loader is None:
            return ()
        if not isinstance(self.loader, Iterable) and not hasattr(self.loader, "__getitem__"):
            what = f"The training data, a {type(self.loader).__name__}, cannot be iterated."
        elif iter(self.loader) is self.loader and self.epochs != 1:
            what = f"The training data, a {type(self.loader).__name__}, can be read only once, but training reads it once per epoch."
        elif _length(self.loader) == 0:
            what = "The training data is empty."
        else:
            return ()
        return (DataError(what, where="train=Training(loader=...)", fix="pass a loader whose iter() starts anew and gives batches"),)


def _length(loader: Any) -> int | None:
    try:
        return len(loader)
    except TypeError:
        return None


def as_training(train: Any) -> Training | None:
    """Accept a ``Training`` or the user's own loop.

    Raises:
        StepError: neither.
    """
    if train is None or isinstance(train, Training):
        return train
    if callable(train):
        return Training(loop=train)
    raise StepError(
        f"train= takes a Training or a loop (model, hooks), not a {type(train).__name__}.",
        where="Pipeline(train=...)",
        fix="Training(loader, loss, optimizer, epochs=3)",
    )
